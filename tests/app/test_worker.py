"""What may block has a thread of its own, and one that hangs is left behind."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from app import worker
from app.worker import Worker


def test_tasks_are_done_in_order_and_answered_on_the_gui_thread(qtbot: QtBot) -> None:
    tasks, done = Worker("test"), []
    here = threading.current_thread()
    for number in range(3):
        tasks.run(lambda n=number: n, lambda result, error: done.append((result, error, threading.current_thread())))
    qtbot.waitUntil(lambda: len(done) == 3)
    assert done == [(0, None, here), (1, None, here), (2, None, here)]
    tasks.close(1.0)


def test_an_error_is_handed_over_and_the_next_task_is_done(qtbot: QtBot) -> None:
    tasks, done = Worker("test"), []
    tasks.run(lambda: 1 / 0, lambda result, error: done.append(type(error)))
    tasks.run(lambda: "next", lambda result, error: done.append(result))
    qtbot.waitUntil(lambda: done == [ZeroDivisionError, "next"])
    tasks.close(1.0)


def test_a_task_that_hangs_loses_its_thread_and_is_not_heard_of_again(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_S", 0.05)
    tasks, done, started, gate = Worker("test"), [], threading.Event(), threading.Event()

    def hang() -> str:
        started.set()
        gate.wait(60)
        return "late"

    tasks.run(hang, lambda result, error: done.append(result))
    assert started.wait(60)
    qtbot.wait(100)
    tasks.run(lambda: "next", lambda result, error: done.append(result))
    qtbot.waitUntil(lambda: done == ["next"])
    gate.set()
    qtbot.wait(50)
    assert done == ["next"]
    tasks.close(1.0)
