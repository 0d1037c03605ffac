"""The talk button: a large circle whose ring is the level of the microphone or the voice."""

from __future__ import annotations

import math
from enum import Enum

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PaintedButton
from app.widgets.talk.turning_arc import TurningArc

FRAME_MS = 33
RADIUS = 32.0
FOCUS_RADIUS = RADIUS + 4
SIZE = 96  # with the room for its ring


class TalkLook(Enum):
    """What the button shows."""

    OFF = "off"  # nothing can be said yet
    READY = "ready"
    OPENING = "opening"  # the microphone gives no samples yet
    LISTENING = "listening"  # as long as talk is held
    LOCKED = "locked"  # until somebody sends it
    THINKING = "thinking"
    SPEAKING = "speaking"
    PLAYING = "playing"  # something recorded
    TROUBLE = "trouble"


_SOUNDING = (TalkLook.LISTENING, TalkLook.LOCKED, TalkLook.SPEAKING, TalkLook.PLAYING)
_AT_WORK = (TalkLook.THINKING, TalkLook.OPENING)
_SIGNS = {TalkLook.LOCKED: "arrow_up", TalkLook.TROUBLE: "microphone_off"}  # what a click does


class TalkButton(PaintedButton):
    """A round button to hold or tap. `pressed` and `released` are the gesture; `entered` is the Return key."""

    entered = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._look = TalkLook.READY
        self._level = 0.0
        self._target = 0.0
        self.arc = TurningArc(self, SIZE, RADIUS + 4.5)
        self._circle: tuple[tuple[object, ...], QPixmap] | None = None  # the circle as it was drawn last, and of what
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._on_frame)
        self.setAccessibleName(self.tr("Talk"))

    @property
    def look(self) -> TalkLook:
        """What the button shows now."""
        return self._look

    @property
    def level(self) -> float:
        """The level the ring shows now, 0 to 1."""
        return self._level

    def set_look(self, look: TalkLook) -> None:
        """Show another state; the ring is calm in those without sound."""
        self._look = look
        if look not in _SOUNDING:
            self._target = 0.0
        self._draw_arc()
        self.arc.setVisible(look in _AT_WORK)
        self._run_if_moving()
        self.update()

    def set_level(self, level: float) -> None:
        """The newest level, 0 to 1; the ring follows it softly."""
        self._target = min(max(level, 0.0), 1.0)
        self._run_if_moving()

    def jump_to_level(self, level: float) -> None:
        """Show this level at once."""
        self._level = self._target = min(max(level, 0.0), 1.0)
        self.update()

    def _draw_arc(self) -> None:
        if self._look in _AT_WORK:
            focus = FOCUS_RADIUS if self.keyboard_focus() else 0.0
            self.arc.draw(theme.colours(self), still=theme.motion_ms() == 0, focus_radius=focus)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._draw_arc()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._draw_arc()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.is_look_change(event) and hasattr(self, "arc"):
            self._draw_arc()

    def _run_if_moving(self) -> None:
        moving = abs(self._target - self._level) > 0.004
        if moving and self.isVisible() and not self._timer.isActive():
            self._timer.start()
        elif not moving:
            self._timer.stop()

    def _on_frame(self) -> None:
        pull = 0.55 if self._target > self._level else 0.22
        self._level += (self._target - self._level) * pull
        self._run_if_moving()
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()
        super().hideEvent(event)

    @override
    def sizeHint(self) -> QSize:
        return QSize(SIZE, SIZE)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def hitButton(self, position: object) -> bool:
        offset = QPointF(position) - QPointF(self.rect().center())  # type: ignore[call-overload]
        return math.hypot(offset.x(), offset.y()) <= RADIUS + 6

    def _fill(self, values: theme.Colours) -> tuple[QColor, QColor]:
        if self._look is TalkLook.OFF:
            return values.groove, values.second
        if self._look in _AT_WORK:
            return values.accent_soft, values.accent_text
        if self._look is TalkLook.TROUBLE:
            return values.groove, values.trouble
        if self._look in (TalkLook.LISTENING, TalkLook.LOCKED):
            return values.listening, values.on_accent
        return values.accent_fill, values.on_accent

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        centre = QRectF(self.rect()).center()
        self._paint_rings(painter, centre, values)
        painter.drawPixmap(0, 0, self._drawn_circle(values))
        if self.keyboard_focus():
            painter.setPen(QPen(values.accent, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, FOCUS_RADIUS, FOCUS_RADIUS)

    def _drawn_circle(self, values: theme.Colours) -> QPixmap:
        """The circle with its sign, drawn once and not for each frame of what moves around it."""
        drawn_of = self._look, self.isDown(), values.dark, self.size(), self.devicePixelRatioF()
        if self._circle is None or self._circle[0] != drawn_of:
            circle = QPixmap(self.size() * self.devicePixelRatioF())
            circle.setDevicePixelRatio(self.devicePixelRatioF())
            circle.fill(Qt.GlobalColor.transparent)
            self._paint_circle(circle, values)
            self._circle = drawn_of, circle
        return self._circle[1]

    def _paint_circle(self, circle: QPixmap, values: theme.Colours) -> None:
        painter = QPainter(circle)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QRectF(self.rect()).center()
        fill, ink = self._fill(values)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill if not self.isDown() else fill.darker(108))
        painter.drawEllipse(centre, RADIUS, RADIUS)
        icons.draw(painter, _SIGNS.get(self._look, "microphone"), QRectF(centre.x() - 14, centre.y() - 14, 28, 28), ink)
        painter.end()

    def _paint_rings(self, painter: QPainter, centre: QPointF, values: theme.Colours) -> None:
        if self._look not in _SOUNDING:
            return
        listens = self._look in (TalkLook.LISTENING, TalkLook.LOCKED)
        ring = QColor(values.listening if listens else values.accent)
        painter.setPen(Qt.PenStyle.NoPen)
        for reach, alpha in ((4.0 + 8.0 * self._level, 0.12), (2.0 + 5.0 * self._level, 0.16)):
            ring.setAlphaF(alpha * (1.6 if values.dark else 1.0))
            painter.setBrush(ring)
            painter.drawEllipse(centre, RADIUS + reach, RADIUS + reach)
