"""Where ten thousand segments stand in a list: heights estimated for all, measured for those that are seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QTextLayout, QTextOption

LINE_PX = 24.0
_CHARACTER_PX, _BYTE_PX = 7.2, 4.9  # about, of a text in Latin letters and in others
_LAID_OUT = 256  # texts that are kept ready to be painted


def lay_out(text: str, font: QFont, width: float) -> QTextLayout:
    """A text in lines of 24 px, broken between words."""
    layout = QTextLayout(text.replace("\n", "\u2028"), font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    top = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, top + (LINE_PX - line.height()) / 2))
        top += LINE_PX
    layout.endLayout()
    return layout


def boxes_of(layout: QTextLayout, start: int, end: int) -> list[QRectF]:
    """Where the characters from `start` to `end` stand, a box for each line they are in."""
    boxes = []
    for number in range(layout.lineCount()):
        line = layout.lineAt(number)
        first, last = max(start, line.textStart()), min(end, line.textStart() + line.textLength())
        if first < last:
            left, right = (_cursor_x(line, place) for place in (first, last))
            boxes.append(QRectF(left, number * LINE_PX, right - left, LINE_PX))
    return boxes


def _cursor_x(line: object, place: int) -> float:
    x = line.cursorToX(place)  # type: ignore[attr-defined]
    return float(x[0] if isinstance(x, tuple) else x)


@dataclass
class Metrics:
    """Font and width of the texts, and what is above and below each of them."""

    font: QFont
    width: float = 400.0
    around: float = 18.0


class SegmentLayout:
    """Tops and heights of all rows."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._texts: list[str] = []
        self._sizes: NDArray[np.float64] = np.zeros(0)  # widths of the texts on one line, about
        self._heights: NDArray[np.float64] = np.zeros(0)
        self._tops: NDArray[np.float64] = np.zeros(1)
        self._measured: NDArray[np.bool_] = np.zeros(0, bool)
        self._ready: dict[int, QTextLayout] = {}
        self._extra: tuple[int, float] = (-1, 0.0)  # a row that needs more height than its text, and how much it has

    @property
    def height(self) -> float:
        """Of all rows together."""
        return float(self._tops[-1])

    def show(self, texts: list[str]) -> None:
        """Start again with these."""
        self._texts = texts
        self._sizes = np.array([_size(text) for text in texts])
        self._estimate()

    def append(self, texts: list[str]) -> None:
        """More rows at the end; the others keep what was measured."""
        sizes = np.array([_size(text) for text in texts])
        self._texts += texts
        self._sizes = np.concatenate([self._sizes, sizes])
        self._heights = np.concatenate([self._heights, self._estimated(sizes)])
        self._measured = np.concatenate([self._measured, np.zeros(len(texts), bool)])
        self._stack()

    def change(self, row: int, text: str) -> None:
        """One row says something else."""
        if self._texts[row] != text:
            self._texts[row] = text
            self._ready.pop(row, None)
            self._measured[row] = False

    def reflow(self, width: float, around: float) -> None:
        """All texts in another width, or with other surroundings."""
        if (width, around) != (self.metrics.width, self.metrics.around):
            self.metrics.width, self.metrics.around = width, around
            self._estimate()

    def set_extra(self, row: int, height: float) -> None:
        """Let one row be this high, whatever its text needs; -1 for none."""
        before, self._extra = self._extra[0], (row, height)
        for changed in {before, row} - {-1}:
            if changed < len(self._texts):
                self._measured[changed] = False

    def text(self, row: int) -> QTextLayout:
        """A row's text, ready to be painted."""
        if row not in self._ready:
            if len(self._ready) >= _LAID_OUT:
                self._ready.clear()
            self._ready[row] = lay_out(self._texts[row], self.metrics.font, self.metrics.width)
        return self._ready[row]

    def top(self, row: int) -> float:
        """Where a row begins."""
        return float(self._tops[row])

    def height_of(self, row: int) -> float:
        """How high a row is."""
        return float(self._heights[row])

    def row_at(self, y: float) -> int:
        """The row that is there; the first or the last one beyond."""
        row = int(np.searchsorted(self._tops, y, side="right")) - 1
        return min(max(row, 0), len(self._texts) - 1)

    def measure(self, first: int, height: float) -> bool:
        """Measure rows from `first` on until they fill a height. Whether anything moved."""
        moved, filled = False, 0.0
        for row in range(first, len(self._texts)):
            if filled > height:
                break
            if not self._measured[row]:
                exact = self._exact(row)
                moved |= exact != self._heights[row]
                self._heights[row], self._measured[row] = exact, True
            filled += self._heights[row]
        if moved:
            self._stack()
        return moved

    def _exact(self, row: int) -> float:
        if row == self._extra[0]:
            return self._extra[1]
        return self.text(row).lineCount() * LINE_PX + self.metrics.around

    def _estimate(self) -> None:
        self._ready.clear()
        self._heights = self._estimated(self._sizes)
        self._measured = np.zeros(len(self._texts), bool)
        self._stack()

    def _estimated(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        lines = np.maximum(np.ceil(sizes * 1.04 / max(self.metrics.width, 50.0)), 1)
        return np.asarray(lines * LINE_PX + self.metrics.around, np.float64)

    def _stack(self) -> None:
        self._tops = np.concatenate([[0.0], np.cumsum(self._heights)])


def _size(text: str) -> float:
    width = len(text) * _CHARACTER_PX if text.isascii() else len(text.encode(errors="replace")) * _BYTE_PX
    return width
