"""A small waveform: bars as high as the sound was loud, filled up to what has been played."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import theme

BAR_PX, GAP_PX = 2.5, 2.0
HEIGHT = 20


def bars(peaks: Sequence[float], count: int) -> list[float]:
    """`count` bar heights (0 to 1) from any number of peaks: the loudest of each span, scaled to the loudest of all."""
    if not peaks or count <= 0:
        return []
    spans = [
        (i * len(peaks) // count, max((i + 1) * len(peaks) // count, i * len(peaks) // count + 1)) for i in range(count)
    ]
    heights = [max(peaks[start:end], default=0.0) for start, end in spans]
    loudest = max(heights)
    return [height / loudest for height in heights] if loudest > 1e-6 else [0.0] * count


class Waveform(QWidget):
    """Shows peaks; decoration only, so screen readers pass over it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Sequence[float] = ()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_peaks(self, peaks: Sequence[float]) -> None:
        """Peaks between 0 and 1, any number of them."""
        self._peaks = peaks
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        count = min(max(len(self._peaks), 16), 46)
        return QSize(int(count * (BAR_PX + GAP_PX)), HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        values = theme.colours(self)
        count = int(self.width() // (BAR_PX + GAP_PX))
        heights = bars(self._peaks, count)
        for number, height in enumerate(heights):
            painter.setBrush(values.faint)
            tall = max(3.0, height * self.height())
            box = QRectF(number * (BAR_PX + GAP_PX), (self.height() - tall) / 2, BAR_PX, tall)
            painter.drawRoundedRect(box, BAR_PX / 2, BAR_PX / 2)
