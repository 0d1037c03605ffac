"""Other programs' jobs on the window's engine thread: after the person, before files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, PATIENT, URGENT, Request
from app.engine_side.served import ServedHost
from engine.errors import RequestError
from engine.serving import Job, Priority
from engine.serving.jobs import HostEndedError


@pytest.fixture
def host(thread: EngineThread) -> ServedHost:
    return ServedHost(thread)


def load(thread: EngineThread, name: str, qtbot: QtBot) -> None:
    request = Request("load", lambda work, request: work.load(Path(name)), FIRST, alone=True)
    with qtbot.waitSignal(thread.ended, check_params_cb=lambda which, error: which is request):
        thread.submit(request)


class Recorded:
    """A job whose steps are let through one by one, and how it ended."""

    def __init__(self, name: str, log: list[str], priority: Priority, count: int = 2, held: bool = False) -> None:
        self.gate = threading.Semaphore(0 if held else count)
        self.begun, self.over = threading.Event(), threading.Event()
        self.errors: list[BaseException | None] = []

        def steps(engine: Any, job: Job) -> Iterator[str]:
            for step in range(count):
                self.begun.set()
                assert self.gate.acquire(timeout=30)
                yield f"{name} {engine.name} {step}"

        self.job = Job(name, steps, priority, log.append, self._end)

    def _end(self, error: BaseException | None) -> None:
        self.errors.append(error)
        self.over.set()


def noting(log: list[str], word: str) -> Callable[[Any, Request], Iterator[Any]]:
    def work(work: Any, request: Request) -> Iterator[Any]:
        log.append(word)
        yield from ()

    return work


def test_a_short_step_of_a_conversation_passes_in_an_answer_and_the_person_before_it(
    thread: EngineThread, host: ServedHost, qtbot: QtBot
) -> None:
    load(thread, "one", qtbot)
    log: list[str] = []
    speaker = Recorded("speaker", log, Priority.SPEAKER, held=True)
    piece = Recorded("piece", log, Priority.AT_ONCE, count=1)
    host.submit(speaker.job)
    assert speaker.begun.wait(30)
    host.submit(piece.job)
    thread.submit(Request("ask", noting(log, "person"), URGENT))
    speaker.gate.release(2)
    assert speaker.over.wait(30)
    assert log == ["speaker one 0", "person", "piece one 0", "speaker one 1"]


def test_the_person_goes_before_a_speaker_and_a_speaker_before_files(
    thread: EngineThread, host: ServedHost, qtbot: QtBot
) -> None:
    load(thread, "one", qtbot)
    log: list[str] = []
    file = Recorded("file", log, Priority.FILES, held=True)
    speaker = Recorded("speaker", log, Priority.SPEAKER, held=True)
    host.submit(file.job)
    assert file.begun.wait(30)
    host.submit(speaker.job)
    file.gate.release()
    assert speaker.begun.wait(30)
    thread.submit(Request("copy", noting(log, "background"), PATIENT))
    thread.submit(Request("ask", noting(log, "person"), URGENT))
    speaker.gate.release(2)
    file.gate.release()
    assert file.over.wait(30)
    assert log[:5] == ["file one 0", "speaker one 0", "person", "speaker one 1", "file one 1"]
    assert (file.errors, speaker.errors) == ([None], [None])


def test_another_model_ends_a_job_with_a_sentence(thread: EngineThread, host: ServedHost, qtbot: QtBot) -> None:
    load(thread, "one", qtbot)
    assert host.about.name == "one"
    running = Recorded("speaker", [], Priority.SPEAKER, held=True)
    host.submit(running.job)
    assert running.begun.wait(30)
    request = Request("load", lambda work, request: work.load(Path("two")), FIRST, alone=True)
    thread.submit(request)
    with qtbot.waitSignal(thread.ended, check_params_cb=lambda which, error: which is request, timeout=30_000):
        running.gate.release()
    assert [type(error) for error in running.errors] == [HostEndedError]
    qtbot.waitUntil(lambda: host.about.name == "two")


def test_without_a_model_a_job_ends_with_a_sentence(thread: EngineThread, host: ServedHost) -> None:
    with pytest.raises(RequestError, match="No model is loaded"):
        _ = host.about
    asked = Recorded("speaker", [], Priority.SPEAKER)
    host.submit(asked.job)
    assert asked.over.wait(30)
    assert isinstance(asked.errors[0], RequestError)


def test_a_hanging_engine_that_is_left_behind_ends_its_jobs(
    thread: EngineThread, host: ServedHost, qtbot: QtBot
) -> None:
    load(thread, "one", qtbot)
    hanging = Recorded("speaker", [], Priority.SPEAKER, held=True)
    host.submit(hanging.job)
    assert hanging.begun.wait(30)
    thread.restart()
    qtbot.waitUntil(hanging.over.is_set)
    assert isinstance(hanging.errors[0], HostEndedError)
    hanging.gate.release(2)
