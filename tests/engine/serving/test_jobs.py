from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import RequestError
from engine.serving import Job, Priority, Worker, events, jobs
from engine.serving.jobs import HostEndedError, SlowReaderError


def engine() -> Any:
    able = SimpleNamespace(chats=True, thinks=False, speaks=False)
    return SimpleNamespace(name="Small", folder=Path("small"), about={}, capabilities=able, close=lambda: None)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(engine) as made:
        yield made


class Recorded:
    """A job whose steps wait to be let on, and what came of it."""

    def __init__(self, name: str, log: list[str], priority: Priority, steps: int = 2, gate: bool = False) -> None:
        self.gate = threading.Semaphore(0 if gate else steps)
        self.begun, self.over = threading.Event(), threading.Event()
        self.error: BaseException | None = None

        def run(_engine: Any, _job: Job) -> Iterator[Any]:
            try:
                for step in range(steps):
                    self.begun.set()
                    assert self.gate.acquire(timeout=30)
                    yield f"{name}{step}"
            finally:
                log.append(f"{name} closed")

        self.job = Job(name, run, priority, log.append, self._end)

    def _end(self, error: BaseException | None) -> None:
        self.error = error
        self.over.set()


def test_a_short_step_passes_between_the_steps_of_an_answer(worker: Worker) -> None:
    log: list[str] = []
    speaker = Recorded("speaker", log, Priority.SPEAKER, gate=True)
    piece = Recorded("piece", log, Priority.AT_ONCE, steps=1)
    worker.submit(speaker.job)
    assert speaker.begun.wait(30)
    worker.submit(piece.job)
    speaker.gate.release(2)
    assert speaker.over.wait(30)
    assert log == ["speaker0", "piece0", "piece closed", "speaker1", "speaker closed"]


def test_a_speaker_passes_between_the_steps_of_a_file(worker: Worker) -> None:
    log: list[str] = []
    file = Recorded("file", log, Priority.FILES, gate=True)
    speaker, other = Recorded("speaker", log, Priority.SPEAKER), Recorded("other", log, Priority.FILES)
    worker.submit(file.job)
    assert file.begun.wait(30)
    worker.submit(other.job)
    worker.submit(speaker.job)
    file.gate.release(2)
    assert other.over.wait(30)
    assert log == [
        *("file0", "speaker0", "speaker1", "speaker closed", "file1", "file closed"),
        *("other0", "other1", "other closed"),
    ]


def test_a_cancelled_job_is_closed_and_ends_without_an_error(worker: Worker) -> None:
    log: list[str] = []
    running, waiting = Recorded("a", log, Priority.FILES, gate=True), Recorded("b", log, Priority.FILES)
    worker.submit(running.job)
    worker.submit(waiting.job)
    assert running.begun.wait(30)
    running.job.cancel()
    waiting.job.cancel()
    running.gate.release()
    assert running.over.wait(30)
    assert waiting.over.wait(30)
    assert (log, running.error, waiting.error) == (["a closed"], None, None)


def test_every_job_ends_when_the_host_does(worker: Worker) -> None:
    log: list[str] = []
    running, waiting = Recorded("a", log, Priority.FILES, gate=True), Recorded("b", log, Priority.FILES)
    late = Recorded("late", log, Priority.FILES)
    worker.submit(running.job)
    worker.submit(waiting.job)
    assert running.begun.wait(30)
    ending = threading.Thread(target=worker.close)
    ending.start()
    while worker._open:
        threading.Event().wait(0.001)
    worker.submit(late.job)
    running.gate.release()
    ending.join(30)
    for each in (running, waiting, late):
        assert each.over.wait(30)
        assert isinstance(each.error, HostEndedError)
    assert log == ["a0", "a closed"]


def test_what_cannot_be_loaded_is_raised_where_it_was_asked_for() -> None:
    def load() -> Any:
        raise RequestError("There is no model.")

    with pytest.raises(RequestError, match="no model"):
        Worker(load)


def test_a_job_that_fails_ends_with_what_its_error_means() -> None:
    def steps(_engine: Any, _job: Job) -> Iterator[Any]:
        raise RuntimeError("connection lost")
        yield

    found: list[BaseException | None] = []
    over = threading.Event()
    with Worker(engine, lambda error: RequestError(f"A machine is gone: {error}.")) as worker:
        worker.submit(Job("fails", steps, Priority.SPEAKER, print, lambda error: (found.append(error), over.set())))
        assert over.wait(30)
    assert [str(error) for error in found] == ["A machine is gone: connection lost."]


def test_events_arrive_and_errors_are_raised(worker: Worker) -> None:
    def steps(_engine: Any, _job: Job) -> Iterator[Any]:
        yield from (1, None, 2)
        raise RequestError("That was all.")

    async def read() -> list[Any]:
        found: list[Any] = []
        try:
            async for event in events(worker, "count", steps, Priority.SPEAKER):
                found.append(event)
        except RequestError as error:
            return [*found, str(error)]
        return found

    assert asyncio.run(read()) == [1, 2, "That was all."]


def test_who_leaves_a_stream_cancels_its_job(worker: Worker) -> None:
    ended = threading.Event()

    def steps(_engine: Any, job: Job) -> Iterator[Any]:
        job.on_cancel = ended.set
        yield 0
        assert ended.wait(30)
        yield 1

    async def read() -> None:
        stream = events(worker, "count", steps, Priority.SPEAKER)
        assert await anext(stream) == 0
        await stream.aclose()

    asyncio.run(read())
    assert ended.is_set()


def test_a_slow_reader_never_holds_up_the_engine(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_MOST_WAITING", 3)
    made: list[int] = []
    over = threading.Event()

    def steps(_engine: Any, _job: Job) -> Iterator[Any]:
        try:
            for number in range(100):
                made.append(number)
                yield number
        finally:
            over.set()

    async def read() -> None:
        async for _ in events(worker, "flood", steps, Priority.SPEAKER):
            assert over.wait(30)  # nothing is read before the job is over

    with pytest.raises(SlowReaderError):
        asyncio.run(read())
    assert len(made) < 10
