"""What becomes of requests when the engine hangs, when another model is chosen, and when the app ends."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import FIRST, PATIENT, Interrupted, Request
from app.engine_side.work import EngineWork
from engine.conversation.replying.tools.timers import TimerService
from engine.events import Progress
from tests.app.fakes import ScriptedEngine


class Weights:
    """As large as a model."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Whoever hangs goes on in the end."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def thread(qtbot: QtBot, tmp_path: Path) -> Iterator[EngineThread]:
    def loader(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
        engine = ScriptedEngine(folder=folder, name=folder.name)
        engine.weights = Weights()  # type: ignore[attr-defined]
        yield Progress("read", 1, 1)
        return engine

    thread = EngineThread(lambda: EngineWork(loader, tmp_path, TimerService, lambda *_: True))
    yield thread
    thread.end()
    assert thread.join(20)


def load(thread: EngineThread, name: str, qtbot: QtBot) -> None:
    request = Request("load", lambda work, request: work.load(Path(name)), FIRST, alone=True)
    with qtbot.waitSignal(thread.ended, check_params_cb=lambda which, error: which is request):
        thread.submit(request)


def steps(hold: threading.Event, began: threading.Event) -> Any:
    """Work with the engine in two steps; between them it waits."""

    def work(work: EngineWork, request: Request) -> Iterator[int]:
        weights = work.model.engine.weights
        yield 1
        began.set()
        assert hold.wait(60)
        yield 2
        del weights

    return work


def test_what_waits_behind_a_hanging_request_is_done_after_the_restart(
    thread: EngineThread, gate: threading.Event, qtbot: QtBot
) -> None:
    began, done, ended = threading.Event(), threading.Event(), []
    thread.ended.connect(lambda request, error: ended.append((request.name, type(error))))

    def hang(_work: EngineWork, _request: Request) -> Iterator[int]:
        began.set()
        assert gate.wait(60)
        yield 1

    def settle(_work: EngineWork, _request: Request) -> Iterator[int]:
        done.set()
        yield from ()

    thread.submit(Request("hang", hang))
    assert began.wait(20)
    thread.submit(Request("forget", settle, settles=True))
    thread.restart()
    qtbot.waitUntil(lambda: ("forget", type(None)) in ended)
    assert done.is_set()
    assert ("hang", Interrupted) in ended
    gate.set()
    qtbot.wait(50)
    assert [name for name, _ in ended].count("hang") == 1


def test_choosing_another_model_ends_work_with_the_old_one_and_lets_go_of_its_weights(
    thread: EngineThread, gate: threading.Event, qtbot: QtBot, tmp_path: Path
) -> None:
    load(thread, "one", qtbot)
    old: list[weakref.ref[Weights]] = []
    began, ended = threading.Event(), {}
    thread.ended.connect(lambda request, error: ended.__setitem__(request.name, error))

    def look(work: EngineWork, request: Request) -> Iterator[int]:
        old.append(weakref.ref(work.model.engine.weights))
        yield from ()

    thread.submit(Request("look", look))
    thread.submit(Request("transcribe", steps(gate, began), PATIENT))
    assert began.wait(20)
    alive: list[bool] = []

    def other(work: EngineWork, request: Request) -> Iterator[Any]:
        def loading(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
            alive.append(old[0]() is not None)
            yield Progress("read", 1, 1)
            return ScriptedEngine(folder=folder, name=folder.name)

        work.model._loader = loading
        return work.load(Path("two"))

    gc.disable()
    thread.submit(Request("load", other, FIRST, alone=True))
    gate.set()
    qtbot.waitUntil(lambda: "load" in ended)
    gc.enable()
    assert isinstance(ended["transcribe"], Interrupted)
    assert ended["load"] is None
    assert alive == [False]


def test_work_without_the_engine_goes_on_while_a_model_is_loaded(
    thread: EngineThread, gate: threading.Event, qtbot: QtBot
) -> None:
    began, ended = threading.Event(), {}
    thread.ended.connect(lambda request, error: ended.__setitem__(request.name, error))

    def copy(_work: EngineWork, _request: Request) -> Iterator[int]:
        yield 1
        began.set()
        assert gate.wait(60)
        yield 2
        yield 3

    thread.submit(Request("make a copy", copy, PATIENT, needs_engine=False))
    assert began.wait(20)
    thread.submit(Request("load", lambda work, request: work.load(Path("two")), FIRST, alone=True))
    gate.set()
    qtbot.waitUntil(lambda: {"load", "make a copy"} <= set(ended))
    assert ended == {"load": None, "make a copy": None}
