"""Work for the one thread that owns the engine, and what it yields as an asynchronous stream."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol

from engine.engine import Engine
from engine.errors import RequestError
from engine.events import Pause

_MOST_WAITING = 1024  # events that a reader has not taken yet
_END = -1  # before every priority


class Priority(IntEnum):
    """Who goes first among what is served. A host may have more urgent work of its own."""

    AT_ONCE = 0  # a short step of a conversation that goes on: it passes between two ids of an answer
    SPEAKER = 1  # somebody waits for an answer
    FILES = 2


Steps = Callable[[Engine, "Job"], Iterator[Any]]
_Explained = Callable[[BaseException], BaseException]


def steps_of(replies: Iterator[Any]) -> Iterator[Any]:
    """The events of a reply as steps: None for a pause, of which nobody needs to hear."""
    for event in replies:
        yield None if isinstance(event, Pause) else event


class Job:
    """A row of short steps on the engine's thread. `on_event` and `on_end` are called there and must not block.

    `on_end` is given what ended it: None when all steps were made or it was cancelled, else the exception. Every job
    that was submitted ends.
    """

    def __init__(
        self,
        name: str,
        steps: Steps,
        priority: Priority,
        on_event: Callable[[Any], None],
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        self.name, self.steps, self.priority = name, steps, priority
        self.on_event, self.on_end = on_event, on_end
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._over = False
        self.on_cancel: Callable[[], None] | None = None  # how to end it sooner than between two steps

    def end(self, error: BaseException | None) -> None:
        """Call `on_end`, the first time."""
        with self._lock:
            over, self._over = self._over, True
        if not over:
            self.on_end(error)

    def cancel(self) -> None:
        """End it before its next step. From any thread."""
        self._cancelled.set()
        if self.on_cancel is not None:
            self.on_cancel()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()


@dataclass(frozen=True)
class About:
    """What others are told of the model in use."""

    name: str
    folder: Path
    languages: tuple[str, ...]  # codes; none: whatever it was trained on
    chats: bool
    thinks: bool
    speaks: bool

    @classmethod
    def of(cls, engine: Engine) -> About:
        """Of a loaded engine."""
        known, able = engine.about.get("languages") or (), engine.capabilities
        return cls(engine.name, engine.folder, tuple(map(str, known)), able.chats, able.thinks, able.speaks)


class HostEndedError(RequestError):
    """The engine is going away, and what it was doing with it."""


class Host(Protocol):
    """What owns the engine and its thread."""

    @property
    def about(self) -> About:
        """What the engine can do. Raises RequestError while there is none."""

    def submit(self, job: Job) -> None:
        """Have a job done: more urgent ones go first, also between the steps of one that has begun."""


class Worker:
    """A host without a window: its thread loads the engine and keeps it. The context ends the thread."""

    def __init__(self, load: Callable[[], Engine], explained: _Explained | None = None) -> None:
        """A job that fails ends with what `explained` makes of its error. Raises what `load` raises, which is called on
        the new thread, as `explained` is.
        """
        self._load, self._explained = load, explained
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._open = True
        self._failed: BaseException | None = None
        self._jobs: set[Job] = set()  # that have not ended
        self._queue: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._ready: queue.SimpleQueue[About | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()
        loaded = self._ready.get()
        if isinstance(loaded, BaseException):
            raise loaded
        self.about = loaded

    def submit(self, job: Job) -> None:
        """See `Host`."""
        with self._lock:
            if self._open:
                self._jobs.add(job)
                self._queue.put((job.priority, next(self._order), job))
                return
        job.end(self._failed or ended())

    def fail(self, error: BaseException) -> None:
        """End everything with an error, at once and from any thread: the engine's own may never come back."""
        with self._lock:
            self._open, self._failed = False, error
            jobs, self._jobs = self._jobs, set()
        for job in jobs:
            job.end(error)

    def close(self, timeout_s: float = 5.0) -> None:
        """End the thread after the step that is being made; whatever was not done ends with HostEndedError."""
        with self._lock:
            self._open = False
            self._queue.put((_END, next(self._order), None))
        self._thread.join(timeout_s)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            engine = self._load()
            self._ready.put(About.of(engine))
        except BaseException as error:
            self._ready.put(error)
            return
        with contextlib.suppress(_Ended):
            while (job := self._queue.get()[2]) is not None:
                self._do(engine, job)
        while not self._queue.empty():
            if (job := self._queue.get()[2]) is not None:
                self._end(job, ended())
        engine.close()

    def _do(self, engine: Engine, job: Job) -> None:
        error: BaseException | None = None
        try:
            if not job.cancelled():
                self._make_steps(engine, job)
        except _Ended:
            self._end(job, ended())
            raise
        except BaseException as raised:
            error = raised if self._explained is None else self._explained(raised)
        self._end(job, error)

    def _end(self, job: Job, error: BaseException | None) -> None:
        with self._lock:
            self._jobs.discard(job)
        job.end(error)

    def _make_steps(self, engine: Engine, job: Job) -> None:
        with closing(job.steps(engine, job)) as steps:  # type: ignore[type-var]
            for event in steps:
                if job.cancelled():
                    return
                if event is not None:
                    job.on_event(event)
                self._let_pass(engine, job)

    def _let_pass(self, engine: Engine, job: Job) -> None:
        """Carry out what is more urgent."""
        while True:
            try:
                priority, order, waiting = self._queue.get_nowait()
            except queue.Empty:
                return
            if waiting is None:
                raise _Ended
            if priority >= job.priority:
                self._queue.put((priority, order, waiting))
                return
            self._do(engine, waiting)


