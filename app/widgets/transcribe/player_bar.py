"""The player over a transcript: waveform, times, back and forth, how fast, and whether the text follows."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import Chip, IconButton, PaintedButton, draw_focus
from app.widgets.controls.choice_button import ChoiceButton
from app.widgets.controls.labels import Label
from app.widgets.transcribe.recording_wave import RecordingWave
from app.widgets.transcribe.times import stamp

SKIP_S = 15.0
_DISC = 36
_COLUMN = theme.COLUMN_WIDTH + 48


class PlayButton(PaintedButton):
    """The disc that plays and pauses."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._playing = False
        self.show_playing(False)

    def show_playing(self, playing: bool) -> None:
        """What a press does next."""
        self._playing = playing
        self.setAccessibleName(self.tr("Pause") if playing else self.tr("Play"))
        self.setToolTip(self.accessibleName() + "   " + self.tr("Space"))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(_DISC, _DISC)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(values.accent_fill.darker(108) if self.underMouse() else values.accent_fill)
        painter.drawEllipse(QRectF(self.rect()))
        glyph = QRectF(0, 0, 16, 16)
        glyph.moveCenter(QRectF(self.rect()).center())
        icons.draw(painter, "pause" if self._playing else "play", glyph, values.on_accent)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()).adjusted(3, 3, -3, -3), _DISC / 2 - 3, values.window)


class SkipButton(IconButton):
    """An arrow around a number of seconds."""

    def __init__(self, icon: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(icon, name, size=theme.ICON_BUTTON, parent=parent)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = values.text if self.underMouse() or self.hasFocus() else values.second
        icons.draw(painter, self._icon, QRectF(self.rect()).adjusted(4, 4, -4, -4), colour)
        painter.setFont(theme.font(7.5, 600))
        painter.setPen(colour)
        painter.drawText(QRectF(self.rect()).translated(0, 0.5), int(Qt.AlignmentFlag.AlignCenter), f"{SKIP_S:.0f}")
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), theme.ICON_RADIUS, values.accent)


class PlayerBar(QWidget):
    """Says what is wanted of the player."""

    toggled = Signal()
    seek_wanted = Signal(float)
    speed_wanted = Signal(float)

    def __init__(self, speeds: tuple[float, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._at_s = 0.0
        self.wave = RecordingWave()
        self.wave.seek_wanted.connect(self.seek_wanted)
        self._now = Label("", size_px=theme.TEXT_PX, weight=500, tabular=True)
        self._whole = Label("", "second", tabular=True)
        self.play = PlayButton()
        self.play.clicked.connect(self.toggled)
        self.back = SkipButton("skip_back", self.tr("15 seconds back"))
        self.forward = SkipButton("skip_forward", self.tr("15 seconds forward"))
        self.back.clicked.connect(lambda: self.seek_wanted.emit(self._at_s - SKIP_S))
        self.forward.clicked.connect(lambda: self.seek_wanted.emit(self._at_s + SKIP_S))
        self.speed = ChoiceButton(self.tr("Speed"))
        self.speed.show_choices([(speed, f"{speed:g}×") for speed in speeds], 1.0)
        self.speed.picked.connect(lambda speed: self.speed_wanted.emit(speed))
        self.follow = Chip(self.tr("Follow"))
        self.follow.setChecked(True)
        self._lay_out()

    def _lay_out(self) -> None:
        times = QHBoxLayout()
        times.setSpacing(12)
        times.addWidget(self._now)
        times.addWidget(self._whole)
        times.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        for each in (self.back, self.play, self.forward):
            buttons.addWidget(each, 0, Qt.AlignmentFlag.AlignVCenter)
        manner = QHBoxLayout()
        manner.setSpacing(12)
        manner.addStretch(1)
        manner.addWidget(self.speed)
        manner.addWidget(self.follow)
        row = QGridLayout()
        row.setColumnStretch(0, 1)
        row.setColumnStretch(2, 1)
        row.addLayout(times, 0, 0)
        row.addLayout(buttons, 0, 1)
        row.addLayout(manner, 0, 2)
        inner = QWidget()
        inner.setMaximumWidth(_COLUMN)
        column = QVBoxLayout(inner)
        column.setContentsMargins(22, 8, 22, 10)
        column.setSpacing(4)
        column.addWidget(self.wave)
        column.addLayout(row)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 1)
        whole.addWidget(inner)

    def show_player(self, at_s: float, duration_s: float, playing: bool) -> None:
        """Where it is, and whether it plays."""
        self._at_s = at_s
        hours = duration_s >= 3600
        self._now.setText(stamp(at_s, hours))
        self._whole.setText(stamp(duration_s, hours))
        self.play.show_playing(playing)
        self.wave.show_position(at_s)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.colours(self).line)
