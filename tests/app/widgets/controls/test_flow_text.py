"""Texts measure themselves, and the words being spoken are found through Markdown."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QColor, QPixmap, QTextTable
from pytestqt.qtbot import QtBot

from app.widgets.controls import flow_text, theme
from app.widgets.controls.flow_text import FlowText, rendered_positions
from app.widgets.controls.growing_markdown import settled_start


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


@pytest.mark.parametrize(
    "source",
    [
        "Say `x = 1` here.",
        "Say ``x = 1`` here.",
        "```\nx = 1\n```",
        "~~~\nx = 1\n~~~",
    ],
)
def test_code_is_a_little_smaller_than_words(qtbot: QtBot, source: str) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.set_text(source, markdown=True)
    cursor = text.document().find("x = 1")
    assert cursor.charFormat().fontPointSize() == theme.mono_font(theme.TEXT_PX).pointSizeF()


@pytest.mark.parametrize(
    "source",
    [
        "Say `` a`b `` and\n\nmore\n\nof `\nit`.",
        "# The `code`\n\n- **`one  two`**: a\n- b\n- c `d`\n\n`e` `f`\n`g\nh`",
        "An `unclosed\n\none, not \\`code`, but\n\n`\\` and *`&amp;`*, `<b>` `[x](y)`",
        "``` `` ``` alone and\n\n`` ` ``",
        "`A`  \n`B`\n\nC `D`\n\n`",
        "> `\n> quoted`\n\nnot",
    ],
)
def test_all_code_in_prose_is_smaller_and_nothing_else(qtbot: QtBot, source: str) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.set_text(source, markdown=True)
    small, block, codes = theme.mono_font(theme.TEXT_PX).pointSizeF(), text.document().begin(), 0
    while block.isValid():
        for run in block.textFormats():
            assert (run.format.fontPointSize() == small) == run.format.fontFixedPitch()
            codes += run.format.fontFixedPitch()
        block = block.next()
    assert codes


PROSE = (
    "The **bold** word and `code`.",
    "A second line\nof a paragraph with *it*.",
    "# Heading",
    "## Another **one**",
    "[A link](http://x.y/z) and more",
    "Zeile — äöü 你好 😀 end",
    "An `unclosed word",
    "**Never closed",
    "Hard  \nbreak",
)
OTHER = ("- a\n- b", "1. one\n2. two", "```python\nx = 1\n\ny\n```", "|a|\n|---|\n|1|", "> quote", "---", "1986. Year")


SIMPLE_LISTS = ("- a\n- b", "1. one\n2. two `code`", "* **starred**", "1986. Year")


@pytest.mark.parametrize("seed", range(9))
def test_growing_markdown_looks_at_every_moment_as_if_it_had_been_there_at_once(qtbot: QtBot, seed: int) -> None:
    grown, whole = FlowText(14.5, 24), FlowText(14.5, 24)
    qtbot.addWidget(grown)
    qtbot.addWidget(whole)
    chance = random.Random(seed)
    source = "\n\n".join(chance.choice(PROSE + ((), OTHER, SIMPLE_LISTS)[seed % 3]) for _ in range(12))
    place = 0
    while place < len(source):
        place += chance.randint(1, 25)
        text = source[:place]
        grown.set_text(text, markdown=True, growing=True)
        whole.set_text(text, markdown=True)
        span = (max(len(text) - 9, 0), len(text) - 2)
        for shown_text in (grown, whole):
            shown_text.set_spoken(span)
        assert grown.toHtml() == whole.toHtml()
        assert grown.spoken_span() == whole.spoken_span()
        assert grown.height_for(400) == whole.height_for(400)


def test_of_growing_prose_only_the_last_paragraphs_are_put_anew() -> None:
    source = "One two.\n\nThree four.\n\nFive"
    assert settled_start(source) == source.index("Three")
    assert settled_start(source + " six.\n\nSeven", source.index("Three")) == source.index("Five")
    assert settled_start(source + "\n\n- a list") == source.index("Five")
    assert settled_start(source + "\n\n- a list\n- ") == source.index("Five")
    assert settled_start(source + "\n\n> a quote") is None


def test_a_list_is_settled_once_two_paragraphs_came_after_it() -> None:
    source = "One two.\n\n- a\n- b\n\nThree four.\n\n"
    assert settled_start(source) == 0
    assert settled_start(source + "Five six.\n\nSeven") == source.index("Three") + len("Three four.\n\n")


def test_a_definition_at_the_end_makes_links_of_what_stood_before(text: FlowText) -> None:
    source = "See [this].\n\nThen that.\n\nAnd so on.\n\n[this]: http://x.y/z\n"
    for place in range(1, len(source)):
        text.set_text(source[:place], markdown=True, growing=True)
    text.set_text(source, markdown=True)
    assert "http://x.y/z" in text.toHtml()


@pytest.mark.parametrize(
    ("link", "opens"),
    [
        ("https://example.org/a", True),
        ("HTTP://example.org", True),
        ("mailto:someone@example.org", True),
        ("file:///Applications/Calculator.app", False),
        ("ssh://example.org", False),
        ("x-apple.systempreferences:com.apple.preference.security", False),
        ("javascript:alert(1)", False),
        ("smb://example.org/share", False),
        ("/etc/passwd", False),
        ("", False),
    ],
)
def test_only_web_pages_and_letters_are_opened(
    link: str, opens: bool, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(flow_text.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.anchorClicked.emit(QUrl(link))
    assert bool(opened) == opens


def test_a_picture_that_an_answer_names_is_not_read(text: FlowText, tmp_path: Path) -> None:
    picture = QPixmap(300, 300)
    picture.fill(QColor("red"))
    assert picture.save(str(tmp_path / "mine.png"))
    text.set_text(f"Look: ![mine]({QUrl.fromLocalFile(str(tmp_path / 'mine.png')).toString()}) here", markdown=True)
    assert text.height_for(640) < 100


def test_nothing_else_in_the_window_opens_addresses() -> None:
    """Besides answers, only the folder of a file that the user saved and the system's page of microphones."""
    opening = re.compile(r"\.openUrl\(|setOpenExternalLinks\(|setOpenLinks\(True|import webbrowser|xdg-open")
    app = Path(flow_text.__file__).parents[2]
    found = {file.name for file in app.rglob("*.py") if opening.search(file.read_text(encoding="utf-8"))}
    assert found == {"flow_text.py", "file_manager.py", "permission.py"}
