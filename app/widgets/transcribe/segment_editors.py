"""What is typed over a segment: its words, or the name of who speaks. Return saves, Esc leaves everything as it was."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QApplication, QFrame, QTextEdit, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import pen
from app.widgets.controls.edit_menu import open_edit_menu
from app.widgets.controls.fields import Field
from app.widgets.transcribe.segment_layout import LINE_PX

_SHIFT = Qt.KeyboardModifier.ShiftModifier
EDITOR_PADDING = 10  # left and right; half of it above and below


class _ClickElsewhere(QObject):
    """Says when the mouse is pressed outside a widget, as long as it is shown."""

    happened = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            assert isinstance(event, QMouseEvent)
            inside = self._widget.rect().contains(self._widget.mapFromGlobal(event.globalPosition().toPoint()))
            if not inside and watched.window() is self._widget.window():
                self.happened.emit()
        return False


class SegmentEditor(QTextEdit):
    """The words of a segment. `saved` tells them, `left` that nothing was changed; one of them comes once."""

    saved = Signal(str)
    left = Signal()

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAcceptRichText(False)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFont(theme.font(theme.ANSWER_PX))
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setViewportMargins(EDITOR_PADDING, EDITOR_PADDING // 2, EDITOR_PADDING, EDITOR_PADDING // 2)
        self.setAccessibleName(self.tr("Text of this segment"))
        self._before, self._over = text, False
        self.setPlainText(text)
        self._space_lines()
        self.document().setModified(False)
        self.document().clearUndoRedoStacks()
        self.moveCursor(QTextCursor.MoveOperation.End)
        _ClickElsewhere(self).happened.connect(self.save)

    def _space_lines(self) -> None:
        spaced = QTextBlockFormat()
        spaced.setLineHeight(LINE_PX, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spaced)

    def height_for(self, width: int) -> int:
        """How high it is with all its lines in sight."""
        self.document().setTextWidth(width - 2 * EDITOR_PADDING)
        return int(self.document().size().height() + 0.5) + EDITOR_PADDING

    def save(self) -> None:
        """It is done."""
        if not self._over:
            self._over = True
            text = self.toPlainText().strip()
            if text == self._before:
                self.left.emit()
            else:
                self.saved.emit(text)

    def leave(self) -> None:
        """Let everything be as it was."""
        if not self._over:
            self._over = True
            self.left.emit()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & _SHIFT:
            self.save()
        elif event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        self.save()
        return True

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        open_edit_menu(self, event.globalPos())


class EditorFrame(QWidget):
    """The one ring on the page: what is typed is in it."""

    def __init__(self, editor: SegmentEditor, parent: QWidget) -> None:
        super().__init__(parent)
        self.editor = editor
        editor.setParent(self)

    @override
    def resizeEvent(self, event: object) -> None:
        self.editor.setGeometry(self.rect())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen(values.accent, 2.0))
        painter.setBrush(values.raised)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.ROW_RADIUS, theme.ROW_RADIUS)


class NameEditor(Field):
    """The name of who speaks."""

    saved = Signal(str)
    left = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(self.tr("Name of this speaker"), height=24, radius=6, padding=4, parent=parent)
        self._over = False
        self.setText(name)
        self.selectAll()
        self.returnPressed.connect(self.save)
        _ClickElsewhere(self).happened.connect(self.save)

    def save(self) -> None:
        """It is done."""
        if not self._over:
            self._over = True
            self.saved.emit(self.text().strip())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._over = True
            self.left.emit()
        else:
            super().keyPressEvent(event)

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        self.save()
        return True
