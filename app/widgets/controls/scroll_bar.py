"""A thin scroll bar that floats, for systems whose own is heavy; a Mac keeps its own."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar, QStyle, QStyleOptionSlider

from app.qt import override
from app.widgets.controls import theme


class ThinScrollBar(QScrollBar):
    """Only a rounded handle, clearer under the pointer."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(self.tr("Scroll"))

    @override
    def sizeHint(self) -> QSize:
        return QSize(10, 40)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.maximum() <= self.minimum():
            return
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        control, part = QStyle.ComplexControl.CC_ScrollBar, QStyle.SubControl.SC_ScrollBarSlider
        handle = QRectF(self.style().subControlRect(control, option, part, self))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        values = theme.colours(self)
        active = self.underMouse() or self.isSliderDown()
        painter.setBrush(values.faint if active else values.groove)
        width = 6.0 if active else 4.0
        painter.drawRoundedRect(QRectF(8 - width, handle.top() + 2, width, handle.height() - 4), width / 2, width / 2)


def use_thin_bar(area: QAbstractScrollArea) -> None:
    """Give a scroll area the thin bar, except where the system has a good one, and the ground of what is behind it."""
    area.viewport().setAutoFillBackground(False)
    area.viewport().setBackgroundRole(QPalette.ColorRole.NoRole)
    if sys.platform != "darwin":
        area.setVerticalScrollBar(ThinScrollBar())
