"""The lane over the message field: one notice that floats over the page, with what helps, and moves nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import IconButton, TextButton
from app.widgets.controls.floating import SHADOW, draw_floating
from app.widgets.controls.labels import Label
from app.widgets.controls.motion import fade_in

ABOVE = 16  # over the field
_PADDING, _BETWEEN, _GLYPH, _CLOSE = 14, 12, 16, 24


class Lane(QWidget):
    """Stands over a part of its parent, centred on a column. It is never wider than the column: then it has lines."""

    acted = Signal()
    acted_otherwise = Signal()
    dismissed = Signal()
    placed = Signal()  # it came, went, or stands elsewhere now

    def __init__(self, parent: QWidget, over: QWidget) -> None:
        super().__init__(parent)
        self._parent, self._over = parent, over
        self._left, self._width = 0, 400
        self._icon = "notice"
        self._trouble = False
        self._words = Label("", wrap=True, parent=self)
        self.action = TextButton("", parent=self)
        self.other = TextButton("", parent=self)
        self.close_button = IconButton("close", self.tr("Dismiss"), _CLOSE, self)
        self.close_button.GLYPH = 13
        self.action.clicked.connect(self.acted)
        self.other.clicked.connect(self.acted_otherwise)
        self.close_button.clicked.connect(self.dismissed)
        over.installEventFilter(self)
        self.hide()

    @property
    def words(self) -> str:
        """What it says; "" when nothing is said."""
        return "" if self.isHidden() else self._words.text()

    def tell(self, words: str, action: str = "", other: str = "", *, trouble: bool = False, icon: str = "") -> None:
        """Show and announce a sentence with up to two things to do about it; without words, show nothing."""
        if not words:
            self.hide()
            self.placed.emit()
            return
        new = words != self.words
        self._words.setText(words)
        self._trouble, self._icon = trouble, icon or ("warning" if trouble else "notice")
        for button, text in ((self.action, action), (self.other, other)):
            button.setText(text)
            button.setVisible(bool(text))
        self.setAccessibleName(words)
        self.show()
        self.raise_()
        self.place()
        self.update()
        if new:
            fade_in(self)
            if QAccessible.isActive():
                QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    def set_column(self, left: int, width: int) -> None:
        """The column to be centred on."""
        self._left, self._width = left, width
        self.place()

    def _buttons(self) -> list[TextButton]:
        return [button for button in (self.action, self.other) if not button.isHidden()]

    def place(self) -> None:
        """Take the place that the words need."""
        if self.isHidden():
            return
        beside = _PADDING + _GLYPH + _BETWEEN + _CLOSE + 8
        beside += sum(button.sizeHint().width() + _BETWEEN for button in self._buttons())
        wanted = self._words.fontMetrics().horizontalAdvance(self._words.text()) + 4
        words = min(wanted, self._width - beside)
        height = max(self._words.heightForWidth(words) + 16, theme.LANE)
        width = words + beside
        top = self._over.mapTo(self._parent, QPoint(0, 0)).y() - ABOVE - height
        left = self._left + (self._width - width) // 2
        self.setGeometry(left - SHADOW, top - SHADOW, width + 2 * SHADOW, height + 2 * SHADOW)
        self.placed.emit()

    @property
    def top(self) -> int:
        """Its upper edge in its parent, without the shadow."""
        return self.y() + SHADOW

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        middle, right = self.height() // 2, self.width() - SHADOW - 6
        self.close_button.setGeometry(right - _CLOSE, middle - _CLOSE // 2, _CLOSE, _CLOSE)
        right -= _CLOSE + _BETWEEN - 4
        for button in reversed(self._buttons()):
            size = button.sizeHint()
            right -= size.width()
            button.setGeometry(right, middle - size.height() // 2, size.width(), size.height())
            right -= _BETWEEN - 4
        left = SHADOW + _PADDING + _GLYPH + _BETWEEN - 2
        height = self._words.heightForWidth(right - left)
        self._words.setGeometry(left, middle - height // 2, right - left, height)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self.place()
        return super().eventFilter(watched, event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        draw_floating(self)
        painter, values = QPainter(self), theme.colours(self)
        colour = values.trouble if self._trouble else values.second
        glyph = QRectF(SHADOW + _PADDING - 2, (self.height() - _GLYPH) / 2, _GLYPH, _GLYPH)
        icons.draw(painter, self._icon, glyph, colour)
