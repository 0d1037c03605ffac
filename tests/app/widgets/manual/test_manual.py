from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, Qt, QUrl
from PySide6.QtGui import QImage, QPixmap, QTextCursor, QTextDocument
from pytestqt.qtbot import QtBot

from app.widgets.controls import theme
from app.widgets.main_window import MainWindow
from app.widgets.manual import pages, text
from app.widgets.manual.window import ManualWindow
from engine.resources import manual_folder

PICTURE = int(QTextDocument.ResourceType.ImageResource.value)


@pytest.fixture
def manual(qtbot: QtBot) -> ManualWindow:
    window = ManualWindow()
    qtbot.addWidget(window)
    window.show()
    return window


@pytest.fixture
def in_chinese() -> Iterator[None]:
    before = QLocale()
    QLocale.setDefault(QLocale("zh_CN"))
    yield
    QLocale.setDefault(before)


def listed(manual: ManualWindow) -> list[str]:
    return [manual.list.item(row).text() for row in range(manual.list.count())]


def title_size(manual: ManualWindow) -> float:
    cursor = QTextCursor(manual.text.document())
    cursor.movePosition(QTextCursor.MoveOperation.Right)
    return cursor.charFormat().fontPointSize()


def test_help_in_the_menu_opens_the_manual_once(window: MainWindow, qtbot: QtBot) -> None:
    window.menus.manual.trigger()
    assert isinstance(window.manual, ManualWindow)
    assert window.manual.isVisible()
    assert window.manual.shown.title == "Getting started"
    opened = window.manual
    window.manual.close()
    window.menus.manual.trigger()
    assert window.manual is opened
    assert opened.isVisible()


def test_there_are_ten_short_pages_in_each_language_with_the_same_headings() -> None:
    english, chinese = pages.read_pages("en"), pages.read_pages("zh_CN")
    assert [page.name for page in english] == [page.name for page in chinese]
    assert len(english) == 10
    for ours, theirs in zip(english, chinese, strict=True):
        assert len(ours.source.splitlines()) < 80
        heading, code = re.compile("^#+ ", re.MULTILINE), re.compile("^    .*", re.MULTILINE)
        assert heading.findall(ours.source) == heading.findall(theirs.source)
        assert code.findall(ours.source) == code.findall(theirs.source)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_mark_of_markdown_is_seen(language: str) -> None:
    """Beside Chinese, `**words…**` is no mark where a letter follows: it takes a space."""
    for page in pages.read_pages(language):
        for mark in ("*", "](", "`", "|"):
            assert mark not in page.words, f"{page.name}: {page.words[max(page.words.find(mark) - 20, 0) :][:40]!r}"


def test_the_language_of_the_interface_is_that_of_the_manual(in_chinese: None, qtbot: QtBot) -> None:
    manual = ManualWindow()
    qtbot.addWidget(manual)
    assert manual.shown.title == "开始使用"


def test_pictures_are_there_small_and_as_wide_as_the_column(manual: ManualWindow) -> None:
    for page in (*pages.read_pages("en"), *pages.read_pages("zh")):
        for name in page.pictures:
            assert (manual_folder() / "pictures" / name).stat().st_size <= 60_000, name
            picture = manual.text.loadResource(PICTURE, QUrl(f"../pictures/{name}"))
            assert isinstance(picture, QImage)
            assert picture.deviceIndependentSize().width() == pytest.approx(theme.COLUMN_WIDTH)
    shown = {name for language in ("en", "zh") for page in pages.read_pages(language) for name in page.pictures}
    assert {path.name for path in (manual_folder() / "pictures").iterdir()} == shown
    assert len(shown) == 10


