"""What floats over a page: a raised box with a soft shadow, drawn without any blur."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from app.widgets.controls import theme
from app.widgets.controls.buttons import pen

SHADOW = 14  # room around the box
_RINGS, _DROP = 6, 4


def draw_floating(widget: QWidget, radius: float = theme.CARD_RADIUS) -> None:
    """Paint a widget as a box that floats, `SHADOW` inside its edges. Call it in its `paintEvent`."""
    painter, values = QPainter(widget), theme.colours(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    box = QRectF(widget.rect()).adjusted(SHADOW, SHADOW, -SHADOW, -SHADOW)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromRgbF(0, 0, 0, (0.45 if values.dark else 0.10) / _RINGS))
    for ring in range(_RINGS):
        out = (SHADOW - _DROP) * (1 - 2 * ring / _RINGS)  # the inner half lies under the box, lower than it
        around = box.adjusted(-out, -out, out, out).translated(0, _DROP)
        painter.drawRoundedRect(around, radius + out, radius + out)
    painter.setPen(pen(values.line))
    painter.setBrush(values.raised)
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
