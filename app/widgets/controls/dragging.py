"""Lets something be dragged out of a widget into another app; a click stays a click."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt
from PySide6.QtGui import QDrag, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.qt import override


def is_far(moved: QPoint) -> bool:
    """Whether the pointer went so far with the button down that it drags."""
    return moved.manhattanLength() >= QGuiApplication.styleHints().startDragDistance()


class DragSource(QObject):
    """Watches the mouse over one widget, which owns it. `data` is asked for when a drag begins."""

    def __init__(self, widget: QWidget, data: Callable[[], QMimeData | None]) -> None:
        super().__init__(widget)
        self._widget, self._data = widget, data
        self._pressed_at: QPoint | None = None
        widget.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QMouseEvent):
            return False
        place = event.position().toPoint()
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = place
        elif event.type() == QEvent.Type.MouseButtonRelease:
            self._pressed_at = None
        elif event.type() == QEvent.Type.MouseMove:
            begins = self._pressed_at is not None and is_far(place - self._pressed_at)
            if begins:
                self._begin()
            return begins
        return False

    def _begin(self) -> None:
        self._pressed_at = None
        if isinstance(self._widget, QAbstractButton):
            self._widget.setDown(False)
        if (data := self._data()) is not None:
            drag = QDrag(self._widget)
            drag.setMimeData(data)
            drag.exec(Qt.DropAction.CopyAction)
