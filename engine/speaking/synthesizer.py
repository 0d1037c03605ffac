"""Speaks: speech tokens in, 24 kHz samples out, all at once or while the tokens arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.errors import RequestError
from engine.events import Samples
from engine.speaking.euler import VOICE_TAIL_FRAMES
from engine.speaking.flow import Flow
from engine.speaking.flow_stream import FlowState, FlowStream
from engine.speaking.noise import Noise
from engine.speaking.pieces import Pieces
from engine.speaking.playback_clock import PlaybackClock
from engine.speaking.vocoder import Vocoder
from engine.speaking.vocoder_stream import VocoderStream
from engine.speaking.voice import Voice
from engine.speaking.work_thread import WorkThread
from engine.traced import AsIs

SAMPLE_RATE_HZ = 24_000
_TIME_SHARE = 0.6  # of the speech that is still to be played may pass while a larger piece is made
_LONGEST_WORK_S = 0.25  # on a larger piece, for a piece cannot be broken off
_LONGEST_WHOLE_TOKENS = 1500
_WHOLE_IN_PIECES = (200,)
_WARM_ROUNDS = 2  # the first one traces, the second one shows how long it takes


@dataclass(frozen=True, eq=False)
class SpeechChunk:
    """A piece of speech: 24 kHz mono samples and the speech tokens that sound in it."""

    samples_24k: Samples
    first_token: int
    tokens: int


class Synthesizer:
    """One voice speaking, with one number of flow steps, guidance and seed.

    Whole: `synthesizer(tokens)`. Streamed: `push(tokens)` as they come and `finish()` at the end; while `ready()`,
    `step()` gives the next piece. Pieces grow when tokens wait, unless `chunk_tokens` fixes the sizes of the first
    pieces, the last one for all that follow.
    """

    def __init__(
        self,
        flow: Flow,
        vocoder: Vocoder,
        voice: Voice,
        *,
        steps: int = 10,
        guidance: float | None = None,
        seed: int = 0,
        chunk_tokens: Sequence[int] | None = None,
        start: FlowState | None = None,
        thread: WorkThread | None = None,
        measured: list[tuple[int, float]] | None = None,
    ) -> None:
        """`start` is what `prepare` gave; `thread` and `measured` as the properties say."""
        if steps < 1:
            raise RequestError("Speech needs at least one flow step, not {steps}.", steps=steps)
        self.voice = voice
        self.clock = PlaybackClock()
        self._thread = thread
        self._measured = [] if measured is None else measured
        self._flow, self._vocoder = flow, vocoder
        self._steps, self._guidance, self._seed = steps, guidance, seed
        self._plan = Pieces(eager=flow.steps.long_pieces)
        if chunk_tokens is not None:
            self._plan = Pieces(tuple(chunk_tokens), fixed=True)
        self._noise = Noise(flow.config.output_size, seed)
        self._stream = FlowStream(flow, self._noise, steps=steps, guidance=guidance)
        self._sound = VocoderStream(vocoder, seed=seed)
        self._start = start
        self._waiting: NDArray[np.int32] = np.zeros(0, np.int32)
        self._clear()

    def __call__(self, tokens: Sequence[int] | NDArray[np.integer]) -> Samples:
        """All of the speech at once: (960 · tokens,) samples at 24 kHz. Does not touch a stream in progress.

        More than a minute is made in pieces, for the work of a whole grows with the square of its length. Raises
        RequestError for no tokens or one that does not exist.
        """
        checked = self._checked(tokens)
        if not len(checked):
            raise RequestError("There are no speech tokens, so there is nothing to speak.")
        if len(checked) > _LONGEST_WHOLE_TOKENS:
            return self._in_pieces(checked)
        voice_mel = mx.array(self.voice.mel)
        mel = self._flow(
            mx.array(checked),
            mx.array(self.voice.speech_tokens),
            voice_mel,
            mx.array(self.voice.embedding),
            self._noise.rows(0, len(voice_mel) + self._flow.encoder.up_rate * len(checked)),
            steps=self._steps,
            guidance=self._guidance,
        )
        return VocoderStream(self._vocoder, seed=self._seed).step(mel, last=True)

    def prepare(self) -> FlowState:
        """Take in the voice for streaming, once; the state may serve other synthesizers of the same settings."""
        if self._start is None:
            self._start = self._stream.begin(
                mx.array(self.voice.speech_tokens), mx.array(self.voice.mel), mx.array(self.voice.embedding)
            )
        return self._start

    @property
    def thread(self) -> WorkThread | None:
        """Where its steps are better made than on the caller's thread, if anywhere."""
        return self._thread

    @property
    def measured(self) -> Sequence[tuple[int, float]]:
        """Sizes of pieces, in tokens, and the seconds they took when it was warmed up."""
        return self._measured

    def push(self, tokens: Sequence[int] | NDArray[np.integer]) -> None:
        """Add speech tokens to the stream. Raises RequestError for one that does not exist or after `finish`."""
        if self._finished:
            raise RequestError("This speech was already finished: reset the synthesizer before it speaks again.")
        self._waiting = np.concatenate([self._waiting, self._checked(tokens)])

    def finish(self) -> None:
        """No more tokens will come."""
        self._finished = True

    def ready(self) -> bool:
        """Whether `step` would give a piece now."""
        if self._finished:
            return not self._ended and len(self._waiting) > 0
        return len(self._waiting) >= self._plan.least(self._pieces) + self._flow.encoder.look_ahead

    def step(self) -> SpeechChunk | None:
        """The next piece of speech, or None when more tokens are needed or all is spoken."""
        if not self.ready():
            return None
        began = time.perf_counter()
        before = len(self._waiting)
        samples = self._next_samples()
        self._work_s_per_token = (time.perf_counter() - began) / max(before - len(self._waiting), 1)
        first = self._samples_done // self._token_samples
        self._samples_done += len(samples)
        self.clock.add(len(samples) / SAMPLE_RATE_HZ)
        tokens = self._samples_done // self._token_samples - first
        return SpeechChunk(samples, first, tokens)

    def reset(self) -> None:
        """Forget the stream, spoken or not; the voice stays prepared."""
        self._clear()
        self._sound.reset()
        self.clock.reset()

    def warming_up(self) -> Iterator[None]:
        """Prepare the voice and run every shape of piece that can come, one at a step, so that nobody waits for it.

        Leaves a stream in progress alone. Sizes that this machine would never make, for they take too long, are left
        out; and where nothing is traced one piece is enough.
        """
        ahead = self._flow.encoder.look_ahead
        states = {0: self.prepare()}
        self._measured.clear()
        remembered = VOICE_TAIL_FRAMES // self._flow.encoder.up_rate
        sound = VocoderStream(self._vocoder, seed=self._seed)
        fastest = 0.0  # seconds a token
        yield
        for before, size in self._plan.shapes(remembered):
            if size not in self._plan.sizes and size * fastest > _LONGEST_WORK_S:
                continue
            for _ in range(_WARM_ROUNDS):
                if not before:
                    sound.reset()
                began = time.perf_counter()
                mel, state = self._stream.step(states[before], np.zeros(size + ahead, np.int32), False)
                sound.step(mel, False)
                taken = (time.perf_counter() - began) / size
                fastest = min(fastest or taken, taken)
                yield
            self._measured.append((size, taken * size))
            states.setdefault(min(before + size, remembered), state)
            if isinstance(self._flow.steps.piece, AsIs):
                return

    def _clear(self) -> None:
        self._waiting = np.zeros(0, np.int32)
        self._state: FlowState | None = None
        self._finished = self._ended = False
        self._pieces = self._taken = self._samples_done = 0
        self._work_s_per_token = 0.0

    @property
    def _token_samples(self) -> int:
        return self._vocoder.config.hop_samples * self._flow.encoder.up_rate

    def _chunk(self) -> int:
        """Tokens of the next piece."""
        waiting = len(self._waiting) - (0 if self._finished else self._flow.encoder.look_ahead)
        return self._plan.next(self._pieces, self._taken, waiting, self._finished, self._in_time)

    def _in_time(self, tokens: int) -> bool:
        return tokens * self._work_s_per_token <= min(_TIME_SHARE * self.clock.ahead_s, _LONGEST_WORK_S)

    def _next_samples(self) -> Samples:
        chunk, ahead = self._chunk(), self._flow.encoder.look_ahead
        last = self._finished and len(self._waiting) <= chunk + ahead
        window = self._waiting if last else self._waiting[: chunk + ahead]
        self._waiting = self._waiting[len(window) if last else chunk :]
        self._taken += len(window) if last else chunk
        self._pieces += 1
        self._ended = last
        state = self._state or self.prepare()
        mel, self._state = self._stream.step(state, window, last)
        return self._sound.step(mel, last)

    def _in_pieces(self, tokens: NDArray[np.int32]) -> Samples:
        other = Synthesizer(
            self._flow,
            self._vocoder,
            self.voice,
            steps=self._steps,
            guidance=self._guidance,
            seed=self._seed,
            chunk_tokens=_WHOLE_IN_PIECES,
            start=self.prepare(),
        )
        other.push(tokens)
        other.finish()
        pieces = []
        while (piece := other.step()) is not None:
            pieces.append(piece.samples_24k)
        return np.concatenate(pieces)

    def _checked(self, tokens: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int32]:
        values = np.asarray(tokens)
        if values.size and values.dtype.kind not in "iu":
            raise RequestError("Speech tokens are whole numbers.")
        size = self._flow.config.vocab_size
        wrong = values[(values < 0) | (values >= size)]
        if wrong.size:
            raise RequestError(
                "Speech token {token} does not exist: they go from 0 to {last}.", token=wrong[0], last=size - 1
            )
        return values.astype(np.int32).reshape(-1)
