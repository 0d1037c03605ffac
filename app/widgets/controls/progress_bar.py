"""A bar that shows how far something is, or how loud."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QProgressBar, QWidget

from app.qt import override
from app.widgets.controls import theme


class Bar(QProgressBar):
    """A thin progress bar."""

    COLOUR = "accent"  # its name in the theme

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setFixedHeight(4)
        self.setAccessibleName(self.tr("Progress"))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        values, box = theme.colours(self), QRectF(self.rect())
        painter.setBrush(values.groove)
        painter.drawRoundedRect(box, 2, 2)
        painter.setBrush(getattr(values, self.COLOUR))
        share = self.value() / max(self.maximum(), 1)
        if share > 0:
            painter.drawRoundedRect(QRectF(0, 0, max(box.width() * share, 4), box.height()), 2, 2)
