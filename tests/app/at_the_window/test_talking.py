"""Talking at the real window: pressing, thinking, speaking, stopping, in every state."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtGui import QAccessible

from app.audio import recording_files
from app.shown.talk import TurnState
from app.talk import recorder
from app.widgets.talk.tool_card import ToolCard
from app.widgets.talk.turn_actions import TurnAction
from engine.events import AnswerText
from tests.app.doing import LONG, plays_again, plays_what_was_said, speaks, speaks_in_another_voice, thinks
from tests.app.fakes import ScriptedEngine, Step, reply, tool_steps
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def test_talk_think_answer_play_again(sit: Sit) -> None:
    user = sit([*reply(think=True)[:3], *tool_steps(), *reply()])
    assert user.window.shows_welcome
    user.say()
    user.hears_something()
    user.sees_word("Speaking")
    turn = user.turn()
    assert not user.window.shows_welcome
    assert re.match(r"Thought, \d+\.\d s", turn.thinking.toggle.accessibleName())
    user.sees(lambda: turn.answer.words == "Twelve times seven is eighty-four.")
    user.sees(lambda: turn.answer.spoken_span() is not None)
    user.hears()
    user.sees_word("Ready")
    assert user.words == ["Starting…", "Listening", "Thinking", "Speaking", "Ready"]
    assert re.fullmatch(r"text \d+\.\d s · sound \d+\.\d s", turn.action_row.badge)
    assert "12*7 = 84" in {card.accessibleName() for card in turn.findChildren(ToolCard)}
    user.sees(lambda: user.app.controller.turns[0].text == "what is twelve times seven")
    user.act("Play")
    user.sees_word("Speaking")
    assert user.hears() == pytest.approx(1.0, abs=0.03)
    assert len(user.app.engine.asked) == 1, "it was not asked again"


STATES: dict[str, tuple[Callable[[User], object], str]] = {
    "idle": (lambda user: None, "Ready"),
    "thinking": (thinks, "Thinking"),
    "answering": (lambda user: user.type("Wait, saying so."), "Answering"),
    "speaking": (speaks, "Speaking"),
    "playing again": (plays_again, "Speaking"),
    "playing what I said": (plays_what_was_said, "Playing"),
    "speaking in another voice": (speaks_in_another_voice, "Speaking"),
}


def scripts_for(state: str, gate: threading.Event) -> list[list[Step]]:
    waiting = {"idle": [], "thinking": [[gate.wait]], "answering": [[AnswerText("Well", 0), gate.wait]]}
    return [*waiting.get(state, [reply(LONG, 4.0)]), reply("Second.", 0.5)]


@pytest.mark.parametrize("state", STATES)
def test_talking_is_possible_in_every_state_and_silences_what_sounds(sit: Sit, state: str) -> None:
    gate = threading.Event()
    user = sit(*scripts_for(state, gate))
    bring_there, word = STATES[state]
    bring_there(user)
    user.sees_word(word)
    user.hold_space()
    assert user.window.talk_bar.word in ("Starting…", "Listening")
    assert user.silence()
    gate.set()
    user.speak()
    user.sees_word("Listening")
    user.let_go()
    user.sees(lambda: user.app.engine.asked and user.app.engine.asked[-1].samples_16k is not None)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Second.")
    if state in ("thinking", "answering", "speaking"):
        assert user.app.controller.turns[0].state is TurnState.INTERRUPTED


@pytest.mark.parametrize("state", [*STATES, "getting ready", "listening"])
def test_escape_stops_anything(sit: Sit, state: str) -> None:
    gate = threading.Event()
    user = sit(*scripts_for(state, gate))
    if state in STATES:
        STATES[state][0](user)
        user.sees_word(STATES[state][1])
    else:
        user.hold_space()
        if state == "listening":
            user.speak()
            user.sees_word("Listening")
    asked = len(user.app.engine.asked)
    user.escape()
    assert user.window.talk_bar.word == "Ready"
    assert user.silence()
    gate.set()
    user.let_go()
    user.qtbot.wait(200)
    assert user.window.talk_bar.word == "Ready"
    assert len(user.app.engine.asked) == asked, "nothing was asked of it"


@pytest.mark.parametrize("state", [*STATES, "getting ready", "listening", "loading"])
def test_quitting_waits_for_nothing_in_every_state(sit: Sit, state: str) -> None:
    gate = threading.Event()
    loading = ScriptedEngine(scripts=scripts_for(state, gate))
    if state == "loading":
        loading.while_loading = lambda: gate.wait(60)
    user = sit(engine=loading, wait=state != "loading")
    if state in STATES:
        STATES[state][0](user)
    elif state != "loading":
        user.hold_space()
        if state == "listening":
            user.speak()
            user.sees_word("Listening")
    began = time.monotonic()
    user.window.close()
    user.app.controller.shutdown()
    assert time.monotonic() - began < 30, "it waited for the engine"
    assert user.silence()
    gate.set()


def test_talk_pressed_and_let_go_before_the_microphone_is_ready_says_so(sit: Sit) -> None:
    user = sit()
    user.hold_space()
    user.sees_word("Starting…")
    user.let_go()
    user.sees_notice("The microphone gave no sound yet")
    assert user.window.talk_bar.word == "Ready"
    user.say()
    user.sees(lambda: user.app.engine.asked)


def test_talk_pressed_again_at_once_goes_on_with_the_same_recording(sit: Sit) -> None:
    user = sit(reply())
    user.say()
    user.hold_space()  # within the tail that belongs to what was said
    assert user.window.talk_bar.word == "Listening"
    user.qtbot.wait(200)
    assert not user.app.engine.asked
    user.speak(1.0)
    user.let_go()
    user.sees(lambda: user.app.engine.asked)
    samples = user.app.engine.asked[0].samples_16k
    assert samples is not None
    assert len(samples) >= 1.9 * 16_000
    assert len(user.app.controller.turns) == 1


def test_talk_pressed_while_what_was_said_is_written_keeps_it_and_listens(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, writing = threading.Event(), threading.Event()
    really = recording_files.write_recording

    def slowly(*arguments: Any, **options: Any) -> Any:
        writing.set()
        gate.wait(60)
        return really(*arguments, **options)

    monkeypatch.setattr(recording_files, "write_recording", slowly)
    user = sit(reply("Second.", 0))
    user.say(1.0)
    user.sees(writing.is_set)
    user.hold_space()
    user.speak(2.0)
    gate.set()
    user.sees(lambda: len(user.app.controller.turns) == 1)
    assert user.app.controller.turns[0].state is TurnState.INTERRUPTED
    assert user.window.talk_bar.word == "Listening"
    assert not user.app.engine.asked
    user.let_go()
    user.sees(lambda: user.app.controller.turns[-1].answer == "Second.")
    assert [round(turn.seconds or 0) for turn in user.app.controller.turns] == [1, 2]
    user.turn(0).action_row.chosen.emit(TurnAction.AGAIN, None)
    user.sees(lambda: len(user.app.engine.asked) == 2)
    samples = user.app.engine.asked[1].samples_16k
    assert samples is not None
    assert len(samples) == pytest.approx(1.0 * 16_000, abs=4_000)


def test_answering_again_while_listening_ends_the_recording(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Again.", 0), reply("Other.", 0))
    user.type("Question?")
    user.sees_word("Ready")
    user.window.menus.talk.trigger()  # listens until it is triggered again
    user.speak(3.0)
    user.sees_word("Listening · locked")
    user.act("Ask again")
    user.sees(lambda: user.app.controller.turns[0].answer == "Again.")
    user.sees_word("Ready")
    assert not user.app.controller._sound.microphone.recording
    user.say(1.0)
    user.sees(lambda: len(user.app.engine.asked) == 3)
    samples = user.app.engine.asked[2].samples_16k
    assert samples is not None
    assert len(samples) < 2.5 * 16_000, "nothing of the recording that was dropped"


def test_a_tap_latches_and_a_second_one_sends(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    user = sit(reply())
    monkeypatch.setattr(recorder, "TAP_S", 60.0)
    button = user.window.talk_bar.button
    user.press(button)
    user.speak()
    user.sees_word("Listening · locked")
    assert user.window.talk_bar.hint == "Space sends, Esc discards"
    user.press(button)
    user.sees(lambda: user.app.engine.asked)


def test_the_words_are_announced_to_screen_readers(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    user = sit(reply(speech_s=0.5))
    monkeypatch.setattr(QAccessible, "isActive", staticmethod(lambda: True))
    monkeypatch.setattr(QAccessible, "updateAccessibility", staticmethod(lambda event: told.append(event.message())))
    user.say()
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    assert told == ["Starting…", "Listening", "Thinking", "Answering", "Speaking", "Ready"]


def test_thinking_is_cut_short_by_a_word(sit: Sit) -> None:
    user = sit([])
    engine, reached = user.app.engine, threading.Event()

    def until_skipped() -> None:
        reached.set()
        engine.sessions[0]._skip.wait(60)

    engine.scripts[:] = [[*reply(think=True)[:1], until_skipped, *reply(think=True)[2:]]]
    user.type("Think.")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].thinking and reached.is_set())
    user.press(user.word("Skip and speak now"))
    user.sees(lambda: user.turn().answer.words.endswith("four."))
