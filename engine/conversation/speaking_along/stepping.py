"""A synthesizer's steps, made when the schedule says: one after the other with the writing, or beside it.

On a CPU the language model's single rows and the synthesizer's small products each keep one core busy, on a CUDA device
writing waits for memory and speech for the core that launches its kernels: done beside each other, a reply takes little
more than the slower of the two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from engine.conversation.speaking_along.schedule import Schedule
from engine.events import Samples
from engine.speaking.pieces import Pieces

if TYPE_CHECKING:
    from engine.speaking.work_thread import WorkThread


class Chunk(Protocol):
    """What a synthesizer makes in one step."""

    @property
    def samples_24k(self) -> Samples: ...
    @property
    def first_token(self) -> int: ...
    @property
    def tokens(self) -> int: ...


class Synthesizer(Protocol):
    """What is needed of `engine.speaking.Synthesizer`."""

    @property
    def thread(self) -> WorkThread | None: ...
    @property
    def first_alone(self) -> bool: ...
    @property
    def measured(self) -> Sequence[tuple[int, float]]: ...
    @property
    def pieces(self) -> Pieces: ...
    @property
    def look_ahead(self) -> int: ...
    def push(self, tokens: list[int]) -> None: ...
    def finish(self) -> None: ...
    def step(self, tokens: int) -> Chunk | None: ...
    def reset(self) -> None: ...


Made = tuple[Chunk, float]  # a chunk and the seconds it took


class Stepping(Protocol):
    """Feeds a synthesizer and takes its chunks."""

    def push(self, token: int) -> None:
        """One more speech token."""

    def finish(self) -> None:
        """No more tokens will come."""

    def next(self, *, wait: bool) -> Chunk | None:
        """The next chunk. Without `wait` None when there is none yet; with it, when all is spoken."""

    def close(self) -> None:
        """Leave the synthesizer alone from here on."""


class InTurn:
    """Steps on the caller's thread, when they are asked for."""

    def __init__(self, synthesizer: Synthesizer, schedule: Schedule) -> None:
        self._synthesizer, self._schedule = synthesizer, schedule
        synthesizer.reset()

    def push(self, token: int) -> None:
        """One more speech token."""
        self._schedule.write()
        self._synthesizer.push([token])

    def finish(self) -> None:
        """No more tokens will come."""
        self._schedule.end()
        self._synthesizer.finish()

    def next(self, *, wait: bool) -> Chunk | None:
        """See `Stepping`."""
        tokens = self._schedule.take()
        return _noted(self._schedule, _made(self._synthesizer, tokens)) if tokens else None

    def close(self) -> None:
        """See `Stepping`."""


class Beside:
    """Steps on a thread of their own, one begun as soon as the last one was taken.

    Whoever asks waits for the first where the synthesizer wants that: nothing is heard before it, and on a CUDA device
    it takes half as long alone.

    The synthesizer is touched only while no step runs, and all its arrays are made on that thread: MLX evaluates an
    array only where it was made.
    """

    def __init__(self, synthesizer: Synthesizer, schedule: Schedule, thread: WorkThread) -> None:
        self._synthesizer, self._schedule, self._worker = synthesizer, schedule, thread
        self._held: list[int] = []
        self._ending = self._ended = False
        self._alone = synthesizer.first_alone  # until a step was made
        self._running: Future[Made] | None = None
        self._worker.submit(synthesizer.reset).result()

    def push(self, token: int) -> None:
        """One more speech token."""
        self._schedule.write()
        self._held.append(token)

    def finish(self) -> None:
        """No more tokens will come."""
        self._schedule.end()
        self._ending = True

    def next(self, *, wait: bool) -> Chunk | None:
        """See `Stepping`. Raises what the step raised."""
        if self._running is None:
            self._begin()
        if self._running is None or not (wait or self._alone or self._running.done()):
            return None
        self._alone = False
        running, self._running = self._running, None
        chunk = _noted(self._schedule, running.result())
        self._begin()
        return chunk

    def close(self) -> None:
        """Wait for the step that runs, whatever becomes of it."""
        running, self._running = self._running, None
        if running is not None:
            running.exception()

    def _begin(self) -> None:
        """Start a step, if one is due."""
        if not (tokens := self._schedule.take()):
            return
        if self._held:
            self._synthesizer.push(self._held)
            self._held = []
        if self._ending and not self._ended:
            self._synthesizer.finish()
            self._ended = True
        self._running = self._worker.submit(lambda: _made(self._synthesizer, tokens))


def stepping(synthesizer: Synthesizer, schedule: Schedule) -> Stepping:
    """How this synthesizer's steps are best made; it starts afresh."""
    if synthesizer.thread is None:
        return InTurn(synthesizer, schedule)
    return Beside(synthesizer, schedule, synthesizer.thread)


def _made(synthesizer: Synthesizer, tokens: int) -> Made:
    began = time.perf_counter()
    chunk = synthesizer.step(tokens)
    assert chunk is not None
    return chunk, time.perf_counter() - began


def _noted(schedule: Schedule, made: Made) -> Chunk:
    chunk, seconds = made
    schedule.made(chunk.tokens, seconds)
    return chunk
