"""A small ring that says how full the model's context is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.labels import tip

NEARLY_FULL = 0.9
_RING_PX, _STROKE_PX = 14, 2.4


class ContextMeter(QWidget):
    """Quiet: its words are in the tip. It is amber when the next turns may not fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.share = 0.0
        self.setFixedSize(QSize(_RING_PX + 6, theme.CHIP))
        self.hide()  # until something was counted

    def show_use(self, tokens: int, length: int) -> None:
        """So many of the places that the model takes at once are taken."""
        self.share = min(tokens / length, 1.0)
        words = self.tr("The model's context is {share} % full").format(share=round(100 * self.share))
        figures = self.tr("{tokens} of {length} tokens").format(tokens=f"{tokens:,}", length=f"{length:,}")
        self.setAccessibleName(words)
        self.setToolTip(tip(f"{words} · {figures}"))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = QRectF(0, 0, _RING_PX - _STROKE_PX, _RING_PX - _STROKE_PX)
        ring.moveCenter(QRectF(self.rect()).center())
        painter.setPen(QPen(values.groove, _STROKE_PX))
        painter.drawEllipse(ring)
        full = QPen(values.trouble if self.share >= NEARLY_FULL else values.second, _STROKE_PX)
        full.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(full)
        painter.drawArc(ring, 90 * 16, -round(360 * 16 * self.share))
