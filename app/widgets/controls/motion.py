"""Small movements, none of them when the system asks for reduced motion."""

from __future__ import annotations

from PySide6.QtCore import QAbstractAnimation, QEasingCurve, QPropertyAnimation
from PySide6.QtWidgets import QGraphicsOpacityEffect, QWidget

from app.widgets.controls import theme


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
