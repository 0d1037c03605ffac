"""Texts measure themselves, and the words being spoken are found through Markdown."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextTable
from pytestqt.qtbot import QtBot

from app.widgets.controls.flow_text import FlowText, rendered_positions


def shown(text: FlowText) -> str:
    span = text.spoken_span()
    assert span is not None
    return text.toPlainText()[span[0] : span[1]]


@pytest.fixture
def text(qtbot: QtBot) -> FlowText:
    widget = FlowText(14.5, 24)
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("You arrive at five past twelve, in time.", "five past twelve"),
        ("You arrive at **five past twelve**, in time.", "five past twelve"),
        ("# Title\n\nYou arrive at five past twelve.", "five past twelve"),
        ("- one\n- two\n- five past twelve", "five past twelve"),
        ("See [the page](https://example.org/five) at five past twelve.", "five past twelve"),
        ("大约`六十元`，合起来不贵。", "合起来"),
    ],
)
def test_spoken_words_are_found_in_what_markdown_makes_of_them(text: FlowText, source: str, words: str) -> None:
    text.set_text(source, markdown=True)
    start = source.rindex(words)
    text.set_spoken((start, start + len(words)))
    assert shown(text) == words


def test_places_never_go_backwards_and_end_at_the_end() -> None:
    source, rendered = "a **b** [c](http://x.y/abc) d", "a b c d"
    places = rendered_positions(source, rendered)
    assert places == sorted(places)
    assert len(places) == len(source) + 1
    assert places[-1] == len(rendered)


def test_later_words_are_lighter_only_while_it_speaks(text: FlowText) -> None:
    text.set_text("One two three", markdown=True)
    assert text.extraSelections() == []
    text.set_spoken((4, 7))
    (later,) = text.extraSelections()
    assert later.cursor.selectedText() == " three"
    text.set_spoken(None)
    assert text.extraSelections() == []


def test_a_narrow_text_is_higher_than_a_wide_one_from_the_first_measurement(text: FlowText) -> None:
    text.set_text("word " * 60)
    assert text.height_for(640) < text.height_for(300)
    assert text.height_for(640) % 24 == 0


def test_growing_text_keeps_what_was_marked(text: FlowText) -> None:
    text.set_text("One two", markdown=True)
    text.set_spoken((0, 3))
    text.set_text("One two three four", markdown=True)
    assert shown(text) == "One"


def test_a_table_after_code_has_its_headings_in_one_row(qtbot: QtBot) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.set_text("```python\ncode()\n```\n\n| City | Arrival |\n|---|---|\n| Wuxi | 12:05 |\n", markdown=True)
    (table,) = (frame for frame in text.document().rootFrame().childFrames() if isinstance(frame, QTextTable))
    cells = [table.cellAt(0, column) for column in (0, 1)]
    assert [cell.firstCursorPosition().block().text() for cell in cells] == ["City", "Arrival"]
    assert all(cell.lastCursorPosition().charFormat().fontWeight() >= 600 for cell in cells)
