"""The one voice of a vLLM server, for a machine that has no networks to speak with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import VoiceError
from engine.events import Samples
from engine.remote.networks import RemoteNetworks
from engine.remote.vllm.sound import ReceivedSound
from engine.speaking.pieces import Pieces
from engine.speaking.synthesizer import SpeechChunk
from engine.speaking.voice import Voice
from engine.speaking.work_thread import WorkThread

VOICE_NAME = "vLLM"
_LOOK_AHEAD = 3  # speech tokens behind a piece that the server waits for, as `Synthesizer` does


class VllmSpeaking:
    """What is used of `Speaking`. `newest` is the sound of the answer that is being written, or was last."""

    def __init__(self, place: str, newest: Callable[[], ReceivedSound]) -> None:
        self.networks = RemoteNetworks(f"vLLM at {place}")
        self._place, self._newest = place, newest
        self._thread = WorkThread("sound from vLLM")
        tokens, embedding, mel = np.zeros(1, np.int32), np.zeros(192, np.float32), np.zeros((2, 80), np.float32)
        self._voice = Voice(VOICE_NAME, tokens, embedding, mel, model=self.networks.fingerprint)  # of nobody

    def close(self) -> None:
        """End its thread."""
        self._newest().end()
        self._thread.close()

    def voice_names(self) -> list[str]:
        """The name of its voice."""
        return [VOICE_NAME]

    def voices(self) -> tuple[Voice, ...]:
        """Its voice."""
        return (self._voice,)

    def voice(self, name: str) -> Voice:
        """Its voice by name. Raises VoiceError."""
        if name != VOICE_NAME:
            raise self._one_voice()
        return self._voice

    def default_voice(self) -> Voice:
        """Its voice."""
        return self._voice

    def analyse_file(self, path: Path, name: str) -> Voice:
        """Raises VoiceError."""
        raise self._one_voice()

    def analyse(self, samples: Samples, rate_hz: int, name: str) -> Voice:
        """Raises VoiceError."""
        raise self._one_voice()

    def adopted(self, voice: Voice) -> Voice:
        """Its own voice. Raises VoiceError for another."""
        if voice.model != self.networks.fingerprint:
            raise self._one_voice()
        return voice

    def synthesizer(
        self, voice: Voice, *, steps: int | None = None, guidance: float | None = None, seed: int = 0
    ) -> VllmSynthesizer:
        """What hands out the sound that comes from the server. Raises VoiceError for another voice than its own."""
        return VllmSynthesizer(self.adopted(voice), self._thread, self._newest)

    def _one_voice(self) -> VoiceError:
        return VoiceError(
            "{place} speaks with one voice of its own: choose the voice {voice}, or have a model with token2wav on "
            "this machine.",
            place=self._place,
            voice=VOICE_NAME,
        )


class VllmSynthesizer:
    """Hands out the sound of the newest answer, token by token. See `Synthesizer`."""

    measured: Sequence[tuple[int, float]] = ()
    pieces = Pieces()
    look_ahead = _LOOK_AHEAD

    first_alone = False  # it is made on another machine

    def __init__(self, voice: Voice, thread: WorkThread, newest: Callable[[], ReceivedSound]) -> None:
        self.voice, self.thread = voice, thread
        self._newest = newest
        self.reset()

    def __call__(self, tokens: Sequence[int] | NDArray[np.integer]) -> Samples:
        """All of the newest answer's sound. Raises RequestError for another's."""
        return self._newest().take(0, [int(token) for token in tokens])

    def reset(self) -> None:
        """Begin with the newest answer."""
        self._sound: ReceivedSound | None = None
        self._waiting: list[int] = []
        self._done, self._finished = 0, False

    def push(self, tokens: Sequence[int] | NDArray[np.integer]) -> None:
        """Add speech tokens to the stream."""
        self._waiting += [int(token) for token in tokens]

    def finish(self) -> None:
        """No more tokens will come."""
        self._finished = True

    def step(self, tokens: int) -> SpeechChunk | None:
        """See `Synthesizer.step`. Raises RemoteError, and RequestError for tokens of another answer."""
        ready = self._waiting if self._finished else len(self._waiting) >= tokens + _LOOK_AHEAD
        if not ready:
            return None
        last = self._finished and len(self._waiting) <= tokens + _LOOK_AHEAD
        taken = self._waiting if last else self._waiting[:tokens]
        self._sound = self._sound or self._newest()
        samples = self._sound.take(self._done, taken)
        first, self._done = self._done, self._done + len(taken)
        self._waiting = self._waiting[len(taken) :]
        return SpeechChunk(samples, first, len(taken))

    def warming_up(self) -> Iterator[None]:
        """There is nothing to warm up."""
        return iter(())
