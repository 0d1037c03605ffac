"""Keyboard and focus of the window, in one place: what Space, letters and Esc do, wherever the keyboard is.

Space talks whenever no text is edited; on a control reached by Tab it presses that control. A letter goes to the
message field. Home is the page, not the field: a mouse never gives the keyboard to a button, and when what had the
keyboard vanishes, or a sheet closes, it goes home.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
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
from app.widgets.frame.conversation_list import ConversationList
from app.widgets.talk.message_field import MessageField
from app.widgets.talk.talk_button import TalkButton

HOLD_MS = 250  # in the empty message field: a shorter press of Space does nothing
_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier


class Space(Enum):
    """What the space bar does."""

    TALKS = auto()
    TALKS_WHEN_HELD = auto()
    IS_THE_WIDGETS = auto()


def edits_text(widget: QWidget | None) -> bool:
    """Whether what is typed becomes text there."""
    if isinstance(widget, QTextEdit | QPlainTextEdit | QLineEdit):
        return not widget.isReadOnly()
    if isinstance(widget, QAbstractItemView):
        return widget.state() == QAbstractItemView.State.EditingState
    return isinstance(widget, QAbstractSpinBox)


def use_of_space(widget: QWidget | None) -> Space:
    """What Space does while a widget has the keyboard."""
    if isinstance(widget, MessageField):
        return Space.TALKS_WHEN_HELD if widget.untouched else Space.IS_THE_WIDGETS
    if isinstance(widget, TalkButton):
        return Space.TALKS  # letting go counts wherever the focus went meanwhile
    own = edits_text(widget) or isinstance(widget, QAbstractButton | QComboBox | ConversationList)
    return Space.IS_THE_WIDGETS if own else Space.TALKS


def _is_inside_list(widget: QWidget) -> bool:
    viewport = widget.parentWidget()
    return viewport is not None and isinstance(viewport.parentWidget(), QAbstractItemView)


def is_letter(event: QKeyEvent) -> bool:
    """Whether a key writes something that is seen."""
    return bool(event.text().strip()) and event.text().isprintable() and not event.modifiers() & _COMMANDS


class Keyboard(QObject):
    """Watches the keys and the focus of one window, which passes on the keys that come to itself. Install it once."""

    talk_pressed = Signal(float)  # how many seconds ago Space went down
    talk_released = Signal()

    def __init__(
        self,
        window: QWidget,
        field: MessageField,
        takes_letters: Callable[[], bool],
        go_home: Callable[[], None],
    ) -> None:
        """`takes_letters` says whether letters go to the field; `go_home` gives the keyboard to the page."""
        super().__init__(window)
        self._window, self._field = window, field
        self._takes_letters, self._go_home = takes_letters, go_home
        self.play_instead: Callable[[], bool] = lambda: False  # whether Space plays here
        self._held = False
        self._down = False  # in the empty field, perhaps to talk
        self._hold = QTimer(self, interval=HOLD_MS, singleShot=True)
        self._hold.timeout.connect(self._on_held_long)
        self._watched: QWidget | None = None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus_changed)
        # Never seen. A window tells what is in it of a sheet that closes; watching the window itself would ask Python
        # before each of its frames, and the thread that writes would have to wait for that.
        self._inside = QWidget(window)
        self._inside.hide()
        self._inside.installEventFilter(self)
        self._on_focus_changed(None, QApplication.focusWidget())

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        """Keys go to the widget with the focus: watching only that one costs nothing."""
        if self._watched is not None and shiboken6.isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = new if new is not None and new is not self._window and new.window() is self._window else None
        if self._watched is not None:
            self._watched.installEventFilter(self)
        if self._vanished(old) and self._window.isActiveWindow() and (new is None or self._watched is new):
            self._go_home()

    def _vanished(self, widget: QWidget | None) -> bool:
        """Whether something of this window lost the keyboard by going away: then Qt gives it to the next button."""
        if widget is None:
            return False
        if not shiboken6.isValid(widget):
            return True
        if _is_inside_list(widget):
            return False  # a name that was edited in its row: the list goes on with the keyboard
        return widget.window() is self._window and not (widget.isVisible() and widget.isEnabled())

    @property
    def held(self) -> bool:
        """Whether Space is down and means talking."""
        return self._held

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return isinstance(watched, QWidget) and watched.window() is self._window and self.take_press(event)
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            return self.take_release(event)
        if kind == QEvent.Type.WindowUnblocked and watched is self._inside:  # a sheet was closed
            self._go_home()
        return False

    def take_press(self, event: QKeyEvent) -> bool:
        """Do what a key does wherever the keyboard is; whether it does anything."""
        if QApplication.activePopupWidget() or QApplication.activeModalWidget():
            return False
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            return self._on_space(event)
        wanted = is_letter(event) and not edits_text(QApplication.focusWidget()) and self._takes_letters()
        if wanted:
            self._field.setFocus(Qt.FocusReason.OtherFocusReason)
            self._field.insertPlainText(event.text())
        return wanted

    def _on_space(self, event: QKeyEvent) -> bool:
        if self._held or self._down:
            return True  # auto-repeat of the held key
        use = use_of_space(QApplication.focusWidget())
        if event.isAutoRepeat() or use is Space.IS_THE_WIDGETS:
            return False
        if use is Space.TALKS_WHEN_HELD:
            self._down = True
            self._hold.start()
        elif not self.play_instead():
            self._talk(0.0)
        return True

    def _talk(self, seconds_ago: float) -> None:
        self._held = True
        self.talk_pressed.emit(seconds_ago)

    def _on_held_long(self) -> None:
        self._down = False
        self._talk(HOLD_MS / 1000)

    def take_release(self, event: QKeyEvent) -> bool:
        """End what pressing the key began; whether there was anything."""
        if event.key() != Qt.Key.Key_Space or not (self._held or self._down):
            return False
        if not event.isAutoRepeat():
            self.let_go()
        return True

    def let_go(self) -> None:
        """As if Space came up: the window does not hear of it any more."""
        self._hold.stop()
        self._down = False
        if self._held:
            self._held = False
            self.talk_released.emit()
            self._go_home()  # also from the field: the next Space talks as well
