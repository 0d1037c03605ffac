"""Holding Space talks, wherever the attention is, unless one is typing or a button has the keyboard."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from app.qt import override
from app.widgets.talk.talk_button import TalkButton


def takes_space(widget: QWidget | None) -> bool:
    """Whether a widget has its own use for the space bar."""
    if isinstance(widget, QTextEdit | QPlainTextEdit | QLineEdit):
        return not widget.isReadOnly()
    if isinstance(widget, QAbstractItemView):
        return widget.state() == QAbstractItemView.State.EditingState
    if isinstance(widget, TalkButton):
        return False  # Space talks there too, and letting go counts wherever the focus went meanwhile
    return isinstance(widget, QAbstractButton | QAbstractSpinBox | QComboBox)


class PushToTalk(QObject):
    """Watches the keys of one window. Install it once; it says when Space goes down and up."""

    pressed = Signal()
    released = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._held = False
        self._watched: QWidget | None = None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus_changed)
        window.installEventFilter(self)
        self._on_focus_changed(None, QApplication.focusWidget())

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        """Keys go to the widget with the focus: watching only that one costs nothing."""
        if self._watched is not None and shiboken6.isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = new if new is not None and new is not self._window and new.window() is self._window else None
        if self._watched is not None:
            self._watched.installEventFilter(self)

    @property
    def held(self) -> bool:
        """Whether Space is down and means talking."""
        return self._held

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self._on_press(watched, event)
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            return self._on_release(event)
        if kind == QEvent.Type.WindowDeactivate and watched is self._window:
            self._let_go()
        return False

    def _on_press(self, watched: QObject, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space or event.modifiers() or not isinstance(watched, QWidget):
            return False
        if self._held:
            return True  # auto-repeat of the held key
        if event.isAutoRepeat() or watched.window() is not self._window or QApplication.activePopupWidget():
            return False
        if takes_space(watched) or takes_space(QApplication.focusWidget()) or QApplication.activeModalWidget():
            return False
        self._held = True
        self.pressed.emit()
        return True

    def _on_release(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_Space or not self._held:
            return False
        if not event.isAutoRepeat():
            self._let_go()
        return True

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            self.released.emit()
