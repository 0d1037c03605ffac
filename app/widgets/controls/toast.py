"""A sentence that floats over the page for a while, with Undo."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QSize, QTimer, QVariantAnimation, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QEnterEvent,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import TextButton
from app.widgets.controls.floating import SHADOW, draw_floating
from app.widgets.controls.labels import ElidedLabel
from app.widgets.controls.motion import fade_in

SHOWN_MS = 10_000
_AFTER_HOVER_MS = 2_000  # it does not go the moment it is left
_HEIGHT, _SHADOW, _ABOVE = theme.LANE, SHADOW, 16
_PADDING, _BETWEEN = 14, 12
_RISE_MS, _RISE_PX = 180, 8
_MOVES = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide)


class Toast(QWidget):
    """Stands at the foot of its parent, or above those parts of it that are in sight. It moves nothing."""

    undo_wanted = Signal()

    def __init__(self, parent: QWidget, above: Sequence[QWidget] = ()) -> None:
        super().__init__(parent)
        self._parent, self._above = parent, above
        self._words = ElidedLabel("", parent=self)
        self.undo_button = TextButton(self.tr("Undo"), parent=self)
        self.undo_button.clicked.connect(self.undo_wanted)
        self._clock = QTimer(self, interval=SHOWN_MS, singleShot=True)
        self._clock.timeout.connect(self._on_time)
        self._left_ms = SHOWN_MS
        self._rising = QVariantAnimation(self, startValue=_RISE_PX, endValue=0)
        self._rising.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._rising.valueChanged.connect(self._place)
        for watched in (parent, *above, self.undo_button):
            watched.installEventFilter(self)
        self.hide()

    @property
    def words(self) -> str:
        """What it says; "" when it is not shown."""
        return "" if self.isHidden() else self._words.text()

    def tell(self, words: str) -> None:
        """Show and announce a sentence, in place of an older one."""
        self._words.setText(words)
        self.setAccessibleName(words)
        self._rising.setDuration(theme.motion_ms(_RISE_MS))
        self._rising.start()
        self._place()
        self.show()
        self.raise_()
        fade_in(self, _RISE_MS)
        self._clock.start(SHOWN_MS)
        if QAccessible.isActive():
            keys = QKeySequence(QKeySequence.StandardKey.Undo).toString(QKeySequence.SequenceFormat.NativeText)
            said = self.tr("{words}. Undo: {keys}").format(words=words, keys=keys)
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, said))

    def _on_time(self) -> None:
        if self.undo_button.hasFocus():  # then it is held until the keyboard is elsewhere
            self._left_ms = _AFTER_HOVER_MS
        else:
            self.hide()

    def _on_left(self) -> None:
        if not self.isHidden() and not self._clock.isActive():
            self._clock.start(self._left_ms)

    @override
    def sizeHint(self) -> QSize:
        words = self._words.fontMetrics().horizontalAdvance(self._words.text()) + 2
        wanted = words + _BETWEEN + self.undo_button.sizeHint().width() + 2 * _PADDING
        room = self._parent.width() - 2 * _ABOVE
        return QSize(min(wanted, room) + 2 * _SHADOW, _HEIGHT + 2 * _SHADOW)

    def _place(self) -> None:
        parent, size = self._parent, self.sizeHint()
        tops = [part.mapTo(parent, QPoint(0, 0)).y() for part in self._above if part.isVisibleTo(parent)]
        foot = min(tops, default=parent.height())
        rise = int(self._rising.currentValue())
        left, top = (parent.width() - size.width()) // 2, foot - _ABOVE - _HEIGHT - _SHADOW + rise
        self.setGeometry(left, top, size.width(), size.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        undo, height = self.undo_button.sizeHint(), self._words.sizeHint().height()
        left, right = _SHADOW + _PADDING, self.width() - _SHADOW - _PADDING + 4
        middle = self.height() // 2
        self.undo_button.setGeometry(right - undo.width(), middle - undo.height() // 2, undo.width(), undo.height())
        self._words.setGeometry(left, middle - height // 2, right - undo.width() - _BETWEEN + 4 - left, height)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.undo_button:
            if event.type() == QEvent.Type.FocusOut:
                self._on_left()
        elif event.type() in _MOVES and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self._left_ms = max(self._clock.remainingTime(), _AFTER_HOVER_MS)
        self._clock.stop()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._on_left()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        draw_floating(self)
