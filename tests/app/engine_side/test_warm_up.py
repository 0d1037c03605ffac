"""A model that was loaded gets ready while nobody asks anything, and gives way to whoever does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from app.engine_side.sessions import Manner
from app.engine_side.work import EngineWork
from app.shown.talk import TurnState
from engine.conversation.replying.tools.timers import TimerService
from tests.app.conftest import Running
from tests.app.fakes import ScriptedEngine, reply, scripted

Start = Callable[..., Running]


def test_it_gets_ready_on_the_engines_thread_for_the_manner_in_use(start: Start) -> None:
    app = start(ScriptedEngine(), tools=("calculator",))
    app.wait(lambda: len(app.engine.warmed) == app.engine.warm_steps)
    threads, personas, tools = zip(*app.engine.warmed, strict=True)
    assert set(threads) == {"engine"}
    assert all(personas)
    assert set(tools) == {("calculator",)}


def test_a_question_is_answered_between_two_of_its_steps(start: Start) -> None:
    gate, warming = threading.Event(), threading.Event()
    engine = scripted(reply("One.", 0))
    engine.warm_steps = 5

    def wait_once() -> None:
        warming.set()
        assert gate.wait(60)

    engine.while_warming = wait_once
    app = start(engine)
    app.wait(warming.is_set)
    app.controller.ask_text("First?")
    warmed_by_then: list[int] = []
    ask = engine.session

    def session(*given: object, **named: object) -> object:
        warmed_by_then.append(len(engine.warmed))
        return ask(*given, **named)  # type: ignore[arg-type]

    engine.session = session  # type: ignore[method-assign, assignment]
    gate.set()
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE)
    assert warmed_by_then == [1]
    app.wait(lambda: len(engine.warmed) == 5)


def test_another_model_ends_it(tmp_path: Path) -> None:
    one, two = ScriptedEngine(warm_steps=5), ScriptedEngine()
    engines = {"one": one, "two": two}
    work = EngineWork(
        lambda folder, insist: engines[folder.name].loader(folder, insist), tmp_path, TimerService, lambda *_: False
    )
    list(work.load(Path("one")))
    steps = work.warm_up(Manner())
    next(steps)
    list(work.load(Path("two")))
    assert list(steps) == []
    assert (len(one.warmed), len(two.warmed)) == (1, 0)
