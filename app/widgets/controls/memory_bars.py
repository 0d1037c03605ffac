"""Bars of memory: this machine's, and what a model needs of it. All on one scale, with one tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import theme

_BAR, _TICK = 6, 12


@dataclass(frozen=True)
class Part:
    """A part of the machine's memory: its bytes, and the name of its colour in the theme."""

    size: int
    colour: str


class MachineBar(QWidget):
    """How this machine's memory is shared out."""

    HEIGHT = 10

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[Part, ...] = ()
        self.setFixedHeight(self.HEIGHT)

    def show_parts(self, parts: Sequence[Part], words: str) -> None:
        """Show these, from left to right."""
        self._parts = tuple(parts)
        self.setAccessibleName(words)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        total = sum(part.size for part in self._parts)
        if not total:
            return
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        left, gap = 0.0, 2.0
        room = self.width() - gap * (len(self._parts) - 1)
        for part in self._parts:
            width = room * part.size / total
            painter.setBrush(getattr(values, part.colour))
            radius = min(3.0, width / 2)
            painter.drawRoundedRect(QRectF(left, 0, width, self.height()), radius, radius)
            left += width + gap


class Dot(QWidget):
    """A small square that says which colour is which."""

    def __init__(self, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour
        self.setFixedSize(8, 16)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(getattr(theme.colours(self), self._colour))
        painter.drawRoundedRect(QRectF(0, 4, 8, 8), 2, 2)


class Tick(QWidget):
    """The sign of the tick on the bars."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(4, 16)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(1, (self.height() - _TICK) / 2, 2, _TICK), theme.colours(self).text)


def need_width() -> int:
    """How wide a bar of what a model needs is: larger words need more room beside it."""
    return round(260 - 360 * max(theme.text_scale() - 1, 0))


class NeedBar(QWidget):
    """What a model needs of this machine's memory; the tick is what it may take."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.need, self.usable, self.total = 0, 0, 1
        self.setFixedHeight(16)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_need(self, need: int, usable: int, total: int, words: str) -> None:
        """Bytes, and the same in words."""
        self.need, self.usable, self.total = need, usable, max(total, 1)
        self.setAccessibleName(words)
        self.update()

    @property
    def fits(self) -> bool:
        """Whether it stays on this side of the tick."""
        return self.need <= self.usable

    @override
    def sizeHint(self) -> QSize:
        return QSize(need_width(), 16)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        top = (self.height() - _BAR) / 2
        self._draw(painter, values.groove, top, 1.0)
        self._draw(painter, values.accent if self.fits else values.trouble_bar, top, self.need / self.total)
        if self.usable:
            at = self.width() * min(self.usable / self.total, 1.0)
            painter.fillRect(QRectF(round(at) - 1, (self.height() - _TICK) / 2, 2, _TICK), values.text)

    def _draw(self, painter: QPainter, colour: QColor, top: float, share: float) -> None:
        if share > 0:
            painter.setBrush(colour)
            width = max(self.width() * min(share, 1.0), _BAR)
            painter.drawRoundedRect(QRectF(0, top, width, _BAR), _BAR / 2, _BAR / 2)
