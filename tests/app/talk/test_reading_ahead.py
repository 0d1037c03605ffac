"""The conversation in front is read by the model before the next question comes, and nothing that was removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.engine_side.requests import SERVED, Request
from app.shown.talk import TurnState
from tests.app.conftest import Running
from tests.app.fakes import ScriptedReader, reply, scripted

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def ask(app: Running, text: str) -> None:
    turns = len(app.controller.turns)
    app.controller.ask_text(text)
    app.wait(lambda: len(app.controller.turns) > turns and app.controller.turns[-1].state is TurnState.DONE)


def read(app: Running) -> ScriptedReader:
    """What reads for the session that was opened last."""
    reader: ScriptedReader = app.engine.sessions[-1]._reader  # type: ignore[assignment]
    return reader


def test_an_opened_conversation_is_read_without_being_asked(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0), reply("Three.", 0)))
    ask(app, "First?")
    ask(app, "Second?")
    key = app.controller.conversation.key
    app.controller.new_conversation()
    ask(app, "Third?")
    app.controller.open_conversation(key)
    app.wait(lambda: len(app.engine.sessions) == 3 and len(set(read(app).ahead)) == 2)
    assert len(app.engine.asked) == 3
    assert app.engine.sessions[-1].path == tuple(turn.key for turn in app.controller.turns)


def test_after_an_answer_what_is_new_is_read(start: Start) -> None:
    app = start(scripted(reply("One.", 0)))
    ask(app, "First?")
    app.wait(lambda: read(app).ahead)
    assert len(app.engine.sessions) == 1


def test_a_turn_that_was_removed_meanwhile_does_not_come_back(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    ask(app, "First?")
    ask(app, "Second?")
    before, manner = app.controller._conversation.branch(), app.controller._talk.reading_ahead._tasks.manner()
    first, second = (turn.key for turn in app.controller.turns)
    app.controller.delete_turn(first)
    app.wait(lambda: app.engine.sessions[-1].path == (second,))
    app.wait(lambda: read(app).ahead)
    known, ended = set(app.engine.sessions[-1].remembered), []
    app.controller._thread.ended.connect(lambda request, error: ended.append((request.name, error)))
    late = Request("late", lambda work, request: work.turns.read_ahead(before, manner), SERVED)
    app.controller._thread.submit(late)
    app.wait(lambda: ("late", None) in ended)
    assert app.engine.sessions[-1].path == (second,)
    assert set(app.engine.sessions[-1].remembered) == known


def test_who_leafs_through_conversations_has_none_of_them_read(start: Start) -> None:
    app = start(scripted(reply("One.", 0), reply("Two.", 0)))
    keys = []
    for question in ("First?", "Second?"):
        app.controller.new_conversation()
        ask(app, question)
        keys.append(app.controller.conversation.key)
    sessions = len(app.engine.sessions)
    for key in (*keys, *keys, *keys):
        app.controller.open_conversation(key)
        app.qtbot.wait(50)
    assert len(app.engine.sessions) == sessions
