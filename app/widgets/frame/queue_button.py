"""The rows over the sidebar's list: a new conversation, and the way to the queue of recordings."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PaintedButton, draw_focus


class RowButton(PaintedButton):
    """A sign and words on a row of its own, marked while the page it leads to is in front."""

    def __init__(self, icon: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(words, parent)
        self._icon, self._note = icon, ""
        self.setCheckable(True)
        self.setAutoExclusive(False)
        self.setFont(theme.font(theme.TEXT_PX, 500))
        self.setFixedHeight(theme.SINGLE_ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    @override
    def nextCheckState(self) -> None:
        """It is checked by the page in front alone."""

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isChecked() or self.underMouse():
            painter.setBrush(values.accent_soft if self.isChecked() else values.groove)
            painter.drawRoundedRect(QRectF(self.rect()), theme.ROW_RADIUS, theme.ROW_RADIUS)
        icons.draw(painter, self._icon, QRectF(12, (self.height() - 16) / 2, 16, 16), values.text)
        painter.setPen(values.text)
        painter.setFont(self.font())
        middle = Qt.AlignmentFlag.AlignVCenter
        place = QRectF(self.rect()).adjusted(36, 0, 0, 0)
        painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignLeft), self.text())
        if self._note:
            painter.setPen(values.second)
            painter.setFont(theme.font(theme.TEXT_PX, tabular=True))
            place = QRectF(self.rect()).adjusted(0, 0, -12, 0)
            painter.drawText(place, int(middle | Qt.AlignmentFlag.AlignRight), self._note)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), theme.ROW_RADIUS, values.accent)


class QueueButton(RowButton):
    """The way to the queue, with how many recordings are in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("list", self.tr("Queue"), parent)

    def show_queue(self, count: int, in_front: bool) -> None:
        """How many wait or are worked on, and whether the queue is the page in front."""
        self._note = str(count) if count else ""
        self.setChecked(in_front)
        self.setAccessibleDescription(str(count))
        self.update()
