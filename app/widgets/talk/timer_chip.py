"""The countdown of a timer, with a button to cancel it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import PaintedButton, draw_focus


def countdown(seconds: int) -> str:
    """Time left as people read it: 0:42, 12:31, 1:02:05."""
    hours, minutes = divmod(max(seconds, 0) // 60, 60)
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{max(seconds, 0) % 60:02}"


class TimerChip(PaintedButton):
    """Time left in a soft pill. In a card it has a cross; in the header a sign of what it is."""

    def __init__(self, parent: QWidget | None = None, *, sign: str = "") -> None:
        super().__init__("", parent)
        self._sign = sign
        self.setFont(theme.font(theme.TEXT_PX if sign else theme.SMALL_PX + 0.5, 600, tabular=True))

    def show_time(self, seconds: int, name: str = "") -> None:
        """So many seconds are left of a timer."""
        words = countdown(seconds)
        if words != self.text():
            self.setText(words)
            named = name or self.tr("Timer")
            if self._sign:
                told = self.tr("{name}, {seconds} seconds left").format(name=named, seconds=seconds)
            else:
                told = self.tr("{name}, {seconds} seconds left, Cancel").format(name=named, seconds=seconds)
            self.setAccessibleName(told)
            self.updateGeometry()

    @override
    def sizeHint(self) -> QSize:
        widest = "0" * sum(character.isdigit() for character in self.text()) + ":" * self.text().count(":")
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(widest)) + 36, theme.CHIP)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(values.accent_soft)
        painter.drawRoundedRect(QRectF(self.rect()), 12, 12)
        left = 9 if self._sign else self.width() - 20
        glyph = 14 if self._sign else 11
        icons.draw(painter, self._sign or "close", QRectF(left, (24 - glyph) / 2, glyph, glyph), values.accent_text)
        painter.setFont(self.font())
        painter.setPen(values.accent_text)
        box = QRectF(self.rect()).adjusted(27 if self._sign else 9, 0, 0, 0)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), self.text())
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()), 12, values.accent)
