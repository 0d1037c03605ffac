"""Markdown that grows at its end: in prose, only what can still change is parsed, spaced and laid out again."""

from __future__ import annotations

import re

from PySide6.QtGui import QFont, QTextCursor, QTextDocument, QTextDocumentFragment

MARKDOWN = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML

_BLOCK = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|$))+")
_HEADING = re.compile(r"#{1,6} +\S[^\n]*\n?$")
_LIST = re.compile(r"(?:(?:[-*+]|\d{1,9}[.)]) +\S[^\n]*(?:\n|$))+$")
_BEGUN = re.compile(r"(?:^|(?<=\n))(?:[-*+]|\d{1,9}[.)]) *\Z")  # a line of a list, of which nothing is there yet
_OTHER = re.compile(r"^(?:\s|[>#=~`\[]|[-*+_](?:\s|$)|[-*_=]{2,}\s*$|\d{1,9}(?:[.)]|$)|<)", re.MULTILINE)


def settled_start(source: str, start: int = 0) -> int | None:
    """Where the last part of growing prose begins; what comes before it will always look as it does now.

    `start` is an earlier answer for the beginning of the same text. It lies between two paragraphs or headings, for
    around lists Qt joins what is put together in ways of its own. None where the end is not (or not surely) made of
    paragraphs, headings and simple lists alone.
    """
    if "|" in source:
        return None
    settled, after_prose = start, True
    for block in _BLOCK.finditer(source, start):
        is_prose = _is_prose(block.group())
        if not (is_prose or _is_list(block.group(), block.end() == len(source))):
            return None
        if is_prose and after_prose and source[block.end() - 1 : block.end() + 1] == "\n\n":
            settled = block.start()
        after_prose = is_prose
    return settled


def _is_prose(block: str) -> bool:
    return bool(_HEADING.match(block)) or not _OTHER.search(block)


def _is_list(block: str, last: bool) -> bool:
    items = _BEGUN.sub("", block) if last else block
    return _LIST.match(items) is not None


def parsed(source: str, font: QFont) -> QTextDocument:
    """The document that Markdown makes, in this font. Nothing of it is laid out."""
    document = QTextDocument()
    document.setDefaultFont(font)
    document.setMarkdown(source, MARKDOWN)
    return document


def replace_end(document: QTextDocument, position: int, end: QTextDocument) -> None:
    """Put the prose `end` in the place of all that stands from `position`, the beginning of a block, on."""
    first = end.firstBlock()
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    cursor.setPosition(position - 1)
    cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
    cursor.removeSelectedText()
    cursor.insertBlock(first.blockFormat(), first.charFormat())  # which the fragment does not bring along
    cursor.insertFragment(QTextDocumentFragment(end))
    cursor.endEditBlock()


def position_of_end(document: QTextDocument, source: str) -> int:
    """Where the blocks of `source`, the last part of what the document shows, begin in it."""
    part = QTextDocument()
    part.setMarkdown(source, MARKDOWN)
    return document.findBlockByNumber(document.blockCount() - part.blockCount()).position()
