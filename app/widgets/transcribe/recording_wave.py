"""A recording as a waveform: a click goes to a place, dots are what was looked for, the ribbon says who speaks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus
from app.widgets.controls.waveform import BAR_PX, bars
from app.widgets.transcribe.times import stamp

_STEP_PX = 5.0
_DOTS_AT, _WAVE_TOP, _WAVE_HEIGHT, _RIBBON_AT = 6, 12, 40, 60
_HEIGHT = 66
_RIBBON_PX = 3
_DOT_PX = 3
_TENTHS = 10  # of a second: what a slider of whole numbers counts


class RecordingWave(QSlider):
    """A slider for those who do not see it: its value is tenths of a second."""

    seek_wanted = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._duration_s = 0.0
        self._position_s = 0.0
        self._peaks: Sequence[float] = ()
        self._bars: tuple[int, list[float]] = (0, [])
        self._hits: NDArray[np.float64] = np.zeros(0)
        self._hit_now: float | None = None
        self._turns: list[tuple[float, float, int]] = []
        self._ribbon: tuple[int, list[tuple[int, int, int]]] = (0, [])  # for a width: left, right, who
        self._dots: tuple[int, list[int]] = (0, [])
        self.show_position(0.0)

    def show_recording(self, duration_s: float, peaks: Sequence[float]) -> None:
        """How long it is, and how loud from beginning to end."""
        self._duration_s, self._peaks = duration_s, peaks
        self._bars, self._ribbon, self._dots = (0, []), (0, []), (0, [])
        self.setRange(0, round(duration_s * _TENTHS))
        self.show_position(self._position_s)
        self.update()

    def show_hits(self, said_at: Sequence[float]) -> None:
        """When the words were said that were looked for."""
        self._hits, self._dots = np.array(said_at, np.float64), (0, [])
        self.update()

    def show_hit_now(self, said_at: float | None) -> None:
        """Which of them one is at."""
        self._hit_now = said_at
        self.update()

    @property
    def dots(self) -> list[int]:
        """Where the dots stand: of those that would touch each other, one."""
        if self._dots[0] != self.width():
            places = self._hits / max(self._duration_s, 0.001) * self.width()
            self._dots = self.width(), [int(place) for place in np.unique(np.round(places / _DOT_PX)) * _DOT_PX]
        return self._dots[1]

    @property
    def ribbon(self) -> list[tuple[int, int, int]]:
        """From where to where who speaks; of turns that are too short to be seen, the last one."""
        if self._ribbon[0] != self.width():
            places = np.full(self.width() // _DOT_PX + 2, -1)
            for first_s, last_s, order in self._turns:
                places[self._x(first_s) // _DOT_PX : self._x(last_s) // _DOT_PX + 1] = order
            edges = [0, *map(int, np.flatnonzero(np.diff(places)) + 1), len(places)]
            runs = ((left, right, int(places[left])) for left, right in itertools.pairwise(edges) if places[left] >= 0)
            self._ribbon = self.width(), [(left * _DOT_PX, right * _DOT_PX, order) for left, right, order in runs]
        return self._ribbon[1]

    def show_speakers(self, turns: Sequence[tuple[float, float, int]]) -> None:
        """Who speaks from when to when, as the number of their appearance."""
        self._turns, self._ribbon = list(turns), (0, [])
        self.update()

    def show_position(self, seconds: float) -> None:
        """Where one is."""
        before, self._position_s = self._position_s, seconds
        if int(seconds) != int(before) or not self.accessibleName():
            at, whole = stamp(seconds), stamp(self._duration_s)
            self.setAccessibleName(self.tr("Position, {time} of {length}").format(time=at, length=whole))
            self.setValue(round(seconds * _TENTHS))
        if self._x(before) != self._x(seconds):
            self.update()

    def _x(self, seconds: float) -> int:
        return round(seconds / self._duration_s * self.width()) if self._duration_s else 0

    @override
    def sizeHint(self) -> QSize:
        return QSize(300, _HEIGHT)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def _seek(self, event: QMouseEvent) -> None:
        share = min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0)
        self.seek_wanted.emit(share * self._duration_s)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._seek(event)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the arrows are the page's: 5 s, or a segment

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return False
        return super().event(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        self._paint_bars(painter, values)
        painter.setOpacity(0.75)
        for left, right, order in self.ribbon:
            painter.setBrush(values.speakers[order % len(values.speakers)][0])
            painter.drawRoundedRect(QRectF(left, _RIBBON_AT, max(right - left - 1.5, 1.0), _RIBBON_PX), 1.5, 1.5)
        painter.setOpacity(1.0)
        painter.setBrush(values.trouble_bar)
        for place in self.dots:
            painter.drawEllipse(QPointF(place, _DOTS_AT), 2.2, 2.2)
        if self._hit_now is not None:
            painter.setBrush(values.text)
            painter.drawEllipse(QPointF(self._x(self._hit_now), _DOTS_AT), 2.2, 2.2)
        if self._duration_s:
            painter.setBrush(values.text)
            painter.drawRoundedRect(QRectF(self._x(self._position_s) - 1, _WAVE_TOP, 2, _WAVE_HEIGHT), 1, 1)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), 6, values.accent)

    def _paint_bars(self, painter: QPainter, values: theme.Colours) -> None:
        count = int(self.width() // _STEP_PX)
        if self._bars[0] != count:
            self._bars = count, bars(self._peaks, count)
        heard, middle = self._x(self._position_s), _WAVE_TOP + _WAVE_HEIGHT / 2
        for number, height in enumerate(self._bars[1] or [0.0] * count):
            left = number * _STEP_PX + 1
            painter.setBrush(values.accent if left < heard else values.field_line)
            tall = max(2.5, height * (_WAVE_HEIGHT - 6))
            painter.drawRoundedRect(QRectF(left, middle - tall / 2, BAR_PX, tall), BAR_PX / 2, BAR_PX / 2)
