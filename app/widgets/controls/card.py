"""A quiet rounded box that holds things which belong together."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import pen


class Card(QWidget):
    """Paints the box; what is in it belongs to whoever derives from it."""

    RADIUS = 10
    GROUND = "card"  # its name in the theme

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(pen(values.line))
        painter.setBrush(getattr(values, self.GROUND))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self.RADIUS, self.RADIUS)
