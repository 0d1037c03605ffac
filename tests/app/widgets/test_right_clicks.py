"""A right click opens the window's own menus everywhere, none of Qt's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.controls.fields import TextArea
from app.widgets.frame.window import Window
from app.widgets.transcribe.segment_editors import SegmentEditor
from tests.app.widgets.scenes import SCENES

EDITING = ["Cut", "Copy", "Paste", "Select All"]


def _edited(window: Window) -> QWidget:
    return window.transcript.segments.findChildren(SegmentEditor)[0]


WIDGETS: dict[str, tuple[str, Callable[[Window], QWidget], list[str]]] = {
    "the message field": ("drawn", lambda window: window.talk_bar.field, EDITING),
    "the search field": ("drawn", lambda window: window.sidebar.search, EDITING),
    "a field of several lines": ("drawn", lambda window: TextArea("Who answers", "A pirate", window), EDITING),
    "the find field": ("transcript", lambda window: window.transcript.find_field, EDITING),
    "a segment that is edited": ("transcript", _edited, EDITING),
    "a question about a recording": ("transcript", lambda window: window.transcript.side.question, EDITING),
    "a summary": ("transcript", lambda window: window.transcript.side.summary, ["Copy"]),
    "a row of the queue": (
        "transcribe",
        lambda window: window.transcribe.card("6"),
        ["Ask about this recording", "Remove"],
    ),
    "one that is no recording": ("transcribe", lambda window: window.transcribe.card("3"), ["Remove"]),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_a_right_click_opens_a_menu_of_the_window_s_own(name: str, qtbot: QtBot) -> None:
    scene, find, words = WIDGETS[name]
    window = Window()
    qtbot.addWidget(window)
    window.show()
    SCENES[scene](window)
    widget = find(window)
    if isinstance(widget, QAbstractScrollArea):
        widget = widget.viewport()  # what the mouse is over
    at = QPoint(4, 4)
    QApplication.sendEvent(widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, widget.mapToGlobal(at)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert [action.text() for action in menu.actions() if not action.isSeparator()] == words
    menu.close()


def test_cut_and_paste_of_the_menu_do_what_they_say(qtbot: QtBot) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.show()
    search = window.sidebar.search
    search.setText("leeks")
    search.selectAll()
    for words, left in (("Cut", ""), ("Paste", "leeks")):
        event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(4, 4), QPoint(4, 4))
        QApplication.sendEvent(search, event)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        next(action for action in menu.actions() if action.text() == words).trigger()
        menu.close()
        assert search.text() == left
