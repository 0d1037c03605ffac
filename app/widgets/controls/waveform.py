"""A small waveform: bars as high as the sound was loud, filled up to what has been played."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.dragging import is_far

BAR_PX, GAP_PX = 2.5, 2.0
MOST_BARS = 46
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
    """Shows peaks, and how much of them was played; a click seeks. Screen readers pass over it."""

    sought = Signal(float)  # a share of the whole

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: Sequence[float] = ()
        self._live = False
        self._played: float | None = None
        self._pressed_at: QPoint | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_peaks(self, peaks: Sequence[float], *, live: bool = False) -> None:
        """Peaks between 0 and 1, any number of them; `live` ones are as loud as they are, and the newest are shown."""
        self._peaks, self._live = peaks, live
        self.setCursor(Qt.CursorShape.ArrowCursor if live else Qt.CursorShape.PointingHandCursor)
        self.updateGeometry()
        self.update()

    def set_played(self, share: float | None) -> None:
        """How much of it was played; None while it is not played."""
        if share != self._played:
            self._played = share
            self.update()

    @property
    def played(self) -> float | None:
        """How much of it was played."""
        return self._played

    @override
    def sizeHint(self) -> QSize:
        count = min(max(len(self._peaks), 16), MOST_BARS)
        return QSize(int((MOST_BARS if self._live else count) * (BAR_PX + GAP_PX)), HEIGHT)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._live or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        else:
            self._pressed_at = event.position().toPoint()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place, pressed_at, self._pressed_at = event.position().toPoint(), self._pressed_at, None
        if pressed_at is not None and not is_far(place - pressed_at):
            self.sought.emit(min(max(place.x() / max(self.width(), 1), 0.0), 1.0))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        values = theme.colours(self)
        count = int(self.width() // (BAR_PX + GAP_PX))
        heights = self._newest(count) if self._live else bars(self._peaks, count)
        played = -1.0 if self._played is None else self._played * count
        for number, height in enumerate(heights):
            painter.setBrush(values.listening if self._live else values.accent if number < played else values.faint)
            tall = max(3.0, height * self.height())
            box = QRectF(number * (BAR_PX + GAP_PX), (self.height() - tall) / 2, BAR_PX, tall)
            painter.drawRoundedRect(box, BAR_PX / 2, BAR_PX / 2)

    def _newest(self, count: int) -> list[float]:
        newest = list(self._peaks[-count:])
        return [0.0] * (count - len(newest)) + newest
