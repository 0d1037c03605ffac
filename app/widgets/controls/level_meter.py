"""How loud the microphone is: a row of bars that fill, and a mark at the loudest of the last seconds."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import theme

_BARS, _BAR_PX, _HEIGHT = 32, 4, 24
_KEPT_S = 1.5  # the mark stands so long


class LevelMeter(QWidget):
    """Shows levels from 0 to 1. Screen readers pass over it: what it means is said in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lit, self._loudest, self._loudest_at = 0, 0, 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def lit(self) -> int:
        """How many bars are lit."""
        return self._lit

    def set_level(self, level: float) -> None:
        """Light as many bars as it is loud."""
        lit, now = round(min(max(level, 0.0), 1.0) * _BARS), time.monotonic()
        before = self._lit, self._loudest
        self._lit = lit
        if lit >= self._loudest or now - self._loudest_at > _KEPT_S:
            self._loudest, self._loudest_at = lit, now
        if before != (self._lit, self._loudest):
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(_BARS * 2 * _BAR_PX, _HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        step = (self.width() - _BAR_PX) / (_BARS - 1)
        for number in range(_BARS):
            marked = number == self._loudest - 1 and self._loudest > self._lit
            painter.setBrush(values.text if marked else values.listening if number < self._lit else values.groove)
            painter.drawRoundedRect(QRectF(number * step, 0, _BAR_PX, self.height()), _BAR_PX / 2, _BAR_PX / 2)
