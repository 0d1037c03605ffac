"""Talking: hold Space or the button, type instead, and see the state in words and colour."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.controls.labels import Label
from app.widgets.frame.window import Window
from app.widgets.talk.push_to_talk import takes_space
from app.widgets.talk.talk_bar import HEIGHT, TalkBar
from app.widgets.talk.talk_button import TalkLook


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    main = Window()
    qtbot.addWidget(main)
    main.show()
    main.activateWindow()
    main.show_empty(False)
    return main


@pytest.fixture
def gestures(window: Window) -> list[str]:
    said: list[str] = []
    window.talk_bar.talk_pressed.connect(lambda: said.append("down"))
    window.talk_bar.talk_released.connect(lambda: said.append("up"))
    return said


def press_space(widget: QWidget, *, repeat: bool = False) -> None:
    QApplication.sendEvent(
        widget, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Space, Qt.KeyboardModifier(0), " ", repeat)
    )


def test_holding_space_talks_once_however_often_the_key_repeats(window: Window, gestures: list[str]) -> None:
    window.conversation.setFocus()
    press_space(window.conversation)
    for _ in range(5):
        press_space(window.conversation, repeat=True)
    QTest.keyRelease(window.conversation, Qt.Key.Key_Space)
    assert gestures == ["down", "up"]


def test_space_types_a_space_in_a_text_field(window: Window, gestures: list[str]) -> None:
    window.talk_bar.field.setFocus()
    QTest.keyClicks(window.talk_bar.field, "a b")
    assert window.talk_bar.field.text() == "a b"
    assert gestures == []


def test_space_on_a_switch_reached_by_keyboard_works_the_switch(window: Window, gestures: list[str]) -> None:
    window.talk_bar.think.setFocus()
    QTest.keyClick(window.talk_bar.think, Qt.Key.Key_Space)
    assert window.talk_bar.think.isChecked()
    assert gestures == []


def test_space_talks_while_read_only_text_or_the_list_has_the_focus(window: Window, gestures: list[str]) -> None:
    for widget in (window.sidebar.conversations, window.conversation):
        widget.setFocus()
        press_space(widget)
        QTest.keyRelease(widget, Qt.Key.Key_Space)
    assert gestures == ["down", "up"] * 2


def test_space_talks_as_soon_as_the_window_opens(window: Window, gestures: list[str]) -> None:
    assert QApplication.focusWidget() is window.talk_bar.button
    press_space(window.talk_bar.button)
    QTest.keyRelease(window.talk_bar.button, Qt.Key.Key_Space)
    assert gestures == ["down", "up"]


def test_clicking_a_switch_does_not_take_the_space_bar_away(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    window.conversation.setFocus()
    qtbot.mouseClick(window.talk_bar.think, Qt.MouseButton.LeftButton)
    assert not takes_space(QApplication.focusWidget())


def test_losing_the_window_lets_go_of_the_key(window: Window, gestures: list[str]) -> None:
    window.conversation.setFocus()
    press_space(window.conversation)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowDeactivate))
    assert gestures == ["down", "up"]
    assert not window.push_to_talk.held


def test_the_button_reports_press_and_release(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    qtbot.mousePress(window.talk_bar.button, Qt.MouseButton.LeftButton)
    assert gestures == ["down"]
    qtbot.mouseRelease(window.talk_bar.button, Qt.MouseButton.LeftButton)
    assert gestures == ["down", "up"]


def test_only_the_circle_of_the_button_can_be_pressed(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    qtbot.mousePress(window.talk_bar.button, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    qtbot.mouseRelease(window.talk_bar.button, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert gestures == []


def test_escape_stops_from_wherever_the_keyboard_is(window: Window, qtbot: QtBot) -> None:
    for widget in (window.conversation, window.talk_bar.field, window.talk_bar.think, window.sidebar.conversations):
        widget.setFocus()
        with qtbot.waitSignal(window.stop_requested, timeout=20_000):
            QTest.keyClick(widget, Qt.Key.Key_Escape)


def test_typed_text_is_sent_once_without_blanks_around_it(window: Window, qtbot: QtBot) -> None:
    field = window.talk_bar.field
    field.setText("  What time is it?  ")
    with qtbot.waitSignal(window.talk_bar.text_sent) as sent:
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert sent.args == ["What time is it?"]
    assert field.text() == ""
    said: list[str] = []
    window.talk_bar.text_sent.connect(said.append)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert said == []


def test_the_state_is_shown_in_words_colour_and_the_button_s_name(window: Window) -> None:
    bar = window.talk_bar
    bar.set_state(TalkLook.LISTENING, "Listening")
    assert bar.word == "Listening"
    assert bar.button.look is TalkLook.LISTENING
    assert bar.button.accessibleName() == "Talk, Listening"


def test_the_ring_follows_the_level_and_calms_down(window: Window, qtbot: QtBot) -> None:
    button = window.talk_bar.button
    button.set_look(TalkLook.LISTENING)
    button.set_level(0.9)
    qtbot.waitUntil(lambda: button.level > 0.6)
    button.set_look(TalkLook.READY)
    qtbot.waitUntil(lambda: button.level < 0.05)


def test_showing_the_switches_says_nothing(qtbot: QtBot) -> None:
    bar = TalkBar()
    qtbot.addWidget(bar)
    said: list[bool] = []
    bar.think_toggled.connect(said.append)
    bar.set_switches(True, False, True)
    assert (bar.think.isChecked(), bar.speak.isChecked(), bar.search.isChecked()) == (True, False, True)
    assert said == []


def test_advice_replaces_the_hint_and_offers_its_command(qtbot: QtBot) -> None:
    bar = TalkBar()
    qtbot.addWidget(bar)
    bar.resize(872, 148)
    bar.set_hint("The microphone gives no sound.", "Open privacy settings", trouble=True)
    assert bar.hint == "The microphone gives no sound."
    with qtbot.waitSignal(bar.hint_pressed):
        bar.hint_button.click()
    bar.set_hint()
    assert bar.hint == "Hold Space to talk, Esc to stop"
    assert bar.hint_button.isHidden()


@pytest.mark.parametrize("width", [512, 872, 1352])
@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("There is no loudspeaker: plug one in; answers can be read meanwhile.", ""),
        (
            "The microphone MacBook Pro Microphone gives only silence: allow it in the privacy settings, or unmute it.",
            "Open privacy settings",
        ),
    ],
)
def test_advice_is_never_cut_and_lies_on_nothing(qtbot: QtBot, width: int, text: str, command: str) -> None:
    bar = TalkBar()
    qtbot.addWidget(bar)
    bar.resize(width, bar.height())
    bar.show()
    bar.set_hint(text, command, trouble=True)
    hint = next(label for label in bar.findChildren(Label) if label.text() == text)
    assert hint.height() >= hint.heightForWidth(hint.width())
    assert hint.geometry().bottom() < bar.height()
    others = [bar.think, bar.speak, bar.search, bar.field, bar.hint_button]
    assert not any(hint.geometry().intersects(each.geometry()) for each in others if each.isVisible())
    bar.set_hint()
    assert bar.height() == HEIGHT
