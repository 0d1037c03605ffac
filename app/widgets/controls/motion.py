"""Small movements, none of them when the system asks for reduced motion."""

from __future__ import annotations

from PySide6.QtCore import QAbstractAnimation, QEasingCurve, QPoint, QPropertyAnimation
from PySide6.QtWidgets import QGraphicsOpacityEffect, QWidget

from app.widgets.controls import theme

RISE_MS, _RISE_PX = 180, 8


def fade_in(widget: QWidget, duration_ms: int = theme.MOTION_MS) -> None:
    """Let a widget appear within a blink."""
    duration = theme.motion_ms(duration_ms)
    if duration == 0 or not widget.isVisible():
        return
    effect = QGraphicsOpacityEffect(widget)
    widget.setGraphicsEffect(effect)
    movement = QPropertyAnimation(effect, b"opacity", effect)
    movement.setDuration(duration)
    movement.setStartValue(0.0)
    movement.setEndValue(1.0)
    movement.setEasingCurve(QEasingCurve.Type.OutCubic)
    movement.finished.connect(lambda: widget.setGraphicsEffect(None))  # type: ignore[arg-type]
    movement.start(QAbstractAnimation.DeletionPolicy.KeepWhenStopped)


def rise_in(widget: QWidget) -> None:
    """Let a widget appear from a little below its place."""
    duration, place = theme.motion_ms(RISE_MS), widget.pos()
    fade_in(widget, RISE_MS)
    if duration:
        movement = QPropertyAnimation(widget, b"pos", widget)
        movement.setDuration(duration)
        movement.setStartValue(place + QPoint(0, _RISE_PX))
        movement.setEndValue(place)
        movement.setEasingCurve(QEasingCurve.Type.OutCubic)
        movement.start(QAbstractAnimation.DeletionPolicy.DeleteWhenStopped)
