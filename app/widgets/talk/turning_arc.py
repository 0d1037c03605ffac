"""The arc that turns around the talk button while the model is at work."""

from __future__ import annotations

import math

from PySide6.QtCore import QByteArray, QRect, Qt
from PySide6.QtGui import QHideEvent, QRegion, QShowEvent
from PySide6.QtSvgWidgets import QSvgWidget
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme

_SPAN = math.radians(93.75)  # of a whole circle
_WIDTH, _ROOM = 2.5, 2.0  # of the stroke, and on both sides of it
_ELLIPSE = QRegion.RegionType.Ellipse
_TURNS = (
    '<animateTransform attributeName="transform" type="rotate" from="0" to="360" dur="1.4s" repeatCount="indefinite"/>'
)


class TurningArc(QSvgWidget):
    """Covers a ring of its parent and nothing else. Qt draws every frame by itself: if Python were asked for each, the
    thread that writes would have to wait for it thirty times a second.
    """

    def __init__(self, parent: QWidget, size: int, radius: float) -> None:
        """In the middle of a square of this size, at this radius. Both are device independent pixels."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # else its parent would be painted first
        self.setFixedSize(size, size)
        self._radius = radius
        self.setMask(self._disc(radius + _WIDTH / 2 + _ROOM) - self._disc(radius - _WIDTH / 2 - _ROOM))
        self._drawn = ""
        self.hide()

    def _disc(self, radius: float) -> QRegion:
        side = math.ceil(2 * radius)
        return QRegion(QRect((self.width() - side) // 2, (self.height() - side) // 2, side, side), _ELLIPSE)

    @property
    def turns(self) -> bool:
        """Whether it moves."""
        return self.isVisible() and self.renderer().animated()

    def draw(self, values: theme.Colours, *, still: bool, focus_radius: float = 0.0) -> None:
        """Draw it in these colours, turning unless it is to stand `still`, over the ring of what has the keyboard if
        that has a radius.
        """
        size, radius, accent = self.width(), self._radius, values.accent.name()
        end = f"{radius * math.sin(_SPAN):.3f} {-radius * math.cos(_SPAN):.3f}"
        focus = f'<circle r="{focus_radius}" stroke="{accent}" stroke-width="2"/>' if focus_radius else ""
        drawn = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-size / 2} {-size / 2} {size} {size}" fill="none">'
            f'<rect x="{-size / 2}" y="{-size / 2}" width="{size}" height="{size}" fill="{values.window.name()}"/>'
            f'{focus}<g stroke="{accent}" stroke-width="{_WIDTH}" stroke-linecap="round">'
            f'<path d="M0 {-radius} A{radius} {radius} 0 0 1 {end}"/>{"" if still else _TURNS}</g></svg>'
        )
        if drawn != self._drawn:
            self._drawn = drawn
            self.load(QByteArray(drawn.encode()))
            self.renderer().setAnimationEnabled(self.isVisible())

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.renderer().setAnimationEnabled(True)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.renderer().setAnimationEnabled(False)
