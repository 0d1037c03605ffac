"""A box to tick, in the window's own colours: filled with the accent colour while it is on."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus, pen

BOX_PX = 16
WORDS_LEFT = 24


class CheckBox(QCheckBox):
    """Its words begin at WORDS_LEFT, so that hints can be aligned with them."""

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(words, parent)
        self.setFont(theme.font())
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(self.font())
        return QSize(WORDS_LEFT + int(metrics.horizontalAdvance(self.text()) + 3), max(int(metrics.height()) + 4, 22))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def hitButton(self, position: QPoint) -> bool:
        return self.rect().contains(position)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        box = QRectF(0, (self.height() - BOX_PX) // 2, BOX_PX, BOX_PX).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(values.accent_fill.darker(108) if self.isDown() else values.accent_fill)
            painter.drawRoundedRect(box.adjusted(-0.5, -0.5, 0.5, 0.5), 4, 4)
            tick = QPen(values.on_accent, 1.8)
            tick.setCapStyle(Qt.PenCapStyle.RoundCap)
            tick.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(tick)
            left, top = box.left(), box.top()
            painter.drawPolyline([QPointF(left + x, top + y) for x, y in ((3.6, 7.9), (6.5, 10.8), (11.6, 4.6))])
        else:
            painter.setPen(pen(values.text if self.underMouse() and self.isEnabled() else values.faint))
            painter.setBrush(values.groove if self.isDown() else values.raised)
            painter.drawRoundedRect(box, 4, 4)
        painter.setPen(values.text)
        painter.setFont(self.font())
        words = QRectF(self.rect()).adjusted(WORDS_LEFT, 0, 0, 0)
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text())
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), 5, values.accent)
