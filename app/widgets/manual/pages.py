"""The pages of the manual: Markdown files, one folder for each language, in the order of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QTextDocument

from app.widgets.controls.growing_markdown import MARKDOWN
from engine.resources import manual_folder

_PICTURE = re.compile(r"!\[[^\]]*\]\(\.\./pictures/([\w.-]+)\)")
_TITLE = re.compile(r"# (.+)")
_LEFT_OUT_OF_ANCHORS = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Page:
    """One page: the name that links use, its title, its Markdown, and its words as they are read."""

    name: str
    title: str
    source: str
    words: str

    @property
    def pictures(self) -> list[str]:
        """Names of its pictures."""
        return _PICTURE.findall(self.source)

    def count(self, words: str) -> int:
        """How often these words stand on the page, in capitals or not."""
        return self.words.lower().count(words.lower()) if words else 0


def read_pages(language: str) -> list[Page]:
    """All pages in the language of the interface ("en", "zh_CN")."""
    folder = manual_folder() / language.partition("_")[0]
    return [_read(path) for path in sorted(folder.glob("*.md"))]


def _read(path: Path) -> Page:
    source = path.read_text(encoding="utf-8")
    title = _TITLE.match(source)
    document = QTextDocument()
    document.setMarkdown(source, MARKDOWN)
    return Page(path.name, title.group(1) if title else path.stem, source, document.toPlainText())


def anchor(heading: str) -> str:
    """The name by which links lead to a heading, as code hosts make it."""
    return _LEFT_OUT_OF_ANCHORS.sub("", heading.strip().lower()).replace(" ", "-")
