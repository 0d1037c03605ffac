"""What Space, a letter and Esc do, for everything that can have the keyboard; and where the keyboard goes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from PySide6.QtCore import QDeadlineTimer, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.shown.talk import ConversationView, State, ToolState, ToolView, TurnState, TurnView
from app.widgets.controls.sheets import tell
from app.widgets.frame import keyboard
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.talk.tool_card import ToolCard
from tests.app.widgets.fake_controller import FakeController

pytestmark = pytest.mark.slow

ENGLISH = Qt.KeyboardModifier.NoModifier
TURN = TurnView(
    "1",
    TurnState.DONE,
    "How far?",
    answer="Far.",
    has_sound=True,
    tools=(ToolView("calculator", "1+1", "2", ToolState.DONE),),
)


@pytest.fixture
def shown(window: MainWindow, controller: FakeController, qtbot: QtBot) -> MainWindow:
    """The window in front, with a turn and a saved conversation."""
    controller.conversations = (ConversationView("1", "Train times", 1e9, 1),)
    controller.conversations_changed.emit()
    controller.have_turns(TURN)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    return window


def _turn(window: MainWindow) -> QWidget:
    turn = window.conversation.widget_of(0)
    assert turn is not None
    return turn


def _typed(window: MainWindow) -> QWidget:
    window.talk_bar.field.setPlainText("Good")
    window.talk_bar.field.moveCursor(window.talk_bar.field.textCursor().MoveOperation.End)
    return window.talk_bar.field


def _searched(window: MainWindow) -> QWidget:
    window.sidebar.search.setText("tea")
    return window.sidebar.search


def _button_of_turn(window: MainWindow) -> QWidget:
    return _turn(window).action_row.icons[0]  # type: ignore[attr-defined]


class Expected(NamedTuple):
    """What a short and a long press of Space do, where a letter goes, and what has the keyboard after Esc."""

    short: str
    long: str
    letter: str
    escape: str


PAGE = Expected("talks", "talks", "message", "home")
CONTROL = Expected("own", "own", "message", "home")
WIDGETS: dict[str, tuple[Callable[[MainWindow], QWidget], Expected]] = {
    "the page": (lambda window: window.conversation, PAGE),
    "a turn": (_turn, PAGE),
    "a tool's card": (lambda window: _turn(window).findChildren(ToolCard)[0], PAGE),
    "the saved conversations": (lambda window: window.sidebar.conversations, CONTROL),
    "the talk button": (lambda window: window.talk_bar.button, PAGE),
    "the empty message field": (
        lambda window: window.talk_bar.field,
        Expected("nothing", "talks", "message", "home"),
    ),
    "the message field": (_typed, Expected("types", "types", "message", "home")),
    "the empty search field": (lambda window: window.sidebar.search, Expected("types", "types", "search", "home")),
    "the search field": (_searched, Expected("types", "types", "search", "emptied")),
    "a switch": (lambda window: window.talk_bar.think, CONTROL),
    "a menu's button": (lambda window: window.preset, CONTROL),
    "the way to the other page": (lambda window: window.sidebar.pages.findChildren(QWidget)[0], CONTROL),
    "an action of a turn": (_button_of_turn, CONTROL),
}


def press(key: Qt.Key, *, until: Callable[[], bool] = lambda: True) -> None:
    """Press, hold until something is so, and let go, to whatever has the keyboard by then."""
    QTest.keyPress(QApplication.focusWidget(), key)
    deadline = QDeadlineTimer(20_000)
    while not until() and not deadline.hasExpired():
        QTest.qWait(5)
    QTest.keyRelease(QApplication.focusWidget(), key)


def reached(window: MainWindow, name: str) -> QWidget:
    """The widget of that name, with the keyboard, as by the Tab key."""
    widget = WIDGETS[name][0](window)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    assert QApplication.focusWidget() is widget
    return widget


def talked(controller: FakeController) -> list[str]:
    return [command[0] for command in controller.asked if command[0].endswith("_talk")]


def texts(window: MainWindow) -> tuple[str, str]:
    return window.talk_bar.field.text(), window.sidebar.search.text()


@pytest.mark.parametrize("held", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("name", WIDGETS)
def test_space(
    shown: MainWindow, controller: FakeController, name: str, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown.keyboard._hold, "interval", lambda: 0)
    shown.keyboard._hold.setInterval(5 if held else 60_000)
    monkeypatch.setattr(keyboard, "HOLD_MS", 20)
    widget = reached(shown, name)
    before = texts(shown)
    pressed: list[bool] = []
    if hasattr(widget, "clicked") and name != "the talk button":
        widget.clicked.connect(lambda *_: pressed.append(True))
    press(Qt.Key.Key_Space, until=lambda: not (held and shown.keyboard._hold.isActive()))
    if (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    expected = WIDGETS[name][1].long if held else WIDGETS[name][1].short
    assert talked(controller) == (["press_talk", "release_talk"] if expected == "talks" else [])
    assert (texts(shown) != before) == (expected == "types")
    assert bool(pressed) == (expected == "own")
    if expected == "talks":
        assert QApplication.focusWidget() is shown.conversation, "what was sent by voice leaves the keyboard at home"


@pytest.mark.parametrize("name", WIDGETS)
def test_a_letter(shown: MainWindow, controller: FakeController, name: str) -> None:
    reached(shown, name)
    message, search = texts(shown)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_H)
    QTest.keyClicks(QApplication.focusWidget(), "i you")
    to_search = WIDGETS[name][1].letter == "search"
    written = texts(shown)[1 if to_search else 0]
    assert written.endswith("hi you")
    assert texts(shown)[0 if to_search else 1] == (message if to_search else search)
    assert talked(controller) == []


@pytest.mark.parametrize("state", [State.IDLE, State.SPEAKING], ids=["idle", "speaking"])
@pytest.mark.parametrize("name", WIDGETS)
def test_escape(shown: MainWindow, controller: FakeController, name: str, state: State) -> None:
    controller.be(state)
    reached(shown, name)
    before = texts(shown)
    press(Qt.Key.Key_Escape)
    if WIDGETS[name][1].escape == "emptied":
        assert texts(shown) == (before[0], "")
        press(Qt.Key.Key_Escape)
        assert [command for command in controller.asked if command[0] != "search"] == []
    elif "search" not in name and state is State.SPEAKING:
        assert controller.asked == [("stop",)]
        assert texts(shown) == before
        controller.be(State.IDLE)
        press(Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is shown.conversation


def test_escape_leaves_the_field_before_it_takes_the_notice_away(shown: MainWindow, controller: FakeController) -> None:
    shown.talk_bar.set_notice("Saved tea.wav.")
    shown.talk_bar.field.setFocus()
    press(Qt.Key.Key_Escape)
    assert controller.asked == []
    press(Qt.Key.Key_Escape)
    assert controller.asked == [("dismiss_notice",)]


def test_auto_repeat_of_a_held_space_types_nothing(shown: MainWindow, controller: FakeController) -> None:
    field = shown.talk_bar.field
    field.setFocus()
    QTest.keyPress(field, Qt.Key.Key_Space)
    for _ in range(3):
        QTest.keyPress(field, Qt.Key.Key_Space)
    shown.keyboard._hold.timeout.emit()
    assert controller.asked == [("press_talk", 0.25)]
    QTest.keyRelease(field, Qt.Key.Key_Space)
    assert (controller.asked[-1], field.text()) == (("release_talk",), "")


MOUSED: dict[str, Callable[[MainWindow], QWidget]] = {
    name: WIDGETS[name][0]
    for name in ("a turn", "a tool's card", "the talk button", "a switch", "the way to the other page")
} | {"an answer": lambda window: _turn(window).answer.viewport(), "an action of a turn": _button_of_turn}  # type: ignore[attr-defined]


@pytest.mark.parametrize("before", ["the page", "the message field"])
@pytest.mark.parametrize("name", MOUSED)
def test_a_click_takes_the_keyboard_from_nothing(shown: MainWindow, qtbot: QtBot, before: str, name: str) -> None:
    had = reached(shown, before)
    qtbot.mouseClick(MOUSED[name](shown), Qt.MouseButton.LeftButton)
    assert QApplication.focusWidget() is had


def test_a_click_on_the_empty_page_leaves_the_field(shown: MainWindow, qtbot: QtBot) -> None:
    shown.talk_bar.field.setFocus()
    viewport = shown.conversation.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=viewport.rect().bottomRight() / 1.05)
    assert QApplication.focusWidget() is shown.conversation


def test_what_goes_away_with_the_keyboard_leaves_it_at_home(shown: MainWindow) -> None:
    for widget in (shown.talk_bar.think, _button_of_turn(shown), shown.voice):
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        widget.hide()
        assert QApplication.focusWidget() is shown.conversation, widget.accessibleName()
    shown.talk_bar.speak.setFocus(Qt.FocusReason.TabFocusReason)
    shown.talk_bar.speak.setEnabled(False)
    assert QApplication.focusWidget() is shown.conversation


def test_another_page_and_a_new_conversation_have_the_keyboard_at_home(
    shown: MainWindow, controller: FakeController
) -> None:
    shown.talk_bar.field.setFocus()
    shown.show_page(TRANSCRIBE)
    assert QApplication.focusWidget() is shown.transcribe
    shown.sidebar.new_requested.emit()
    assert controller.asked == [("new_conversation",)]
    assert QApplication.focusWidget() is shown.conversation


def test_after_a_sheet_the_keyboard_is_at_home(shown: MainWindow, qtbot: QtBot) -> None:
    shown.talk_bar.field.setFocus()
    tell(shown, "Copied", "All of it.")
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None, timeout=20_000)
    sheet = QApplication.activeModalWidget()
    assert sheet is not None
    sheet.close()
    shown.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is shown.conversation, timeout=20_000)
