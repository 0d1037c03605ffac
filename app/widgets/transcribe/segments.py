"""The segments of a transcribed recording: heard by a click, edited in place; any number of them stays light."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QGuiApplication, QKeyEvent, QPainter, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QMenu,
    QPlainTextEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.qt import override
from app.shown import SegmentView
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus
from app.widgets.controls.model_index import Index
from app.widgets.controls.scroll_bar import use_thin_bar

TEXT_LEFT = 110
ROW_PADDING = 7
MOST_HEIGHT = 368


def stamp(seconds: float, hours: bool = False) -> str:
    """A time as 00:07, or 1:02:07 where hours are needed."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{minutes}" if hours or whole >= 3600 else minutes


class SegmentModel(QAbstractListModel):
    """The segments and which of them sounds."""

    edited = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segments: tuple[SegmentView, ...] = ()
        self.playing: int | None = None

    def show(self, segments: Sequence[SegmentView], playing: int | None) -> None:
        """Show these; corrected texts and new ones at the end leave the screen where it is."""
        new, old = tuple(segments), self._segments
        if new[: len(old)] != old and [each.stretch for each in new[: len(old)]] != [each.stretch for each in old]:
            self.beginResetModel()
            self._segments = new
            self.endResetModel()
        elif new != old:
            self._take(new)
        if playing != self.playing:
            self.playing = playing
            if new:
                self.dataChanged.emit(self.index(0), self.index(len(new) - 1))

    def _take(self, new: tuple[SegmentView, ...]) -> None:
        """Take corrected texts, and segments that came at the end."""
        old = self._segments
        if len(new) > len(old):
            self.beginInsertRows(QModelIndex(), len(old), len(new) - 1)
            self._segments = (*old, *new[len(old) :])
            self.endInsertRows()
        self._segments = new
        for row, before in enumerate(old):
            if new[row] != before:
                self.dataChanged.emit(self.index(row), self.index(row))

    def at(self, row: int) -> SegmentView:
        """One segment."""
        return self._segments[row]

    def times(self, segment: SegmentView) -> str:
        """From when to when, as shown."""
        hours = bool(self._segments) and self._segments[-1].end_s >= 3600
        return f"{stamp(segment.start_s, hours)} – {stamp(segment.end_s, hours)}"

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._segments)

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        segment = self._segments[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return segment.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.times(segment)}: {segment.text}"
        return None

    @override
    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        text = str(value).strip()
        if text != self._segments[index.row()].text:
            self.edited.emit(index.row(), text)
        return True


class SegmentDelegate(QStyledItemDelegate):
    """Paints a time and a text, in accent colour while it sounds."""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        view = option.widget
        width = view.viewport().width() - TEXT_LEFT if isinstance(view, QListView) else 400
        metrics = QFontMetricsF(theme.font())
        box = metrics.boundingRect(QRectF(0, 0, max(width, 100), 10_000), int(Qt.TextFlag.TextWordWrap), index.data())
        return QSize(100, int(box.height() + 0.999) + 2 * ROW_PADDING + 1)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model = index.model()
        assert isinstance(model, SegmentModel)
        values = theme.colours(option.widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect)
        if index.row():
            painter.fillRect(QRectF(box.left(), box.top(), box.width(), 1), values.line)
        painter.setFont(theme.mono_font(theme.SMALL_PX))
        painter.setPen(values.second)
        top = int(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        painter.drawText(box.adjusted(0, ROW_PADDING + 1, 0, 0), top, model.times(model.at(index.row())))
        painter.setFont(theme.font())
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.setPen(values.accent_text if model.playing == index.row() or hover else values.text)
        text_box = box.adjusted(TEXT_LEFT, ROW_PADDING, 0, 0)
        painter.drawText(text_box, top | int(Qt.TextFlag.TextWordWrap), index.data())
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            draw_focus(painter, box.adjusted(0, 1, 0, 0), 5, values.accent)
        painter.restore()

    @override
    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QPlainTextEdit(parent)
        editor.setFont(theme.font())
        editor.setTabChangesFocus(True)
        editor.setAccessibleName(self.tr("Text of this segment"))
        return editor

    @override
    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QPlainTextEdit)
        if not editor.document().isModified():  # what is being typed is not replaced when a segment begins to sound
            editor.setPlainText(index.data())

    @override
    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, QPlainTextEdit)
        model.setData(index, editor.toPlainText())

    @override
    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        rect: QRect = option.rect
        editor.setGeometry(rect.adjusted(TEXT_LEFT - 8, 2, 0, 16))


class SegmentList(QListView):
    """Segments of one recording. A click plays one, a double click or F2 edits it."""

    played = Signal(int)
    edited = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Segments"))
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self._model = SegmentModel(self)
        self._model.edited.connect(self.edited)
        self.setModel(self._model)
        self.setItemDelegate(SegmentDelegate(self))
        self.clicked.connect(lambda index: self.played.emit(index.row()))

    def show_segments(self, segments: Sequence[SegmentView], playing: int | None) -> None:
        """Show these segments and which of them sounds."""
        begins = playing is not None and playing != self._model.playing
        self._model.show(segments, playing)
        self.updateGeometry()
        if begins and playing is not None:
            self.scrollTo(self._model.index(playing))

    @override
    def sizeHint(self) -> QSize:
        total, option = 0, QStyleOptionViewItem()
        self.initViewItemOption(option)
        option.widget = self
        for row in range(self._model.rowCount()):
            total += self.itemDelegate().sizeHint(option, self._model.index(row)).height()
            if total > MOST_HEIGHT:
                return QSize(100, MOST_HEIGHT)
        return QSize(100, total)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(100, self.sizeHint().height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            QTimer.singleShot(0, self, self.updateGeometry)  # a layout at work ignores new wishes

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        bar = self.verticalScrollBar()
        if bar.maximum() == 0:
            event.ignore()
        else:
            super().wheelEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.played.emit(self.currentIndex().row())
        elif event.key() == Qt.Key.Key_F2 and self.currentIndex().isValid():  # Qt's own key is another one on a Mac
            self.edit(self.currentIndex())
        elif event.key() == Qt.Key.Key_Space:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def copy_text(self) -> None:
        """Put the chosen segment's text on the clipboard."""
        if self.currentIndex().isValid():
            QGuiApplication.clipboard().setText(self.currentIndex().data())

    def _on_menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if not index.isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Play"), lambda: self.played.emit(index.row()))
        menu.addAction(self.tr("Edit"), lambda: self.edit(index))
        menu.popup(self.viewport().mapToGlobal(at))
