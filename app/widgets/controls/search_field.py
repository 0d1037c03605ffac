"""A field to look for words with: Esc empties it, and in an empty one leaves it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, Qt
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.fields import Field

_GLYPH, _GLYPH_LEFT = 14, 10


class SearchField(Field):
    """`words_changed` comes while one types, without the spaces around; `left` gives the keyboard back."""

    words_changed = Signal(str)
    left = Signal()

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(placeholder, height=theme.ICON_BUTTON, radius=theme.ROW_RADIUS, parent=parent)
        self.setTextMargins(_GLYPH_LEFT + _GLYPH + 4, 0, 8, 0)
        self._told = ""
        self.textChanged.connect(self._on_text)

    @property
    def words(self) -> str:
        """What is looked for."""
        return self.text().strip()

    def _on_text(self) -> None:
        if self.words != self._told:
            self._told = self.words
            self.words_changed.emit(self.words)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.text():
            self.clear()
        else:
            self.left.emit()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        top = (self.height() - _GLYPH) / 2
        icons.draw(QPainter(self), "search", QRectF(_GLYPH_LEFT, top, _GLYPH, _GLYPH), theme.colours(self).second)
