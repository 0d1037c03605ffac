"""What is being recorded for the queue: how long it is by now, how loud, and the ways to end it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PrimaryButton, TextButton, pen
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.level_meter import LevelMeter
from app.widgets.transcribe.times import stamp

_HEIGHT = 56


class RecordingRow(QWidget):
    """Seen while something is recorded."""

    stopped = Signal()
    discarded = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = ElidedLabel("", weight=600)
        self._time = Label("", "second", tabular=True)
        self._meter = LevelMeter()
        self.discard = TextButton(self.tr("Discard"))
        self.stop = PrimaryButton(self.tr("Stop"))
        self.discard.clicked.connect(self.discarded)
        self.stop.clicked.connect(self.stopped)
        self.discard.setAccessibleDescription(self.tr("The recording is removed; that can be undone"))
        self.stop.setAccessibleDescription(self.tr("The recording is kept and transcribed"))
        row = QHBoxLayout(self)
        row.setContentsMargins(50, 0, 14, 0)
        row.setSpacing(12)
        row.addWidget(self._words)
        row.addWidget(self._time)
        row.addWidget(self._meter, 1)
        row.addWidget(self.discard)
        row.addWidget(self.stop)
        self.setFixedHeight(_HEIGHT)
        self.show_progress(0.0, 0.0)

    @property
    def time_words(self) -> str:
        """How long it is by now, as shown."""
        return self._time.text()

    @property
    def words(self) -> str:
        """What is said of it."""
        return self._words.text()

    @property
    def meter(self) -> LevelMeter:
        """How loud it is."""
        return self._meter

    def show_progress(self, seconds: float, level: float, silent: bool = False) -> None:
        """How long it is by now, how loud, and whether nothing at all comes."""
        words = self.tr("Recording")
        if silent:
            words = self.tr("The microphone gives no sound. Is it muted?")
        elif not seconds:
            words = self.tr("Starting…")
        if words != self._words.text():
            self._words.setText(words)
            self.setAccessibleName(words)
        self._time.setText(stamp(seconds))
        self._meter.set_level(level)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.line))
        painter.setBrush(values.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 12, 12)
        icons.draw(painter, "microphone", QRectF(20, self.height() / 2 - 8, 16, 16), values.good)
