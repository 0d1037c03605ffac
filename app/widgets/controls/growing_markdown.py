"""Markdown that grows at its end: in prose, only what can still change is parsed, spaced and laid out again."""

from __future__ import annotations

import re
from itertools import pairwise

from PySide6.QtGui import QTextCursor, QTextDocument, QTextDocumentFragment

MARKDOWN = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML

_BLOCK = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|$))+")
_HEADING = re.compile(r"#{1,6} +\S[^\n]*\n?$")
_OTHER = re.compile(r"^(?:\s|[>#=~`\[]|[-*+_](?:\s|$)|[-*_=]{2,}\s*$|\d{1,9}(?:[.)]|$)|<)", re.MULTILINE)


def settled_start(source: str, start: int = 0) -> int | None:
    """Where the last part of growing prose begins; what comes before it will always look as it does now.

    `start` is an earlier answer for the beginning of the same text. None where the end is not (or not surely) made of
    paragraphs and headings alone: around lists, tables and code Qt joins what is put together in ways of its own.
    """
    blocks = list(_BLOCK.finditer(source, start))
    if "|" in source or not all(_is_prose(block.group()) for block in blocks):
        return None
    complete = [block.start() for _, block in pairwise(blocks) if source[block.end() - 1 : block.end() + 1] == "\n\n"]
    return complete[-1] if complete else start


def _is_prose(block: str) -> bool:
    return bool(_HEADING.match(block)) or not _OTHER.search(block)


def replace_end(document: QTextDocument, position: int, source: str) -> None:
    """Put the prose `source` in the place of all that stands from `position`, the beginning of a block, on."""
    part = QTextDocument()
    part.setDefaultFont(document.defaultFont())
    part.setMarkdown(source, MARKDOWN)
    first = part.firstBlock()
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    cursor.setPosition(position - 1)
    cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
    cursor.removeSelectedText()
    cursor.insertBlock(first.blockFormat(), first.charFormat())  # which the fragment does not bring along
    cursor.insertFragment(QTextDocumentFragment(part))
    cursor.endEditBlock()


def position_of_end(document: QTextDocument, source: str) -> int:
    """Where the blocks of `source`, the last part of what the document shows, begin in it."""
    part = QTextDocument()
    part.setMarkdown(source, MARKDOWN)
    return document.findBlockByNumber(document.blockCount() - part.blockCount()).position()