def test_a_picture_from_elsewhere_is_none(manual: ManualWindow, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.png"
    QPixmap(9, 9).save(str(elsewhere))
    for name in (QUrl.fromLocalFile(str(elsewhere)), QUrl("https://example.org/a.png"), str(elsewhere)):
        assert isinstance(manual.text.loadResource(PICTURE, name), QPixmap)  # one transparent point


def test_a_link_leads_to_its_heading_and_one_that_leads_outside_is_opened_outside(
    manual: ManualWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(text, "open_link", opened.append)
    manual.text.anchorClicked.emit(QUrl("09-privacy.md#how-to-check-it"))
    assert manual.shown.title == "Privacy"
    assert manual.list.current == "09-privacy.md"
    assert manual.reader.verticalScrollBar().value() > 0
    manual.text.anchorClicked.emit(QUrl("https://example.org/"))
    manual.text.anchorClicked.emit(QUrl("no-such-page.md"))
    assert manual.shown.title == "Privacy"
    assert opened == [QUrl("https://example.org/")]


def test_searching_lists_the_pages_that_have_the_words_and_return_goes_from_place_to_place(
    manual: ManualWindow, qtbot: QtBot
) -> None:
    qtbot.keyClicks(manual.search, "orange dot")
    assert listed(manual) == ["Privacy"]
    assert manual.shown.title == "Privacy"
    assert manual.reader.verticalScrollBar().value() > 0
    manual.search.clear()
    assert len(listed(manual)) == 10
    qtbot.keyClicks(manual.search, "interrupt")
    first, *others = listed(manual)
    assert others
    manual.list.setCurrentRow(0)
    seen = {(manual.shown.title, manual.text.hit_place().y())}
    for _ in range(sum(page.count("interrupt") for page in manual.pages) - 1):
        qtbot.keyClick(manual.search, Qt.Key.Key_Return)
        seen.add((manual.shown.title, manual.text.hit_place().y()))
    assert {title for title, _ in seen} == {first, *others}
    qtbot.keyClicks(manual.search, " zzz")
    assert listed(manual) == []
    assert manual.search.words == "interrupt zzz"


def test_a_narrow_window_makes_pictures_and_lines_narrower(manual: ManualWindow) -> None:
    wide = manual.text.width()
    manual.resize(manual.minimumSize())
    assert manual.text.width() < wide
    picture = manual.text.loadResource(PICTURE, QUrl("../pictures/talk-en.png"))
    assert isinstance(picture, QImage)
    assert picture.deviceIndependentSize().width() == pytest.approx(manual.text.width())


def test_an_installed_copy_brings_the_manual_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_RESOURCES", str(tmp_path))
    (tmp_path / "manual" / "en").mkdir(parents=True)
    (tmp_path / "manual" / "en" / "01-here.md").write_text("# Here\n\nWords.")
    assert [(page.name, page.title, page.words) for page in pages.read_pages("en")] == [
        ("01-here.md", "Here", "Here\nWords.")
    ]


def test_the_page_is_scrolled_by_keyboard_and_esc_leads_back_to_it(manual: ManualWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(manual.reader, Qt.Key.Key_PageDown)
    assert manual.reader.verticalScrollBar().value() > 0
    manual.search.setFocus()
    qtbot.keyClicks(manual.search, "timer")
    qtbot.keyClick(manual.search, Qt.Key.Key_Escape)
    assert manual.search.words == ""
    qtbot.keyClick(manual.search, Qt.Key.Key_Escape)
    assert manual.focusWidget() is manual.reader


def test_larger_text_makes_the_page_longer_and_nothing_is_cut(manual: ManualWindow, look: theme.Theme) -> None:
    before, title = manual.text.height(), title_size(manual)
    look.scale_text(theme.TEXT_SIZES[-1])
    try:
        assert manual.text.height() > before * 1.1
        assert manual.text.height() >= manual.text.document().size().height()
        assert title_size(manual) > title
    finally:
        look.scale_text(1.0)
    assert manual.text.height() == before


@pytest.mark.parametrize(
    ("heading", "expected"),
    [("How to check it", "how-to-check-it"), ("Other programs: MCP", "other-programs-mcp"), ("选哪一个？", "选哪一个")],
)
def test_headings_are_named_as_code_hosts_name_them(heading: str, expected: str) -> None:
    assert pages.anchor(heading) == expected
