"""Talking: hold Space or the button, type instead, and see the state in words and colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.qt import override
from app.widgets.controls.floating import SHADOW
from app.widgets.controls.labels import Label
from app.widgets.frame.keyboard import Keyboard, Space, use_of_space
from app.widgets.frame.window import Window
from app.widgets.talk.lane import ABOVE
from app.widgets.talk.talk_bar import HEIGHT, TalkBar
from app.widgets.talk.talk_button import TalkLook
from tests.app.widgets.scenes.turns import PACKING


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
    window.talk_pressed.connect(lambda _seconds_ago: said.append("down"))
    window.talk_released.connect(lambda: said.append("up"))
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


def test_space_talks_while_read_only_text_has_the_focus(window: Window, gestures: list[str]) -> None:
    window.conversation.setFocus()
    press_space(window.conversation)
    QTest.keyRelease(window.conversation, Qt.Key.Key_Space)
    assert gestures == ["down", "up"]


def test_space_talks_as_soon_as_the_window_opens(window: Window, gestures: list[str]) -> None:
    press_space(QApplication.focusWidget() or window)
    QTest.keyRelease(QApplication.focusWidget() or window, Qt.Key.Key_Space)
    assert gestures == ["down", "up"]


def test_clicking_a_switch_does_not_take_the_space_bar_away(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    window.conversation.setFocus()
    qtbot.mouseClick(window.talk_bar.think, Qt.MouseButton.LeftButton)
    assert use_of_space(QApplication.focusWidget()) is Space.TALKS


def test_losing_the_window_lets_go_of_the_key(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    window.conversation.setFocus()
    press_space(window.conversation)
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(lambda: gestures == ["down", "up"])
    assert not window.keyboard.held


def test_the_keyboard_is_asked_nothing_for_a_frame(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> None:
    asked: list[QEvent.Type] = []

    class Asked(Keyboard):
        @override
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            asked.append(event.type())
            return super().eventFilter(watched, event)

    monkeypatch.setattr("app.widgets.frame.window.Keyboard", Asked)
    window = Window()
    qtbot.addWidget(window)
    window.show()
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowUnblocked))
    assert QEvent.Type.WindowUnblocked in asked
    asked.clear()
    window.update()
    QApplication.processEvents()
    assert QEvent.Type.UpdateRequest not in asked


def test_the_button_reports_press_and_release(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    qtbot.mousePress(window.talk_bar.button, Qt.MouseButton.LeftButton)
    assert gestures == ["down"]
    qtbot.mouseRelease(window.talk_bar.button, Qt.MouseButton.LeftButton)
    assert gestures == ["down", "up"]


def test_only_the_circle_of_the_button_can_be_pressed(window: Window, gestures: list[str], qtbot: QtBot) -> None:
    qtbot.mousePress(window.talk_bar.button, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    qtbot.mouseRelease(window.talk_bar.button, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    assert gestures == []


def test_typed_text_is_sent_once_without_blanks_around_it(window: Window, qtbot: QtBot) -> None:
    field = window.talk_bar.field
    field.setPlainText("  What time is it?  ")
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


def test_a_notice_floats_over_the_field_with_its_command(window: Window, qtbot: QtBot) -> None:
    bar = window.talk_bar
    bar.set_notice("The microphone gives no sound.", "Open privacy settings", trouble=True)
    assert bar.notice == "The microphone gives no sound."
    with qtbot.waitSignal(bar.notice_acted):
        bar.lane.action.click()
    with qtbot.waitSignal(bar.notice_dismissed):
        bar.lane.close_button.click()
    bar.set_notice()
    assert bar.notice == ""
    assert bar.lane.isHidden()


ADVICE = (
    "AirPods Pro disconnected. Listening with MacBook Pro Microphone. Allow it in the privacy settings, or unmute it."
)


@pytest.mark.parametrize("width", [560, 760, 1120, 1600])
@pytest.mark.parametrize("typed", ["", "one", "one\ntwo\nthree\n" * 9], ids=["nothing", "a line", "many lines"])
@pytest.mark.parametrize("notice", ["", "Saved tea.wav.", ADVICE * 2], ids=["none", "short", "long"])
def test_nothing_moves_the_disc_nor_makes_the_bar_higher(window: Window, width: int, typed: str, notice: str) -> None:
    window.resize(width, 600)
    bar = window.talk_bar
    disc, place = bar.button.geometry(), bar.geometry()
    page = window.conversation.geometry()
    bar.field.setPlainText(typed)
    bar.set_notice(notice, "Open privacy settings" if notice else "", trouble=True)
    QApplication.processEvents()
    assert (bar.button.geometry(), bar.geometry(), window.conversation.geometry()) == (disc, place, page)
    assert bar.height() == HEIGHT == 104
    assert bar.box.geometry().bottom() == bar.y() + 51
    assert 40 <= bar.box.height() <= 160
    if notice:
        words = next(label for label in bar.lane.findChildren(Label) if label.text() == notice)
        assert words.height() >= words.heightForWidth(words.width())
        assert words.geometry().intersected(bar.lane.close_button.geometry()).isEmpty()
        assert bar.lane.geometry().bottom() - SHADOW <= bar.box.y() - ABOVE
        left, column = bar.column()
        assert bar.lane.x() + SHADOW >= left
        assert bar.lane.width() - 2 * SHADOW <= column


@pytest.mark.parametrize(
    ("look", "plain", "typed"),
    [
        (TalkLook.READY, "Hold Space to talk", "Return sends"),
        (TalkLook.OPENING, "Esc cancels", "Return sends, Esc cancels"),
        (TalkLook.LISTENING, "Let go to send, Esc discards", "Return sends, Esc discards"),
        (TalkLook.LOCKED, "Space sends, Esc discards", "Return sends, Esc discards"),
        (TalkLook.SPEAKING, "Space interrupts, Esc stops", "Return sends, Esc stops"),
        (TalkLook.PLAYING, "Esc stops", "Return sends, Esc stops"),
    ],
)
def test_the_hint_says_what_the_keys_do_now(window: Window, look: TalkLook, plain: str, typed: str) -> None:
    bar = window.talk_bar
    bar.set_state(look, "Now")
    assert bar.hint == plain
    bar.field.setPlainText("Hello")
    assert bar.hint == typed
    bar.field.clear()
    assert bar.hint == plain


@pytest.mark.parametrize(("state", "words"), [(TalkLook.LISTENING, "Listening"), (TalkLook.SPEAKING, "Speaking")])
def test_the_whole_hint_has_room_beside_the_switches(qtbot: QtBot, state: TalkLook, words: str) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.show()
    window.talk_bar.set_state(state, words)
    QApplication.processEvents()
    assert window.talk_bar._hint.text() == window.talk_bar.hint


@pytest.mark.parametrize("way", ["keys", "set", "pasted", "given back"])
def test_the_lines_of_the_field_stand_twenty_pixels_apart(window: Window, way: str) -> None:
    field = window.talk_bar.field
    field.setPlainText("before")
    field.clear()
    if way == "keys":
        QTest.keyClicks(field, "one")
        QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        QTest.keyClicks(field, "two")
    elif way == "set":
        field.setPlainText("one\ntwo")
    elif way == "pasted":
        field.insertPlainText("one\ntwo")
    else:
        field.setPlainText("two")
        field.give_back("one")
    assert field.text() == "one\ntwo"
    assert field.lines == 2
    assert window.talk_bar.box.height() == 60
    cursor = field.textCursor()
    cursor.movePosition(cursor.MoveOperation.Start)
    first = field.cursorRect(cursor).top()
    cursor.movePosition(cursor.MoveOperation.End)
    assert field.cursorRect(cursor).top() - first == 20


def test_the_field_sends_with_return_and_breaks_lines_with_shift(window: Window) -> None:
    field, said = window.talk_bar.field, list[str]()
    window.talk_bar.text_sent.connect(said.append)
    QTest.keyClicks(field, "socks")
    QTest.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(field, "a charger")
    assert said == []
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert said == ["socks\na charger"]


def test_a_narrow_bar_has_one_menu_for_the_switches(window: Window, qtbot: QtBot) -> None:
    bar = window.talk_bar
    window.resize(560, 600)
    assert [chip.isVisible() for chip in (bar.think, bar.speak, bar.search)] == [False] * 3
    qtbot.mouseClick(bar.options, Qt.MouseButton.LeftButton)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert [action.text() for action in menu.actions()] == ["Think", "Speak answers", "Web search"]
    menu.actions()[0].trigger()
    menu.close()
    assert bar.think.isChecked()
    window.resize(1120, 600)
    assert bar.think.isVisible()
    assert bar.options.isHidden()


@pytest.mark.parametrize("size", [(560, 480), (1120, 760)])
def test_what_the_lane_says_covers_nothing_of_the_newest_turn(window: Window, size: tuple[int, int]) -> None:
    window.resize(*size)
    window.show_empty(False)
    window.conversation.set_turns([PACKING, replace(PACKING, key="b"), replace(PACKING, key="c")])
    window.talk_bar.set_notice(ADVICE * 2, "Open privacy settings")
    QApplication.processEvents()
    last = window.conversation.widget_of(2)
    assert last is not None
    row, lane = last.action_row, window.talk_bar.lane
    end = row.mapTo(window, row.rect().bottomLeft()).y()
    assert end < lane.parentWidget().mapTo(window, QPoint(0, lane.top)).y()
    window.talk_bar.set_notice()
    QApplication.processEvents()
    assert row.mapTo(window, row.rect().bottomLeft()).y() > end or size[0] > 1000


def test_python_is_asked_for_no_frame_of_the_arc(window: Window, qtbot: QtBot) -> None:
    """The thread that writes would have to wait for each."""
    button = window.talk_bar.button
    window.talk_bar.set_state(TalkLook.THINKING, "Thinking")
    QApplication.processEvents()
    painted, frames = PaintCounter(button), []
    button.arc.renderer().repaintNeeded.connect(lambda: frames.append(1))
    qtbot.waitUntil(lambda: len(frames) > 3)
    assert painted.count == 0
    button.update()
    qtbot.waitUntil(lambda: painted.count == 1)


class PaintCounter(QObject):
    """How often a widget was painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Paint
        return False
