"""Speaks on another machine, for one that has no networks for it: tokens and voices go there, sound comes back."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import RequestError, Sentence, VoiceError
from engine.events import Samples
from engine.remote.earshot.connection import LostConnectionError
from engine.remote.earshot.returning import Line, wait_for_return
from engine.remote.earshot.wire import ForgottenError, misunderstood, numbers_bytes, samples_bytes, samples_from
from engine.remote.networks import RemoteNetworks
from engine.speaking.pieces import Pieces
from engine.speaking.recording import best_part, checked, read_recording
from engine.speaking.synthesizer import SpeechChunk
from engine.speaking.voice import Voice
from engine.speaking.work_thread import WorkThread


class EarshotSpeaking:
    """What is used of `Speaking`, on another machine."""

    def __init__(self, line: Line, fingerprint: str, names: Sequence[str]) -> None:
        self.networks = RemoteNetworks(fingerprint)
        self._line, self._names = line, list(names)
        self._thread = WorkThread("speaking elsewhere")
        self._built_in: dict[str, Voice] = {}
        self._adopted: dict[str, Voice] = {}  # by the content of their recordings

    def close(self) -> None:
        """End its thread."""
        self._thread.close()

    def voice_names(self) -> list[str]:
        """Names of the model's own voices."""
        return list(self._names)

    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices. Raises RemoteError."""
        return tuple(self.voice(name) for name in self._names)

    def voice(self, name: str) -> Voice:
        """One of the model's own voices, sent as a file. Raises VoiceError, RemoteError."""
        if name not in self._built_in:
            self._built_in[name] = self._sent("voice", name=name)
        return self._built_in[name]

    def default_voice(self) -> Voice:
        """The model's first voice. Raises VoiceError when it brings none, RemoteError."""
        if not self._names:
            raise VoiceError("This model has no voice of its own. Add one: earshot voice add NAME FILE.")
        return self.voice(self._names[0])

    def analyse_file(self, path: Path, name: str) -> Voice:
        """See `Speaking.analyse_file`. Raises RemoteError too."""
        return self._analysed(best_part(read_recording(path), path), name)

    def analyse(self, samples: Samples, rate_hz: int, name: str) -> Voice:
        """See `Speaking.analyse`. Raises RemoteError too."""
        return self._analysed(best_part(checked(samples, rate_hz), Sentence("The recording")), name)

    def adopted(self, voice: Voice) -> Voice:
        """See `Speaking.adopted`. Raises RemoteError too."""
        if voice.model == self.networks.fingerprint:
            return voice
        if not len(voice.recording_24k):
            raise VoiceError(
                "The voice {name!r} was made with another model: add it again from a recording.", name=voice.name
            )
        content = hashlib.sha256(voice.recording_24k.tobytes()).hexdigest()
        if content not in self._adopted:
            self._adopted[content] = self._analysed(voice.recording_24k, voice.name)
        return replace(self._adopted[content], name=voice.name)

    def synthesizer(
        self, voice: Voice, *, steps: int | None = None, guidance: float | None = None, seed: int = 0
    ) -> EarshotSynthesizer:
        """Something that speaks there with this voice. Raises RemoteError."""
        wanted = {"steps": steps or 0, "seed": seed}
        return EarshotSynthesizer(self._line, self._thread, self.adopted(voice), wanted)

    def _analysed(self, samples_24k: Samples, name: str) -> Voice:
        return self._sent("analyse", samples_bytes(samples_24k), name=name)

    def _sent(self, do: str, data: bytes = b"", **value: Any) -> Voice:
        return voice_from(self._line.connection().call(do, data, **value).answer().data)


