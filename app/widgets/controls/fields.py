"""Text fields with the window's own thin outline."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QFocusEvent, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QLineEdit, QPlainTextEdit, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus, pen
from app.widgets.controls.edit_menu import open_edit_menu
from app.widgets.controls.scroll_bar import use_thin_bar

_AREA_PADDING = 8


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
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        open_edit_menu(self, event.globalPos())

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


class TextArea(QPlainTextEdit):
    """Several lines to type in, drawn like the other fields."""

    def __init__(self, name: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFont(theme.font())
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setViewportMargins(_AREA_PADDING, _AREA_PADDING, 2, _AREA_PADDING)
        self.document().setDocumentMargin(0)
        use_thin_bar(self)
        self.viewport().setAutoFillBackground(False)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        open_edit_menu(self, event.globalPos())

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:  # of the ground; the text is painted by the viewport
            self._paint_ground()
            return True
        return super().event(event)

    def _paint_ground(self) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.field_line))
        painter.setBrush(values.raised)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, theme.FIELD_RADIUS, theme.FIELD_RADIUS)
        if self.hasFocus():
            draw_focus(painter, QRectF(self.rect()), theme.FIELD_RADIUS, values.accent)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()


class SheetField(Field):
    """A field whose Return does not also press the sheet's default button."""

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returnPressed.emit()
            event.accept()
        else:
            super().keyPressEvent(event)