def ended() -> HostEndedError:
    """What a job ends with that the engine's going cut short."""
    return HostEndedError("Earshot is quitting or changing models, so this was not finished.")


class _Ended(Exception):  # noqa: N818 (nothing went wrong)
    """The thread is to end."""


class SlowReaderError(RequestError):
    """Whoever asked does not take what is made."""


class _Mailbox:
    """From the engine's thread to an event loop; it holds so many events and no more."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._coming: asyncio.Queue[tuple[Any, BaseException | None, bool]] = asyncio.Queue()
        self._lock = threading.Lock()
        self._waiting = 0
        self.overfull = False

    def put(self, event: Any) -> bool:
        """Whether there was room for it. Never waits."""
        with self._lock:
            self.overfull = self.overfull or self._waiting >= _MOST_WAITING
            self._waiting += not self.overfull
        if not self.overfull:
            self._post((event, None, False))
        return not self.overfull

    def end(self, error: BaseException | None) -> None:
        """Nothing more comes."""
        if self.overfull:
            error = SlowReaderError("The answer was not read fast enough, so it was cut off.")
        self._post((None, error, True))

    def _post(self, item: tuple[Any, BaseException | None, bool]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._coming.put_nowait, item)

    async def stream(self) -> AsyncGenerator[Any]:
        """The events, until the end. Raises what the job ended with."""
        while True:
            event, error, last = await self._coming.get()
            if error is not None:
                raise error
            if last:
                return
            with self._lock:
                self._waiting -= 1
            yield event


async def events(host: Host, name: str, steps: Steps, priority: Priority) -> AsyncGenerator[Any]:
    """What the steps of a job yield, but for None. Closing it cancels the job.

    Raises what the steps raise, and SlowReaderError when too much waits to be taken: the job is cancelled then, for
    nobody may hold up the engine's thread.
    """
    mailbox = _Mailbox(asyncio.get_running_loop())

    def on_event(event: Any) -> None:
        if not mailbox.put(event):
            job.cancel()

    job = Job(name, steps, priority, on_event, mailbox.end)
    host.submit(job)
    try:
        async for event in mailbox.stream():
            yield event
    finally:
        job.cancel()