class EarshotSynthesizer:
    """One voice speaking on another machine. When the connection is lost, or others took its place there, it is made
    again and goes on with what was not yet said.
    """

    first_alone = False  # it is made on another machine

    def __init__(self, line: Line, thread: WorkThread, voice: Voice, wanted: dict[str, Any]) -> None:
        self.voice, self.thread = voice, thread
        self._line, self._wanted = line, wanted
        self.reset()
        self._make_there()

    def _make_there(self) -> None:
        """Have it made, with a stream that begins with what was not yet spoken. Raises RemoteError."""
        self._connection = self._line.connection()
        self._about = self._connection.call("synthesizer", voice_bytes(self.voice), **self._wanted).answer()
        self._number = self._about.get("number", int)
        self._sent = self._began = self._spoken
        self._fresh = True

    @property
    def measured(self) -> list[tuple[int, float]]:
        """Sizes of pieces, in tokens, and the seconds that they took there when it was warmed up."""
        try:
            return [(int(size), float(seconds)) for size, seconds in self._about.get("measured", list)]
        except (TypeError, ValueError) as error:
            raise misunderstood("pieces have a size and seconds") from error

    @property
    def pieces(self) -> Pieces:
        """The sizes that pieces may have."""
        return Pieces(eager=self._about.get("eager", bool), longest=self._about.get("longest", int))

    @property
    def look_ahead(self) -> int:
        """See `Synthesizer`."""
        return self._about.get("look_ahead", int)

    def __call__(self, tokens: Sequence[int] | NDArray[np.integer]) -> Samples:
        """All of the speech, made in pieces so that nobody there waits for long. Does not touch a stream in progress.

        Raises RequestError as `Synthesizer`, RemoteError.
        """
        if not len(tokens):
            raise RequestError("There are no speech tokens, so there is nothing to speak.")
        other = EarshotSynthesizer(self._line, self.thread, self.voice, self._wanted)
        other.push(tokens)
        other.finish()
        made: list[Samples] = []
        while other.left:
            made.append(other.step(other.pieces.sizes(len(made), len(tokens) - other.left)[0]).samples_24k)
        return np.concatenate(made)

    @property
    def left(self) -> int:
        """Tokens that were pushed and not yet spoken."""
        return len(self._tokens) - self._spoken

    def reset(self) -> None:
        """Begin another speech."""
        self._tokens: list[int] = []
        self._spoken: int = 0  # tokens in what was made
        self._sent = self._began = 0  # tokens that are there, and before the stream there began
        self._finished, self._fresh = False, True

    def push(self, tokens: Sequence[int] | NDArray[np.integer]) -> None:
        """Add speech tokens to the stream."""
        self._tokens += [int(token) for token in tokens]

    def finish(self) -> None:
        """No more tokens will come."""
        self._finished = True

    def step(self, tokens: int) -> SpeechChunk:
        """The next piece of so many tokens. Raises RemoteError."""
        while True:
            try:
                return self._step_there(tokens)
            except LostConnectionError as lost:
                wait_for_return(self._line, lost)

    def _step_there(self, size: int) -> SpeechChunk:
        if not self._connection.is_open:
            self._make_there()
        try:
            return self._piece(size)
        except ForgottenError:
            self._make_there()
            return self._piece(size)

    def _piece(self, size: int) -> SpeechChunk:
        coming = numbers_bytes(self._tokens[self._sent :])
        state = {"size": size, "finished": self._finished, "fresh": self._fresh}
        made = self._connection.call("piece", coming, synthesizer=self._number, **state).answer()
        self._sent, self._fresh = len(self._tokens), False
        chunk = SpeechChunk(
            samples_from(made.data), self._began + made.get("first_token", int), made.get("tokens", int)
        )
        self._spoken = chunk.first_token + chunk.tokens
        return chunk

    def warming_up(self) -> Iterator[None]:
        """Have every shape of piece run there. Raises RemoteError."""
        self._make_there()
        for about in self._connection.call("warm", synthesizer=self._number).answers_and_waits():
            self._about = about or self._about  # with what was measured
            yield


def voice_bytes(voice: Voice) -> bytes:
    """A voice as its small file, without the recording that it was made of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent.voice"
        replace(voice, recording_24k=np.zeros(0, np.float32)).save(path, private=True)
        return path.read_bytes()


def voice_from(data: bytes) -> Voice:
    """The voice of a file that was sent. Raises VoiceError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent.voice"
        path.write_bytes(data)
        return Voice.load(path)
