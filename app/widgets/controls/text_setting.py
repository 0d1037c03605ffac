"""How the paragraphs, code and tables of a text document are set: their lines' room, sizes and frames."""

from __future__ import annotations

import re

from PySide6.QtGui import (
    QColor,
    QFont,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextTable,
)

from app.widgets.controls import theme

_BETWEEN_PARAGRAPHS, _BETWEEN_ITEMS = 8, 2
_AFTER_BACKTICKS = re.compile(r"`+\s*([^`\n]*)")


def space_lines(document: QTextDocument, line_px: float, *, markdown: bool = True, code: bool = False) -> None:
    """Give the lines of a document their room; without `code` nothing of it is drawn in type of fixed width."""
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    block = document.begin()
    while block.isValid():
        cursor.setPosition(block.position())
        cursor.mergeBlockFormat(_spacing_of(block, line_px, markdown))
        if code:
            _shrink(block, _fixed_runs(block))
        block = block.next()
    cursor.endEditBlock()


def space_prose(prose: QTextDocument, source: str, line_px: float) -> None:
    """As `space_lines` where there are no tables and no fences around code.

    Every value of Qt's that is made here lets go of Python's lock, which the thread that writes then has to give back:
    a cursor moves without making any.
    """
    code, texts = _code_pieces(source), prose.toRawText().split("\u2029")
    between_items = _spacing(line_px, _BETWEEN_ITEMS)
    cursor = QTextCursor(prose)
    cursor.beginEditBlock()
    cursor.select(QTextCursor.SelectionType.Document)
    cursor.mergeBlockFormat(_spacing(line_px, _BETWEEN_PARAGRAPHS))
    cursor.movePosition(QTextCursor.MoveOperation.Start)
    place, before_listed = 0, False
    for text in texts:
        listed = cursor.currentList() is not None
        if listed and before_listed:
            here = cursor.position()
            cursor.setPosition(place)
            cursor.mergeBlockFormat(between_items)
            cursor.setPosition(here)
        if any(piece in text for piece in code):
            _shrink_runs(cursor.block())
        place, before_listed = cursor.position(), listed
        cursor.movePosition(QTextCursor.MoveOperation.NextBlock)
    cursor.mergeBlockFormat(_spacing(line_px, 0))
    cursor.endEditBlock()


def _shrink_runs(block: QTextBlock) -> None:
    at = block.position()
    fixed = [run for run in block.textFormats() if run.format.fontFixedPitch()]
    _shrink(block, [(at + run.start, run.length) for run in fixed])


def _spacing_of(block: QTextBlock, line_px: float, markdown: bool) -> QTextBlockFormat:
    code = bool(block.blockFormat().property(QTextFormat.Property.BlockCodeFence))
    tight = code or QTextCursor(block).currentTable() is not None
    room_px = line_px - (4 if tight else 0)
    if not markdown:
        return _spacing(room_px)
    following = block.next()
    last = not following.isValid()
    listed = block.textList() is not None and following.isValid() and following.textList() is not None
    return _spacing(room_px, 0 if tight or last else _BETWEEN_ITEMS if listed else _BETWEEN_PARAGRAPHS)


def _shrink(block: QTextBlock, code: list[tuple[int, int]]) -> None:
    """Draw code a little smaller: type of fixed width looks larger than it is."""
    if code:
        smaller = QTextCharFormat()
        smaller.setFontPointSize(theme.mono_font(theme.TEXT_PX).pointSizeF())
    for start, length in code:
        cursor = QTextCursor(block)
        cursor.setPosition(start)
        cursor.setPosition(start + length, QTextCursor.MoveMode.KeepAnchor)
        cursor.mergeCharFormat(smaller)


def _fixed_runs(block: QTextBlock) -> list[tuple[int, int]]:
    runs, found = block.begin(), []
    fenced = bool(block.blockFormat().property(QTextFormat.Property.BlockCodeFence))
    while not runs.atEnd():
        fragment = runs.fragment()
        if fragment.isValid() and (fenced or fragment.charFormat().fontFixedPitch()):
            found.append((fragment.position(), fragment.length()))
        runs += 1
    return found


def style_tables(document: QTextDocument, line: QColor) -> None:
    """Draw the tables of a document with thin lines of this colour."""
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            look = frame.format()
            look.setBorderBrush(line)
            look.setBorder(1)
            look.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
            look.setBorderCollapse(True)
            look.setCellPadding(5)
            look.setCellSpacing(0)
            look.setTopMargin(4)
            look.setBottomMargin(10)
            frame.setFormat(look)
            _mend_heading(frame)


def _mend_heading(table: QTextTable) -> None:
    """A table that follows code begins, in Qt, with an empty line, and its first heading is not bold."""
    cell = table.cellAt(0, 0)
    cursor = cell.firstCursorPosition()
    if cursor.block() != cell.lastCursorPosition().block() and not cursor.block().text():
        cursor.deleteChar()
        cursor.setPosition(cell.lastPosition(), QTextCursor.MoveMode.KeepAnchor)
        bold = QTextCharFormat()
        bold.setFontWeight(QFont.Weight.Bold)
        cursor.mergeCharFormat(bold)


def _spacing(line_px: float, below_px: int | None = None) -> QTextBlockFormat:
    """Room for each line of a block and, if given, below it."""
    spaced = QTextBlockFormat()
    spaced.setLineHeight(line_px, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
    if below_px is not None:
        spaced.setTopMargin(0)
        spaced.setBottomMargin(below_px)
    return spaced


def _code_pieces(source: str) -> set[str]:
    """Of these, a block of prose that holds code contains one at least: what follows each row of backticks, as far as
    the code must be written alike in both. Empty without code.
    """
    return {piece.strip("> \t\r") for piece in _AFTER_BACKTICKS.findall(source)}
