"""Text fields with the window's own thin outline."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QLineEdit, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus, pen


class Field(QLineEdit):
    """A line to type in, with a placeholder, rounded."""

    def __init__(
        self, placeholder: str, *, height: int = 28, radius: float = 7, padding: int = 8, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._radius = radius
        self.setFrame(False)
        self.setFixedHeight(height)
        self.setFont(theme.font())
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setAttribute(Qt.WidgetAttribute.WA_MacShowFocusRect, False)
        self.setTextMargins(padding, 0, padding, 0)
        self._clear_base()

    def _clear_base(self) -> None:
        palette = self.palette()
        clear = QColor(0, 0, 0, 0)
        if palette.color(QPalette.ColorRole.Base) != clear:
            palette.setColor(QPalette.ColorRole.Base, clear)
            self.setPalette(palette)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_radius"):
            self._clear_base()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = theme.colours(self)
        painter.setPen(pen(values.field_line))
        painter.setBrush(values.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self._radius, self._radius)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), self._radius, values.accent)
        painter.end()
        super().paintEvent(event)


class SheetField(Field):
    """A field whose Return does not also press the sheet's default button."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returnPressed.emit()
            event.accept()
        else:
            super().keyPressEvent(event)
