"""The Talk page on a controller: what it says is shown, what the user does becomes a command."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from app.shown.models import ModelStatus
from app.shown.talk import (
    Notice,
    NoticeAction,
    State,
    ToolState,
    ToolView,
    TurnState,
    TurnView,
)
from app.widgets.controls import theme
from app.widgets.controls.sheets import TextSheet
from app.widgets.main_window import MainWindow
from app.widgets.talk.talk_button import TalkLook
from app.widgets.talk.turn_actions import TurnAction
from engine.events import Thinking
from tests.app.widgets.fake_controller import (
    FakeController,
    FakeSettings,
)
from tests.app.widgets.scenes.turns import FAILED, PACKING, TRAIN


def test_while_an_answer_grows_the_talk_bar_is_left_alone(
    window: MainWindow, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.be(State.THINKING)
    turn = replace(TRAIN, state=TurnState.THINKING, answer="", thinking="It", has_sound=False)
    controller.have_turn(turn)
    states: list[str] = []
    set_state = window.talk_bar.set_state
    monkeypatch.setattr(window.talk_bar, "set_state", lambda look, word: (states.append(word), set_state(look, word)))
    for words in range(1, 50):
        controller.have_turn(replace(turn, thinking="It " * words))
    for words in range(1, 50):
        controller.have_turn(replace(turn, state=TurnState.ANSWERING, answer="Nine " * words))
    assert states == ["Answering"]
    assert window.talk_bar.word == "Answering"


def test_talk_think_answer_play_again(window: MainWindow, controller: FakeController, qtbot: QtBot) -> None:
    bar = window.talk_bar
    assert window.shows_welcome
    qtbot.mousePress(bar.button, Qt.MouseButton.LeftButton)
    controller.be(State.LISTENING)
    controller.have_turn(TurnView("1", TurnState.WAITING, seconds=0.5))
    assert (bar.word, bar.button.look) == ("Listening", TalkLook.LISTENING)
    qtbot.mouseRelease(bar.button, Qt.MouseButton.LeftButton)
    assert controller.asked[-2:] == [("press_talk", 0.0), ("release_talk",)]
    controller.be(State.THINKING)
    controller.have_turn(replace(TRAIN, state=TurnState.THINKING, answer="", tools=(), has_sound=False))
    assert not window.shows_welcome
    turn = window.conversation.widget_of(0)
    assert turn is not None
    qtbot.mouseClick(turn.thinking.skip, Qt.MouseButton.LeftButton)
    assert controller.last() == ("skip_thinking",)
    controller.be(State.SPEAKING)
    controller.have_turn(TRAIN)
    assert (bar.word, turn.answer.spoken_span()) == ("Speaking", (20, 36))
    controller.be(State.IDLE)
    controller.have_turn(replace(TRAIN, state=TurnState.DONE, spoken=None))
    assert bar.word == "Ready"
    qtbot.mouseClick(turn.action_row.icons[0], Qt.MouseButton.LeftButton)
    assert controller.last() == ("play_again", "1", 1.0)


@pytest.mark.parametrize(
    ("model", "look", "word"),
    [
        (ModelStatus("Mini", share=0.4), TalkLook.OFF, "Loading"),
        (ModelStatus("Mini", problem="It does not fit."), TalkLook.TROUBLE, "Stopped"),
        (ModelStatus("Mini", ready=True), TalkLook.READY, "Ready"),
    ],
)
def test_the_button_tells_how_the_model_stands(
    window: MainWindow, controller: FakeController, model: ModelStatus, look: TalkLook, word: str
) -> None:
    controller.have("model", model)
    assert (window.talk_bar.button.look, window.talk_bar.word) == (look, word)


def test_a_notice_shows_its_sentence_and_its_command(window: MainWindow, controller: FakeController) -> None:
    controller.have("notice", Notice("The microphone gives no sound.", True, NoticeAction.PRIVACY))
    assert window.talk_bar.notice == "The microphone gives no sound."
    window.talk_bar.lane.action.click()
    assert controller.last() == ("act_on_notice",)
    controller.have("notice", Notice())
    assert window.talk_bar.notice == ""


def test_typed_text_and_phrases_are_asked(window: MainWindow, controller: FakeController, qtbot: QtBot) -> None:
    window.talk_bar.field.setPlainText("What time is it?")
    QTest.keyClick(window.talk_bar.field, Qt.Key.Key_Return)
    assert controller.last() == ("ask_text", "What time is it?")
    window.welcome.phrase_chosen.emit("One?")
    assert controller.last() == ("ask_text", "One?")


def test_escape_and_return_on_the_button(window: MainWindow, controller: FakeController) -> None:
    controller.be(State.SPEAKING)
    QTest.keyClick(window.talk_bar.button, Qt.Key.Key_Escape)
    assert controller.last() == ("stop",)
    QTest.keyClick(window.talk_bar.button, Qt.Key.Key_Return)
    assert controller.last() == ("toggle_latch",)


def test_switches_follow_the_settings_and_change_them(
    window: MainWindow, controller: FakeController, settings: FakeSettings, qtbot: QtBot
) -> None:
    settings.change(thinking=Thinking.ALWAYS, spoken_answers=False)
    assert window.talk_bar.think.isChecked()
    assert not window.talk_bar.speak.isChecked()
    assert controller.asked == []
    window.talk_bar.think.click()
    assert controller.last() == ("set_thinking", Thinking.OFF)
    window.talk_bar.search.click()
    assert controller.last() == ("set_tools", ("calculator", "web_search"))


def test_a_model_that_cannot_think_gets_no_switch_for_it(window: MainWindow, controller: FakeController) -> None:
    controller.have("model", replace(controller.model, thinks=False))
    assert window.talk_bar.think.isHidden()
    controller.have("model", replace(controller.model, thinks=True))
    assert not window.talk_bar.think.isHidden()


@pytest.mark.parametrize(
    ("action", "value", "command"),
    [
        (TurnAction.STOP, None, ("stop",)),
        (TurnAction.PLAY_QUESTION, None, ("play_question", "2", 0.0)),
        (TurnAction.SPEED, 1.5, ("play_again", "2", 1.5)),
        (TurnAction.AGAIN, None, ("ask_again", "2")),
        (TurnAction.RETRY, None, ("try_again", "2")),
        (TurnAction.PLAY, None, ("play_again", "2", 1.25)),
    ],
)
def test_actions_of_a_turn_become_commands(
    window: MainWindow, controller: FakeController, action: TurnAction, value: object, command: tuple[object, ...]
) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", action, value)
    assert controller.last() == command


def test_the_word_changes_when_the_answer_comes(window: MainWindow, controller: FakeController) -> None:
    controller.be(State.THINKING)
    controller.have_turn(TurnView("1", TurnState.WAITING, "Hello?"))
    assert window.talk_bar.word == "Thinking"
    controller.have_turn(TurnView("1", TurnState.ANSWERING, "Hello?", answer="Good"))
    assert window.talk_bar.word == "Answering"


@pytest.mark.parametrize(
    ("unspoken", "words"), [(" morning to you.", "Interrupted: the rest was not spoken"), ("", "Stopped")]
)
def test_a_turn_that_was_cut_off_says_how_and_keeps_the_rest_in_sight(
    window: MainWindow, controller: FakeController, unspoken: str, words: str
) -> None:
    controller.have_turns(TurnView("1", TurnState.INTERRUPTED, "Hello?", answer="Good", unspoken=unspoken))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    assert turn.action_row.note == words
    assert turn.answer.toPlainText() == "Good" + unspoken
    if unspoken:
        assert turn.answer.spoken_span() == (4, 4), "where the mark stands"
        (later,) = turn.answer.extraSelections()
        assert later.cursor.selectedText() == unspoken
        assert later.format.foreground().color() == theme.colours(turn).unheard
        assert "not spoken: morning to you." in turn.accessibleName()


def test_a_tool_is_called_as_the_settings_call_it(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(replace(TRAIN, tools=(ToolView("calculator", "1/0", "No.", ToolState.FAILED),)))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    assert [card.accessibleName() for card in turn.cards] == ["Works out sums.: No."]


def test_copy_puts_the_answer_on_the_clipboard(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", TurnAction.COPY, None)
    assert QGuiApplication.clipboard().text() == PACKING.answer


def test_editing_what_i_said_asks_again_with_the_new_text(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", TurnAction.EDIT, None)
    sheet = window.findChild(TextSheet)
    assert sheet is not None
    assert sheet.editor.toPlainText() == PACKING.text
    sheet.editor.setPlainText("What should I leave at home?")
    sheet.done_button.click()
    assert controller.last() == ("edit_turn", "2", "What should I leave at home?")


def test_a_failed_turn_can_be_tried_again_from_the_page(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    controller.have_turns(FAILED)
    turn = window.conversation.widget_of(0)
    assert turn is not None
    turn.retry.click()
    assert controller.last() == ("try_again", "5")


def test_a_turn_is_deleted_without_a_question(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(PACKING)
    turn = window.conversation.widget_of(0)
    assert turn is not None
    turn.setFocus()
    QTest.keyClick(turn, Qt.Key.Key_Backspace)
    assert controller.asked == [("delete_turn", "2")]
    assert window.findChild(QDialog) is None


def test_arrow_keys_on_a_turn_show_its_versions(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(TRAIN, replace(PACKING, version=2, versions=3))
    turn = window.conversation.widget_of(1)
    assert turn is not None
    assert turn.accessibleName().endswith("Version 2 of 3")
    turn.setFocus()
    QTest.keyClick(turn, Qt.Key.Key_Left)
    assert controller.last() == ("show_version", "2", -1)
    QTest.keyClick(turn, Qt.Key.Key_Right)
    assert controller.last() == ("show_version", "2", 1)
    other = window.conversation.widget_of(0)
    assert other is not None
    other.setFocus()
    QTest.keyClick(other, Qt.Key.Key_Right)
    assert len(controller.asked) == 2, "it has one version only"


def test_a_removed_turn_leaves_the_page(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(TRAIN, PACKING)
    controller.turns = (TRAIN,)
    controller.turn_removed.emit("2")
    assert len(window.conversation.turns) == 1
