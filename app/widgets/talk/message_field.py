"""The field to type in: one line at first, growing upward with what is typed, with the recording it is about."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.qt import override
from app.widgets.controls import icons, theme
from app.widgets.controls.buttons import IconButton, PaintedButton, draw_focus, pen
from app.widgets.controls.edit_menu import open_edit_menu
from app.widgets.controls.labels import ElidedLabel
from app.widgets.controls.scroll_bar import use_thin_bar

LEAST, MOST = 40, 160  # its height
_PADDING = 10
_LINE = 20
_RAISED = 2  # a line of fixed height has its words a little below its middle
_EDITOR_LEFT, _EDITOR_RIGHT = 42, 40
_ABOUT = 28  # the row that says what it is about


class MessageField(QTextEdit):
    """What is typed. Return sends it, Shift-Return makes a line; every other key is the text's own."""

    sent = Signal(str)
    lines_changed = Signal()

    def __init__(self, placeholder: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._box = parent
        self.setAcceptRichText(False)
        self.setFont(theme.font())
        self._placeholder = placeholder
        self.setAccessibleName(placeholder)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.setCursorWidth(2)
        use_thin_bar(self)
        self._clear_base()
        self._space_lines()
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self.lines_changed.emit())

    def _space_lines(self) -> None:
        """New lines keep the height of those before; a text that was set again has lost it."""
        spaced = QTextBlockFormat()
        spaced.setLineHeight(_LINE, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        self.document().setUndoRedoEnabled(False)  # nothing that a person did
        whole = QTextCursor(self.document())
        whole.select(QTextCursor.SelectionType.Document)
        whole.setBlockFormat(spaced)
        self.document().setUndoRedoEnabled(True)

    @override
    def setPlainText(self, text: str) -> None:
        super().setPlainText(text)
        self._space_lines()

    @override
    def clear(self) -> None:
        super().clear()
        self._space_lines()

    def _clear_base(self) -> None:
        palette, clear = self.palette(), QColor(0, 0, 0, 0)
        if palette.color(QPalette.ColorRole.Base) != clear:
            palette.setColor(QPalette.ColorRole.Base, clear)
            self.setPalette(palette)

    def text(self) -> str:
        """What is typed."""
        return self.toPlainText()

    @property
    def untouched(self) -> bool:
        """Whether nothing is typed, nor on its way from an input method."""
        composing = self.textCursor().block().layout().preeditAreaText()
        return self.document().isEmpty() and not composing

    @property
    def lines(self) -> int:
        """How many lines it takes, long ones broken."""
        return max(round(self.document().size().height() / _LINE), 1)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self.send()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.untouched:  # Qt's own placeholder stands on another line than what is typed
            painter, place = QPainter(self.viewport()), QRectF(self.cursorRect())
            painter.setFont(self.font())
            painter.setPen(theme.colours(self).second)
            room = QRectF(place.left(), 0, self.viewport().width() - place.left(), _LINE + 2 * _RAISED)
            words = self.fontMetrics().elidedText(self._placeholder, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), words)

    def send(self) -> None:
        """Say what is typed, and be empty."""
        if text := self.text().strip():
            self.clear()
            self.sent.emit(text)

    def give_back(self, text: str) -> None:
        """What was sent cannot be asked: have it here again, before what was typed since."""
        typed = self.text()
        self.setPlainText(f"{text}\n{typed}" if typed else text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._box.update()

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._box.update()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._clear_base()

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        open_edit_menu(self, event.globalPos())


class SendButton(PaintedButton):
    """A disc with an arrow, there while something is typed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("Send"))
        self.setToolTip(self.tr("Send"))

    @override
    def sizeHint(self) -> QSize:
        return QSize(28, 28)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(values.accent_fill.darker(108) if self.underMouse() else values.accent_fill)
        painter.drawEllipse(QRectF(self.rect()))
        icons.draw(painter, "arrow_up", QRectF(6, 6, 16, 16), values.on_accent)
        if self.keyboard_focus():
            draw_focus(painter, QRectF(self.rect()).adjusted(2, 2, -2, -2), 12, values.on_accent)


class MessageBox(QWidget):
    """The drawn box around the field, with the paperclip, what it is about, and the button to send."""

    height_changed = Signal()
    file_wanted = Signal()
    attachment_removed = Signal()

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._attach = IconButton("paperclip", self.tr("Ask about a recording…"), parent=self)
        self._attach.clicked.connect(self.file_wanted)
        self._about = ElidedLabel("", "second", parent=self)
        self._remove = IconButton("close", self.tr("Do not ask about this recording"), 20, self)
        self._remove.clicked.connect(self.attachment_removed)
        self.field = MessageField(placeholder, self)
        self.send = SendButton(self)
        self.send.clicked.connect(self.field.send)
        self.field.lines_changed.connect(self.height_changed)
        self.field.textChanged.connect(lambda: self.send.setVisible(bool(self.field.text().strip())))
        self.send.hide()
        self.set_attachment("")

    def set_attachment(self, name: str) -> None:
        """Show which recording the next question is about; "" for none."""
        self._about.setText(self.tr("About {name}").format(name=name) if name else "")
        self._about.setVisible(bool(name))
        self._remove.setVisible(bool(name))
        self._arrange()
        self.height_changed.emit()

    @property
    def tab_order(self) -> list[QWidget]:
        """What the Tab key reaches in it, in the order of reading."""
        return [self._remove, self._attach, self.field, self.send]

    @property
    def attachment(self) -> str:
        """What it says it is about; "" when there is nothing."""
        return self._about.text()

    @property
    def wanted_height(self) -> int:
        """Its height for what is typed: it grows, then it scrolls."""
        about = _ABOUT if self.attachment else 0
        return min(max((self.field.lines + 1) * _LINE, LEAST) + about, MOST)

    def _arrange(self) -> None:
        width, height = self.width(), self.height()
        top = _PADDING + (_ABOUT if self.attachment else 0)
        foot = height - LEAST
        self._attach.setGeometry(8, foot + 6, 28, 28)
        self.send.setGeometry(width - 34, foot + 6, 28, 28)
        words = QRect(_EDITOR_LEFT, top - _RAISED, width - _EDITOR_LEFT - _EDITOR_RIGHT, height - top - _PADDING)
        self.field.setGeometry(words.adjusted(0, 0, 0, _RAISED + 2))
        room = width - _EDITOR_LEFT - _EDITOR_RIGHT - 24
        about = min(self._about.fontMetrics().horizontalAdvance(self._about.text()) + 2, room)
        self._about.setGeometry(_EDITOR_LEFT, 8, about, 20)
        self._remove.setGeometry(_EDITOR_LEFT + about + 4, 8, 20, 20)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.field.hasFocus()
        edge = 1.0 if focused else 0.5
        painter.setPen(pen(values.accent, 2.0) if focused else pen(values.field_line))
        painter.setBrush(values.raised)
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.drawRoundedRect(box, theme.FIELD_RADIUS, theme.FIELD_RADIUS)
