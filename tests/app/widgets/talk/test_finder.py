"""⌘F on Talk: words of the conversation in front, question and answer, near and far."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.shown.talk import TurnState, TurnView
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from tests.app.widgets.fake_controller import FakeController
from tests.app.widgets.scenes.turns import JOKE

TURNS = tuple(
    TurnView(
        str(n), TurnState.DONE, f"Question {n}", answer="A quiet sentence. " * 40 + ("Tides" if n % 10 == 3 else "")
    )
    for n in range(40)
)


@pytest.fixture
def found(window: MainWindow, controller: FakeController) -> MainWindow:
    controller.have_turns(*TURNS)
    window.activateWindow()
    return window


def look_for(window: MainWindow, words: str) -> None:
    window.menus.find.trigger()
    QTest.keyClicks(window.finder.field, words)


def marks(window: MainWindow, turn: int) -> int:
    widget = window.conversation.widget_of(turn)
    assert widget is not None
    return len(widget.answer.extraSelections())


def test_words_are_found_from_turn_to_turn_and_brought_into_sight(found: MainWindow) -> None:
    look_for(found, "tides")
    assert QApplication.focusWidget() is found.finder.field
    field, page = found.finder.field, found.conversation
    seen = []
    for _ in range(4):
        seen.append(field.count_words)
        number = int(field.count_words.split()[0]) - 1
        widget = page.widget_of(3 + 10 * number)
        assert widget is not None
        place = widget.mapTo(page.viewport(), widget.hit_place().topLeft())
        assert page.viewport().rect().contains(place + QPoint(2, 2))
        assert marks(found, 3 + 10 * number) == 1
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert sorted(seen) == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    found.menus.previous_hit.trigger()
    assert field.count_words == seen[-1]


def test_questions_count_as_well_and_what_is_not_there_is_said_in_the_field(found: MainWindow) -> None:
    look_for(found, "question 17")
    assert found.finder.field.count_words == "1 of 1"
    widget = found.conversation.widget_of(17)
    assert widget is not None
    assert len(widget.bubble.text.extraSelections()) == 1
    before = found.conversation.verticalScrollBar().value()
    found.finder.field.selectAll()
    QTest.keyClicks(found.finder.field, "zzzz")
    assert found.finder.field.count_words == "Not found"
    assert found.conversation.verticalScrollBar().value() == before


def test_esc_empties_the_field_then_leaves_it_and_the_marks_go(found: MainWindow) -> None:
    look_for(found, "quiet")
    last = len(TURNS) - 1
    found.conversation.show_end()
    assert marks(found, last) == 40
    QTest.keyClick(found.finder.field, Qt.Key.Key_Escape)
    assert found.finder.field.text() == ""
    assert found.finder.field.isVisible()
    assert marks(found, last) == 0
    QTest.keyClick(found.finder.field, Qt.Key.Key_Escape)
    assert not found.finder.field.isVisible()
    assert QApplication.focusWidget() is found.conversation


def test_what_is_said_meanwhile_is_found_and_the_unheard_rest_too(
    found: MainWindow, controller: FakeController
) -> None:
    look_for(found, "two-tired")
    assert found.finder.field.count_words == "Not found"
    controller.have_turn(replace(JOKE, key="new"))
    found.menus.next_hit.trigger()
    assert found.finder.field.count_words == "1 of 1"


def test_everything_said_is_searched_with_the_other_keys_and_another_page_ends_finding(found: MainWindow) -> None:
    look_for(found, "quiet")
    found.show_page(TRANSCRIBE)
    assert not found.finder.field.isVisible()
    found.menus.search.trigger()
    assert QApplication.focusWidget() is found.sidebar.search
