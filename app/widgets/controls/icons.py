"""The few icons of the window, drawn from SVG in the colour of the text beside them."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QColor, QIcon, QPainter
from PySide6.QtSvg import QSvgRenderer

from engine.resources import resource


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    source = resource("icons", f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(source.replace("#000", colour).encode()))


def draw(painter: QPainter, name: str, box: QRectF, colour: QColor) -> None:
    """Draw the icon into the box, sharp at every scale."""
    _renderer(name, colour.name()).render(painter, box)


def application_icon() -> QIcon:
    """The icon of the window and the dock."""
    return QIcon(str(resource("icons", "earshot.svg")))
