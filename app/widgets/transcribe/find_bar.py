"""Replaces words that were found in a transcript."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, TextButton
from app.widgets.controls.fields import Field


class ReplaceBar(QWidget):
    """Under the header, while words are to be replaced."""

    replace_wanted = Signal(str)
    replace_all_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR_HEIGHT)
        self.field = Field(self.tr("Replace with"))
        self.field.returnPressed.connect(lambda: self.replace_wanted.emit(self.field.text()))
        self.one = TextButton(self.tr("Replace"))
        self.all = TextButton(self.tr("Replace All"))
        self.close_button = IconButton("close", self.tr("Close"))
        self.one.clicked.connect(lambda: self.replace_wanted.emit(self.field.text()))
        self.all.clicked.connect(lambda: self.replace_all_wanted.emit(self.field.text()))
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 0, 16, 1)
        row.setSpacing(12)
        row.addWidget(self.field, 1)
        for each in (self.one, self.all, self.close_button):
            row.addWidget(each)
        self.hide()

    def offer(self, found: bool) -> None:
        """Whether there is something to be replaced."""
        self.one.setEnabled(found)
        self.all.setEnabled(found)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.colours(self).line)
