"""The real window on the real controller: what a person does, and what is seen and heard of it."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QFileDialog, QLineEdit

from app.audio import recording_files
from app.audio.devices import Device
from app.audio.permission import Access
from app.diagnostics import log_handler
from app.models import models
from app.shown.talk import TurnState
from app.talk import confirmations, microphone_use, recorder
from app.widgets.controls.sheets import Message, TextSheet
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.talk.tool_card import ToolCard
from app.widgets.talk.turn_actions import TurnAction
from app.widgets.transcribe.job_row import JobAction
from engine.errors import RequestError, StorageError
from engine.events import AnswerText, ToolCall
from engine.samples import read
from tests.app.doing import LONG, plays_again, plays_what_was_said, speaks, speaks_in_another_voice, thinks
from tests.app.fakes import ScriptedEngine, Step, reply, tool_steps
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import User

pytestmark = pytest.mark.slow

Sit = Callable[..., User]


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


# Devices, permission, disk.


def test_a_microphone_pulled_while_talking_keeps_what_was_said(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    user.hold_space()
    user.speak(2.0)
    user.sees_word("Listening")
    first = user.sound.input
    assert first is not None
    first.lost = True
    user.sees_notice("Built-in Microphone disconnected.")
    user.sees(lambda: user.app.controller.turns and user.turn().retry.isVisible())
    user.let_go()
    user.sees(lambda: user.sound.input is not first)
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Heard.")
    samples = user.app.engine.asked[0].samples_16k
    assert samples is not None
    assert len(samples) >= 1.9 * 16_000
    user.say()
    user.sees(lambda: len(user.app.engine.asked) == 2)


def test_a_loudspeaker_pulled_while_speaking_goes_on_with_another(sit: Sit) -> None:
    user = sit(reply(speech_s=2.0))
    user.type("Speak.")
    user.hears_something()
    first = user.sound.output
    assert first is not None
    first.lost = True
    user.sees_notice("Built-in Output disconnected.")
    user.sees(lambda: user.sound.output is not first and user.app.controller._sound.playback.open)
    assert user.hears() > 1.5
    assert user.app.controller.turns[0].state is TurnState.DONE


def test_the_notice_about_a_lost_microphone_goes_when_it_is_back(sit: Sit) -> None:
    user = sit()
    user.sees(lambda: user.sound.input is not None)
    sound, first = user.sound, user.sound.input
    assert first is not None
    headset = Device("AirPods", 48_000, 1, False)
    sound.plugged_in = [*sound.plugged_in, headset]
    user.app.settings.change(input_device="AirPods")
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    sound.plugged_in.remove(headset)
    assert sound.input is not None
    sound.input.lost = True
    user.sees_notice("AirPods disconnected. Listening with Built-in Microphone.")
    user.press(user.word("Change…"))
    menu = QApplication.activePopupWidget()
    assert menu is user.window.talk_bar.ways_to_talk
    menu.close()
    assert not user.window.talk_bar.notice, "something was done about it"
    sound.plugged_in.append(headset)
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    sound.plugged_in.remove(headset)
    sound.input.lost = True
    user.sees_notice("Listening with Built-in Microphone.")
    sound.plugged_in.append(headset)
    user.sees(lambda: sound.input is not None and sound.input.device == "AirPods")
    user.sees(lambda: not user.window.talk_bar.notice)


def test_a_refused_microphone_leads_to_the_privacy_settings(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    monkeypatch.setattr(microphone_use, "open_privacy_settings", lambda: opened.append(True))
    user = sit(reply("Typed.", 0))
    user.app.permission._access = Access.DENIED
    user.hold_space()
    user.let_go()
    user.sees_notice("Earshot may not use the microphone")
    assert user.window.talk_bar.word == "Ready"
    user.press(user.word("Open privacy settings"))
    assert opened
    user.type("Typing works?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Typed.")


def test_a_full_disk_is_said_and_nothing_is_lost(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    user = sit(reply())
    working = recording_files.write_recording
    monkeypatch.setattr(recording_files, "write_recording", full)
    user.say()
    user.sees_notice("The disk is full: make room.")
    monkeypatch.setattr(recording_files, "write_recording", working)
    user.press(user.word("Try again"))
    user.sees(lambda: user.app.engine.asked)


def test_a_disk_that_fills_while_it_answers_costs_no_answer(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.engine_side import turns

    def full(*arguments: object, **options: object) -> None:
        raise StorageError("The disk is full: make room.")

    user = sit(reply())
    monkeypatch.setattr(turns.sounds, "write_wav", full)
    user.type("Speak.")
    user.hears_something()
    assert user.hears() > 0.9
    user.sees_notice("The disk is full: make room.")
    assert user.app.controller.turns[0].state is TurnState.DONE


# The engine.


@pytest.mark.parametrize("error", [RequestError("That was too long: say less."), ZeroDivisionError("secret words")])
def test_an_engine_that_raises_is_told_in_the_turn_which_can_be_tried_again(sit: Sit, error: Exception) -> None:
    user = sit([AnswerText("Well", 0), error], reply("Better."))
    user.say()
    user.sees(lambda: user.app.controller.turns and user.turn().retry.isVisible())
    problem = user.app.controller.turns[0].problem
    assert "secret" not in problem
    assert problem == str(error) or "Nothing you said is lost" in problem
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Better.")
    assert len(user.app.controller.turns) == 1


def test_an_engine_that_hangs_is_replaced(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    user = sit([AnswerText("Well", 0), gate.wait], reply("Again."))
    user.say()
    user.sees_word("Answering")
    monkeypatch.setattr(models, "HANGING_S", 0.2)
    user.sees_notice("The model has not answered for")
    assert user.window.talk_bar.word == "Stopped"
    monkeypatch.setattr(models, "HANGING_S", 60.0)
    user.press(user.window.talk_bar.lane.action)
    user.sees_word("Ready")
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Again.")
    gate.set()


def test_an_engine_that_dies_is_replaced(sit: Sit) -> None:
    user = sit([AnswerText("Well", 0), SystemExit(1)], reply("Again."))
    user.say()
    user.sees_notice("The engine stopped unexpectedly")
    assert user.window.talk_bar.word == "Stopped"
    user.press(user.window.talk_bar.lane.action)
    user.sees_word("Ready")
    user.press(user.turn().retry)
    user.sees(lambda: user.app.controller.turns[-1].answer == "Again.")


def test_a_model_is_switched_in_the_middle_of_a_conversation(sit: Sit) -> None:
    user = sit(reply("One."), reply("Two."))
    user.type("First?")
    user.hears_something()
    settings = user.settings
    settings.open_page(settings.models)
    user.sees(lambda: user.app.controller.models)
    user.press(user.word("Use", settings.models))
    user.sees(lambda: user.window.sidebar.status.text.startswith("two"))
    assert user.silence()
    settings.accept()
    user.type("Second?")
    user.sees(lambda: user.app.controller.turns[-1].answer == "Two.")
    assert len(user.app.engine.sessions[1].turns) == 2, "the new model knows what was said before"


def test_diagnostics_hold_nothing_that_was_said(sit: Sit) -> None:
    error = ValueError("token 'marmalade' is odd:\n  marmalade")
    user = sit(reply("The answer is marmalade.", 0), [AnswerText("x", 0), error])
    logging.getLogger().addHandler(handler := log_handler(user.app.paths))
    user.app.engine.transcript = "is marmalade made of oranges"
    user.say()
    user.sees(lambda: user.app.controller.turns and "marmalade" in user.app.controller.turns[0].text)
    user.type("More marmalade?")
    user.sees(lambda: user.turn().retry.isVisible())
    user.window.menus.diagnostics.trigger()
    (sheet,) = user.window.findChildren(Message)
    user.press(user.word("Done", sheet))
    logging.getLogger().removeHandler(handler)
    handler.close()
    told = QGuiApplication.clipboard().text()
    assert "model: one, ready: True" in told
    assert "request answer failed" in told
    assert "\nValueError\n" in told + "\n"
    assert "marmalade" not in told


def test_a_restart_restores_everything(sit: Sit, recordings: list[Path], steps: Steps) -> None:  # noqa: F811
    user = sit(reply("One.", 1.0))
    user.say()
    user.hears_something()
    user.hears()
    user.sees(lambda: user.app.controller.turns[0].text)
    user.sees(lambda: user.saved == ["what is twelve times seven"])
    user.press(user.window.talk_bar.speak)
    user.drop(*recordings[:2])
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", ""])
    user.window.resize(780, 640)
    user.window.close()
    user.app.controller.shutdown()

    again = sit(reply("Two.", 0))
    assert (again.window.width(), again.window.height()) == (780, 640)
    again.window.resize(1120, 760)
    assert again.saved == ["what is twelve times seven"]
    assert not again.window.talk_bar.speak.isChecked()
    again.window.menus.show_transcribe.trigger()
    assert [card.state_words for card in again.cards().values()] == ["", ""]
    again.window.menus.show_talk.trigger()
    listing = again.window.sidebar.conversations
    QTest.mouseClick(
        listing.viewport(), Qt.MouseButton.LeftButton, pos=listing.visualRect(listing.model().index(1, 0)).center()
    )
    assert again.window.page == TALK
    assert again.turn().answer.words == "One."
    again.act("Play")
    again.hears_something()
    assert again.hears() == pytest.approx(1.0, abs=0.05)
    again.type("Second?")
    again.sees(lambda: again.app.controller.turns[-1].answer == "Two.")
    assert len(again.app.engine.sessions[-1].turns) == 2, "the model remembers"


# Files.


def test_three_files_and_a_bad_one_are_dropped(sit: Sit, steps: Steps, recordings: list[Path]) -> None:  # noqa: F811
    user = sit(reply("Now.", 0))
    bad = recordings[0].with_name("notes.txt")
    bad.write_text("not a recording")
    steps.gate.clear()
    user.drop(*recordings, bad)
    assert user.window.page == TRANSCRIBE
    user.sees(lambda: len(user.cards()) == 4 and user.cards()["first.wav"].state_words.startswith("50 %"))
    assert user.cards()["first.wav"].job.segments
    assert "notes.txt" in user.cards()["notes.txt"].problem_words
    assert [card.state_words for card in user.cards().values()][1:3] == ["Waiting", "Waiting"]
    user.window.show_page(TALK)
    user.type("Quick?")  # a turn goes first
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Now.")
    user.window.show_page(TRANSCRIBE)
    steps.gate.set()
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", "", "", ""])
    user.sees(lambda: list(user.cards()) == ["notes.txt", "third.wav", "second.wav", "first.wav"])
    more = recordings[0].with_name("more.wav")
    more.write_bytes(recordings[0].read_bytes())
    user.drop(more)
    user.sees(lambda: len(user.cards()) == 5)
    assert next(iter(user.cards())) == "more.wav", "the newest one is on top"


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_model_that_cannot_answer_about_recordings_says_so(
    sit: Sit,
    recordings: list[Path],  # noqa: F811
    demonstration: bool,
) -> None:
    user = sit(reply("I do not know that.", 0))
    user.app.controller._models.about = {"demonstration": demonstration}
    user.window.show_page(TALK)
    user.drop(recordings[0])
    user.sees(lambda: user.window.talk_bar.attachment == "About first.wav")
    assert ("cannot answer about recordings" in user.window.talk_bar.notice) == demonstration


def test_a_recording_is_asked_about(sit: Sit, steps: Steps, recordings: list[Path]) -> None:  # noqa: F811
    user = sit(reply("A tone.", 0))
    user.drop(recordings[0], recordings[1])
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", ""])
    card = user.cards()["first.wav"]
    user.sees(lambda: JobAction.MORE in card.offered)
    user.press(card.button(JobAction.MORE))
    user.choose("Ask about this recording")
    assert user.window.page == TALK
    assert user.window.talk_bar.attachment == "About first.wav"
    user.type("What is it?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "A tone.")
    assert user.window.talk_bar.attachment == ""
    asked = user.app.engine.asked[0]
    assert asked.text == "What is it?"
    assert asked.samples_16k is not None
    assert np.allclose(asked.samples_16k, read(recordings[0]), atol=1e-3)
    assert user.app.controller.turns[0].attachment == "first.wav"


def test_a_recording_dropped_on_the_conversation_is_heard_before_the_spoken_question(
    sit: Sit,
    recordings: list[Path],  # noqa: F811
) -> None:
    user = sit(reply("Aha.", 0))
    user.drop(recordings[0])
    assert user.window.page == TALK
    user.say(1.0)
    user.sees(lambda: user.app.engine.asked)
    samples = user.app.engine.asked[0].samples_16k
    assert samples is not None
    assert np.allclose(samples[: 2 * 16_000], read(recordings[0]), atol=1e-3)
    assert len(samples) == pytest.approx((2.0 + 0.5 + 1.0) * 16_000, abs=4_000)
    user.drop(recordings[1])
    user.press(user.window.talk_bar.box._remove)
    user.type("And without it?")
    user.sees(lambda: len(user.app.engine.asked) == 2)
    assert user.app.engine.asked[1].samples_16k is None


def test_a_question_typed_about_a_file_that_cannot_be_read_stays(sit: Sit, tmp_path: Path) -> None:
    user = sit()
    broken = tmp_path / "notes.wav"
    broken.write_text("no sound")
    user.drop(broken)
    user.type("What is it about?")
    user.sees_notice("notes.wav")
    assert user.window.talk_bar.field.text() == "What is it about?"
    assert user.window.talk_bar.attachment == "About notes.wav"
    assert user.app.controller.turns == ()


def test_a_new_conversation_has_a_name_in_the_list_at_once(sit: Sit) -> None:
    gate = threading.Event()
    user = sit([gate.wait, *reply("One.", 0)])
    user.say()
    user.sees(lambda: user.app.controller.turns)
    listing = user.window.sidebar.conversations
    assert [listing.model().index(row, 0).data() for row in (0, 1)] == ["Today", "New conversation"]
    gate.set()


# Sidebar.


def test_conversations_are_renamed_found_and_deleted(sit: Sit) -> None:
    user = sit(reply("Plums are purple.", 0), reply("Two.", 0))
    for question in ("What colour are plums?", "And another thing?"):
        user.window.menus.new.trigger()
        user.type(question)
        user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].state is TurnState.DONE)
    assert user.saved == ["And another thing?", "What colour are plums?"]
    listing = user.window.sidebar.conversations
    user.window.menus.rename.trigger()
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Something else")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    user.sees(lambda: user.saved == ["Something else", "What colour are plums?"])
    assert user.window.header.title == "Something else"
    QTest.keyClicks(user.window.sidebar.search, "purple plums")
    user.sees(lambda: user.saved == ["What colour are plums?"])
    user.window.sidebar.search.clear()
    user.sees(lambda: len(user.saved) == 2)
    folder = user.app.controller._conversation.folder
    assert folder.exists()
    user.window.menus.delete.trigger()
    assert user.saved == ["What colour are plums?"]
    assert user.window.shows_welcome
    user.app.controller.shutdown()
    assert not folder.exists()


def test_a_name_being_typed_survives_an_answer_that_comes_meanwhile(sit: Sit) -> None:
    gate = threading.Event()
    user = sit([AnswerText("Well", 0), gate.wait, *reply("Well, well.", 0)])
    user.type("Question?")
    user.sees_word("Answering")
    user.window.menus.rename.trigger()
    editor = user.window.sidebar.conversations.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Half a na")
    gate.set()
    user.sees(lambda: user.app.controller.turns[0].state is TurnState.DONE)
    assert user.window.sidebar.conversations.findChild(QLineEdit) is editor
    editor.setText("Half a name")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    user.sees(lambda: user.saved == ["Half a name"])


# What was answered.


def test_sound_is_saved_and_an_answer_copied_spoken_again_edited_and_deleted(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit(reply("One.", 1.0), reply("Changed.", 0))
    user.type("First?")
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    target = tmp_path / "saved.wav"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(target), "")))
    user.act("Save as sound…")
    user.sees_notice("Saved saved.wav.")
    assert len(read(target, 24_000)) == pytest.approx(24_000, abs=10)
    user.act("Copy")
    assert QGuiApplication.clipboard().text() == "One."
    user.act("1.5×")
    user.hears_something()
    assert user.hears() == pytest.approx(1.0 / 1.5, abs=0.06)
    user.act("Speak with another voice…")
    user.choose("Mei")
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    assert [voice.name for voice in user.app.engine.voices_used] == ["Mei"]
    user.act("Edit question")
    sheet = user.window.findChild(TextSheet)
    assert sheet is not None
    sheet.editor.setPlainText("Changed?")
    user.press(sheet.done_button)
    user.sees(lambda: user.app.controller.turns[0].answer == "Changed.")
    user.sees_word("Ready")
    user.turn().setFocus()
    QTest.keyClick(user.turn(), Qt.Key.Key_Delete)
    assert user.app.controller.turns[0].answer == "One.", "the version beside it"
    QTest.keyClick(user.turn(), Qt.Key.Key_Delete)
    assert user.window.shows_welcome


def test_a_sound_that_cannot_be_saved_says_why(sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = sit(reply("One.", 1.0))
    user.type("First?")
    user.hears_something()
    user.hears()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(tmp_path), "")))
    user.act("Save as sound…")
    user.sees_notice("is a folder: choose a file name")


# Tools, timers, devices that come.


def using(tool: str, arguments: dict[str, Any]) -> Callable[[User], None]:
    """A script whose model calls a tool; the session carries it out."""

    def prepare(user: User) -> None:
        user.app.engine.scripts[:] = [[ToolCall("1.1", tool, arguments), *reply("Well.", 0)], reply("Next.", 0)]

    return prepare


def results(user: User) -> list[str]:
    """What the tools of the conversation gave back, as the model remembers it."""
    turns = [turn for session in user.app.engine.sessions[-1:] for turn in session.turns]
    passages = [passage for turn in turns for passage in turn.passages]
    return [result.text for passage in passages for result in passage.results]


def asks(user: User) -> bool:
    """Whether a card in sight asks whether its tool may be used."""
    return any(card.allow.isVisible() for card in user.window.conversation.findChildren(ToolCard))


@pytest.mark.parametrize(
    ("word", "result", "asked_again"),
    [
        ("Allow", "84", True),
        ("Always Allow", "84", False),
        ("Don't Allow", "The user did not allow this call.", True),
    ],
)
def test_a_card_asks_whether_its_tool_may_be_used(sit: Sit, word: str, result: str, asked_again: bool) -> None:
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    assert user.turn().cards[0].words == "Earshot wants to use Calculator"
    assert "12*7" in user.turn().cards[0].accessibleDescription()
    assert not results(user)
    user.press(user.word(word))
    user.sees(lambda: user.app.controller.turns[0].answer == "Well.")
    assert results(user) == [result]
    assert not asks(user)
    assert user.turn().cards[0].words == ("12*7 = 84" if result == "84" else f"Calculator: {result}")
    assert ("calculator" in user.app.settings.now.ask_first) == asked_again


@pytest.mark.parametrize("way", ["escape", "space"])
def test_whoever_goes_on_without_answering_does_not_allow(sit: Sit, way: str) -> None:
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    user.escape() if way == "escape" else user.hold_space()
    user.sees(lambda: results(user) == ["The user did not allow this call."])
    assert not asks(user)
    if way == "space":
        user.speak()
        user.sees_word("Listening")
        user.let_go()
        user.sees(lambda: user.app.controller.turns[-1].answer == "Next.")


def test_a_question_nobody_answers_goes_away(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmations, "LONGEST_S", 0.3)
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    user.sees(lambda: results(user) == ["The user did not allow this call."])
    user.sees(lambda: not asks(user))


def test_what_a_tool_may_do_is_set_in_the_settings(sit: Sit) -> None:
    user = sit()
    user.settings.open_page(user.settings.tools)
    boxes = {box.accessibleName(): box for box in user.settings.tools.findChildren(QCheckBox)}
    asking = boxes["Ask before each use of Web search"]
    assert not asking.isEnabled(), "it is off"
    boxes["Offer the tool Web search"].click()
    asking.click()
    boxes["Offer the tool Calculator"].click()
    now = user.app.settings.now
    assert now.ask_first == ("web_search",)
    assert "web_search" in now.tools
    assert "calculator" not in now.tools
    assert "Web search may reach the network" in user.window.sidebar.status.text


def test_a_timer_rings(sit: Sit) -> None:
    user = sit()
    using("set_timer", {"seconds": 1, "label": "tea"})(user)
    user.type("Set a timer.")
    user.sees(lambda: results(user) and "Timer 1 (tea) set for 1 second" in results(user)[0])
    user.sees_notice("tea: time is up")
    user.hears_something()
    user.escape()
    assert user.silence()


def test_a_timer_counts_down_where_it_is_seen_and_its_cross_is_undone(sit: Sit) -> None:
    user = sit()
    using("set_timer", {"minutes": 50, "label": "tea"})(user)
    user.type("Set a timer.")
    user.sees(lambda: user.turn().cards and user.turn().cards[0].chip.isVisible())
    card, header = user.turn().cards[0], user.window.header.timer
    assert card.words.startswith("tea · 50 min · rings ")
    assert re.fullmatch(r"(50:00|49:\d\d)", card.chip.text())
    user.sees(header.isHidden)  # one countdown is enough
    user.window.show_page(TRANSCRIBE)
    user.sees(header.isVisible)
    assert header.text().startswith(("49:", "50:"))
    user.window.show_page(TALK)
    user.sees(header.isHidden)
    user.press(card.chip)
    user.sees(lambda: not user.app.controller.timers)
    assert card.chip.isHidden()
    assert user.window.toast.words == "Cancelled “tea”"
    user.press(user.window.toast.undo_button)
    user.sees(lambda: card.chip.isVisible())
    user.window.menus.new.trigger()
    user.sees(header.isVisible)
    user.window.close()
    assert [timer.label for timer in user.app.controller.timers] == ["tea"], "it goes on without a window"


def test_a_timer_that_rings_gives_one_more_minute(sit: Sit) -> None:
    user = sit()
    user.app.controller._talk.timers.ring("tea")
    user.sees_notice("tea: time is up")
    user.hears_something()
    user.press(user.window.talk_bar.lane.other)
    assert user.silence()
    assert [timer.label for timer in user.app.controller.timers] == ["tea"]
    assert user.window.talk_bar.notice == ""


def test_a_timer_that_is_due_while_it_speaks_rings_afterwards(sit: Sit) -> None:
    user = sit(reply(speech_s=1.0))
    speaks(user)
    user.app.controller._talk.timers.ring("")
    user.sees_notice("Timer: time is up")
    over = ["Thinking", "Speaking", "Ready", "Playing"]
    user.sees(lambda: user.sound.listen(0.02) is not None and user.words[-4:] == over)
    user.hears_something()
    assert user.app.controller.turns[0].state is TurnState.DONE


def test_a_headset_that_is_plugged_in_is_used_and_listed(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    headset_in, headset_out = Device("Headset", 44_100, 1, True), Device("Headset", 44_100, 2, True)
    user.sound.plugged_in = [headset_in, Device("Built-in Microphone", 48_000, 1)]
    user.sound.plugged_out = [headset_out, Device("Built-in Output", 48_000, 2)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Headset", 10_000)
    user.sees(lambda: user.sound.input and user.sound.input.device == "Headset")
    assert "Headset" in [device.name for device in user.app.controller.outputs]


def test_a_device_that_comes_while_it_speaks_waits_until_it_is_quiet(sit: Sit) -> None:
    user = sit(reply(LONG, 4.0))
    speaks(user)
    user.sound.plugged_out = [Device("Headset", 48_000, 2, True)]
    refreshed = user.sound.refreshed
    user.qtbot.wait(2500)
    assert user.sound.refreshed == refreshed
    user.hears()
    user.sees(lambda: user.sound.output and user.sound.output.device == "Headset", 10_000)


def test_the_microphone_is_let_go_of_while_other_apps_are_in_front(sit: Sit) -> None:
    user = sit(reply("Heard.", 0))
    microphone = user.app.controller._sound.microphone
    user.sees(lambda: microphone.open)
    user.app.controller.show_in_front(False)
    first = user.sound.input
    assert first is not None
    user.sees(lambda: first.closed and not microphone.open)
    user.app.controller.show_in_front(True)
    user.sees(lambda: microphone.open)
    user.window.menus.talk.trigger()
    user.speak()
    user.sees_word("Listening · locked")
    user.app.controller.show_in_front(False)
    assert microphone.recording, "what is being said goes on being heard"
    user.app.controller.show_in_front(True)
    user.window.menus.talk.trigger()
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].answer == "Heard.")


def pick(box: QComboBox, words: str) -> None:
    """Choose an entry as a person does: the box says so."""
    number = box.findText(words)
    assert number >= 0, f"{words!r} is not offered"
    box.setCurrentIndex(number)
    box.activated.emit(number)


def test_devices_are_chosen_by_name_and_the_choice_survives_their_absence(sit: Sit) -> None:
    user = sit()
    user.sound.plugged_in += [Device("Desk microphone", 44_100, 2)]
    user.sound.plugged_out += [Device("Desk speakers", 96_000, 2)]
    page = user.settings.sound
    user.settings.open_page(page)  # opening the settings lists devices anew
    boxes = {box.accessibleName(): box for box in page.findChildren(QComboBox)}
    user.sees(lambda: boxes["Microphone"].findText("Desk microphone") > 0)
    pick(boxes["Microphone"], "Desk microphone")
    pick(boxes["Speakers"], "Desk speakers")
    user.sees(lambda: user.sound.input and user.sound.input.device == "Desk microphone")
    user.sees(lambda: user.sound.output and user.sound.output.device == "Desk speakers")
    user.sound.plugged_out = [Device("Built-in Output", 48_000, 2, True)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Built-in Output", 10_000)
    user.sees(lambda: boxes["Speakers"].currentText() == "Desk speakers (not connected)")
    user.sound.plugged_out += [Device("Desk speakers", 96_000, 2)]
    user.sees(lambda: user.sound.output and user.sound.output.device == "Desk speakers", 10_000)
    pick(boxes["Speakers"], "System default")
    user.sees(lambda: user.sound.output and user.sound.output.device == "Built-in Output")


def test_nothing_is_kept_when_the_user_wants_nothing_kept(sit: Sit) -> None:
    user = sit(reply("One.", 0.5))
    page = user.settings.privacy
    user.settings.open_page(page)
    (box,) = page.findChildren(QComboBox)
    pick(box, "Never")
    user.settings.accept()
    user.say()
    user.hears_something()
    user.hears()
    user.sees(lambda: user.app.controller.turns[0].text)
    user.sees(lambda: user.saved == ["what is twelve times seven"])  # while it is in front it is there
    user.app.controller.shutdown()
    assert not list(user.app.paths.recordings.rglob("*.*"))
    assert sit().saved == []
