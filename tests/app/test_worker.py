"""What may block has a thread of its own, and one that hangs is left behind."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from app.worker import Worker


def test_tasks_are_done_in_order_and_answered_on_the_gui_thread(qtbot: QtBot) -> None:
    tasks, done = Worker("test", 60), []
    here = threading.current_thread()
    for number in range(3):
        tasks.run(lambda n=number: n, lambda result, error: done.append((result, error, threading.current_thread())))
    qtbot.waitUntil(lambda: len(done) == 3)
    assert done == [(0, None, here), (1, None, here), (2, None, here)]
    tasks.close(20)


def test_there_is_no_thread_before_there_is_something_to_do(qtbot: QtBot) -> None:
    tasks, done = Worker("lazy", 60), []
    assert "lazy" not in {thread.name for thread in threading.enumerate()}
    tasks.run(lambda: threading.current_thread().name, lambda result, error: done.append(result))
    qtbot.waitUntil(lambda: done == ["lazy"])
    tasks.close(20)
    Worker("never used", 60).close(20)


def test_an_error_is_handed_over_and_the_next_task_is_done(qtbot: QtBot) -> None:
    tasks, done = Worker("test", 60), []
    tasks.run(lambda: 1 / 0, lambda result, error: done.append(type(error)))
    tasks.run(lambda: "next", lambda result, error: done.append(result))
    qtbot.waitUntil(lambda: done == [ZeroDivisionError, "next"])
    tasks.close(20)


def test_a_task_that_hangs_loses_its_thread_and_the_tasks_after_it_get_another(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, started, gate = Worker("test", 60), threading.Event(), threading.Event()
    done: list[object] = []

    def hang() -> str:
        started.set()
        gate.wait(60)
        return "late"

    tasks.run(hang, lambda result, error: done.append(error))
    tasks.run(lambda: "waiting", lambda result, error: done.append(result))
    assert started.wait(60)
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "_longest_s", 0.0)
        tasks.run(lambda: "next", lambda result, error: done.append(result))
    assert done == [], "nobody is called back before what is being done now is over"
    qtbot.waitUntil(lambda: done[1:] == ["waiting", "next"])
    assert isinstance(done[0], TimeoutError)
    gate.set()
    qtbot.wait(50)
    assert len(done) == 3, "nobody waits for the late one any more"
    tasks.close(20)


def test_an_error_that_nobody_asked_for_is_logged(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    tasks = Worker("test", 60)
    tasks.run(lambda: 1 / 0)
    qtbot.waitUntil(lambda: "ZeroDivisionError" in caplog.text)
    assert "test: a task failed" in caplog.text
    tasks.close(20)
