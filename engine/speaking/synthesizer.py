"""Speaks: speech tokens in, 24 kHz samples out, all at once or while the tokens arrive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.errors import RequestError
from engine.events import Samples
from engine.speaking.euler import VOICE_TAIL_FRAMES
from engine.speaking.flow import Flow
from engine.speaking.flow_stream import FlowState, FlowStream
from engine.speaking.noise import Noise
from engine.speaking.pieces import HARDLY_LONGER, LONGEST_WORK_S, STEADY, Pieces
from engine.speaking.vocoder import Vocoder
from engine.speaking.vocoder_stream import VocoderStream
from engine.speaking.voice import Voice
from engine.speaking.work_thread import WorkThread
from engine.traced import AsIs

SAMPLE_RATE_HZ = 24_000
_LONGEST_WHOLE_TOKENS = 1500
_WHOLE_IN_PIECES = (200,)
_WARM_ROUNDS = 2  # of a size: the first one traces, the second one shows how long it takes


@dataclass(frozen=True, eq=False)
class SpeechChunk:
    """A piece of speech: 24 kHz mono samples and the speech tokens that sound in it."""

    samples_24k: Samples
    first_token: int
    tokens: int


class Synthesizer:
    """One voice speaking, with one number of flow steps, guidance and seed.

    Whole: `synthesizer(tokens)`. Streamed: `push(tokens)` as they come and `finish()` at the end; meanwhile
    `step(size)` gives the next piece. `pieces` says which sizes are ready to be made; `chunk_tokens` fixes those of the
    first pieces, the last one for all that follow.
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
        first_alone: bool = False,
        measured: list[tuple[int, float]] | None = None,
    ) -> None:
        """`start` is what `prepare` gave; `thread`, `first_alone` and `measured` as the properties say."""
        if steps < 1:
            raise RequestError("Speech needs at least one flow step, not {steps}.", steps=steps)
        self.voice = voice
        self._thread, self._first_alone = thread, first_alone
        self._measured = [] if measured is None else measured
        self._flow, self._vocoder = flow, vocoder
        self._steps, self._guidance, self._seed = steps, guidance, seed
        self._plan = Pieces(tuple(chunk_tokens or ()), eager=flow.steps.long_pieces, padded=flow.steps.padded)
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
    def first_alone(self) -> bool:
        """Whether nothing else should be done while it makes the first piece of a passage."""
        return self._first_alone

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

    @property
    def pieces(self) -> Pieces:
        """The sizes that pieces may have: where they are traced, those that were when it was warmed up."""
        if not (self._traced and self._measured):
            return self._plan
        return replace(self._plan, longest=max(size for size, _ in self._measured))

    @property
    def look_ahead(self) -> int:
        """Tokens after a piece that must be known to make it, unless it is the last one."""
        return self._flow.encoder.look_ahead

    def step(self, size: int | None = None) -> SpeechChunk | None:
        """The next piece of speech, of `size` tokens (None: the least), or None when more are needed or all is spoken.

        The last piece takes what is left when that is no more than the piece and its look-ahead.
        """
        size = size or self.pieces.sizes(self._pieces, self._taken)[0]
        ready = len(self._waiting) > 0 if self._finished else len(self._waiting) >= size + self.look_ahead
        if not ready:
            return None
        samples = self._next_samples(size)
        first = self._samples_done // self._token_samples
        self._samples_done += len(samples)
        tokens = self._samples_done // self._token_samples - first
        return SpeechChunk(samples, first, tokens)

    def reset(self) -> None:
        """Forget the stream, spoken or not; the voice stays prepared."""
        self._clear()
        self._sound.reset()

    def warming_up(self) -> Iterator[None]:
        """Prepare the voice and run every shape of piece that can come, one at a step, so that nobody waits for it.

        Leaves a stream in progress alone. Sizes that this machine would never make, for they take too long, are left
        out; and where nothing is traced two sizes are enough, to know how long a piece takes.
        """
        states = {0: self.prepare()}
        self._measured.clear()
        # Padded caches are alike after any piece, but the sound of a first piece has no overlap before it.
        remembered = 1 if self._plan.padded else VOICE_TAIL_FRAMES // self._flow.encoder.up_rate
        sound = VocoderStream(self._vocoder, seed=self._seed)
        works: dict[int, float] = {}
        yield
        for before, size in self._plan.shapes(remembered):
            if size not in works and size > STEADY and _takes_too_long(size, works):
                continue
            for _ in range(1 if size in works else _WARM_ROUNDS):
                began = time.perf_counter()
                state = self._where_it_speaks(partial(self._try, size, states[before], sound, first=not before))
                taken_s = time.perf_counter() - began
                yield
            works.setdefault(size, taken_s)
            self._measured[:] = works.items()
            states.setdefault(min(before + size, remembered), state)
            if len(works) == 2 and not self._traced:
                return
        if self._traced and not self._vocoder.padded:  # what a last piece of any length takes is not what was traced
            for size in works:
                self._where_it_speaks(partial(self._try, size, states[0], sound, first=True, last=True))
                yield

    def _where_it_speaks(self, work: Callable[[], FlowState]) -> FlowState:
        """What is traced belongs to the thread that traced it."""
        return work() if self._thread is None else self._thread.submit(work).result()

    def _try(self, size: int, state: FlowState, sound: VocoderStream, *, first: bool, last: bool = False) -> FlowState:
        """Make a piece of so many tokens of nothing after a state, with a vocoder of its own."""
        if first:
            sound.reset()
        window = np.zeros(size if last else size + self.look_ahead, np.int32)
        mel, following = self._stream.step(state, window, last, size if last else 0)
        sound.step(mel, last, self._flow.encoder.up_rate * size if last else 0)
        return following

    @property
    def _traced(self) -> bool:
        return not isinstance(self._flow.steps.piece, AsIs)

    def _clear(self) -> None:
        self._waiting = np.zeros(0, np.int32)
        self._state: FlowState | None = None
        self._finished = False
        self._pieces = self._taken = self._samples_done = 0

    @property
    def _token_samples(self) -> int:
        return self._vocoder.config.hop_samples * self._flow.encoder.up_rate

    def _next_samples(self, size: int) -> Samples:
        last = self._finished and len(self._waiting) <= size + self.look_ahead
        window = self._waiting if last else self._waiting[: size + self.look_ahead]
        taken = len(window) if last else size
        self._waiting = self._waiting[taken:]
        self._taken += taken
        self._pieces += 1
        state = self._state or self.prepare()
        padded = self.pieces.padded_size(taken) if last else 0
        mel, self._state = self._stream.step(state, window, last, padded)
        return self._sound.step(mel, last, self._flow.encoder.up_rate * padded)

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


def _takes_too_long(size: int, works: dict[int, float]) -> bool:
    """Whether no such piece would be made, by the line through the shortest and the longest that were."""
    shortest, longest = min(works), max(works)
    each_s = max((works[longest] - works[shortest]) / (longest - shortest), 0.0)
    return works[longest] + (size - longest) * each_s > max(LONGEST_WORK_S, HARDLY_LONGER * works[shortest])
