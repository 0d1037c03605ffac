"""The segments of a recording: a list that stays light with ten thousand of them, edited in place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListView, QMenu, QWidget

from app.qt import override
from app.shown.transcribe import JobView
from app.widgets.controls import theme
from app.widgets.controls.model_index import Index
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.transcribe.segment_editors import EDITOR_PADDING, EditorFrame, NameEditor, SegmentEditor
from app.widgets.transcribe.segment_layout import Metrics, SegmentLayout
from app.widgets.transcribe.segment_model import Hit, SegmentModel
from app.widgets.transcribe.segment_painter import BELOW, RIGHT, TEXT_LEFT, Look, Part, SegmentPainter

MARGIN = 6  # above the first and below the last
HINT = 26  # under what is edited
_COLUMN = theme.COLUMN_WIDTH + 2 * 24
_WHEEL_PX = 72


class SegmentList(QListView):
    """A click on a time goes there, on a name renames who speaks; a double click on words edits and never plays."""

    seek_wanted = Signal(int)
    edited = Signal(int, str)
    speaker_named = Signal(str, str)  # label, name
    scrolled_by_hand = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Segments"))
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.viewport().setMouseTracking(True)
        self._segments = SegmentModel(self)
        self._layout = SegmentLayout(Metrics(theme.font(theme.ANSWER_PX)))
        self._painter = SegmentPainter(self._segments, self._layout)
        self._under: tuple[int, Part | None] = (-1, None)
        self._frame: EditorFrame | None = None
        self._edited_row = -1
        self._name: NameEditor | None = None
        self._by_keyboard = False
        self.setModel(self._segments)
        self.verticalScrollBar().sliderMoved.connect(lambda _value: self.scrolled_by_hand.emit())

    @property
    def segments(self) -> SegmentModel:
        """What is shown."""
        return self._segments

    def show_job(self, job: JobView) -> None:
        """Show the segments of a recording; whoever reads or edits stays where they are."""
        self._segments.show(job)
        self._reflow()

    def show_hit(self, now: Hit | None) -> None:
        """Bring what was looked for into sight; None for nothing."""
        self._segments.hit_now = now
        self.viewport().update()
        if now is not None:
            self.scrollTo(self._segments.index(now.row))

    def show_playing(self, row: int | None, follow: bool) -> None:
        """Which one sounds; it comes into sight where that is wanted."""
        begins = row is not None and row != self._segments.playing
        self._segments.set_playing(row)
        if begins and follow and self._frame is None and row is not None:
            self.scrollTo(self._segments.index(row))

    # Where the rows are.

    def _column(self) -> QRectF:
        width = min(self.viewport().width(), _COLUMN)
        return QRectF((self.viewport().width() - width) // 2, 0, width, 0)

    def _box(self, row: int) -> QRectF:
        column, top = self._column(), MARGIN + self._layout.top(row) - self.verticalScrollBar().value()
        return QRectF(column.left(), top, column.width(), self._layout.height_of(row))

    def _reflow(self) -> None:
        """The width, or what is around the words, may be another one."""
        self._layout.reflow(self._painter.text_width(self._column().width()), self._painter.around)
        self._settle()

    def _settle(self) -> None:
        """Measure what is in sight; what is being read stays where it is."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        if self._segments.rowCount():
            row = self._layout.row_at(bar.value() - MARGIN)
            offset = bar.value() - self._layout.top(row)
            moved = self._layout.measure(row, height + 200)
            if moved and bar.value() > 0:
                self._range(height)
                with QSignalBlocker(bar):
                    bar.setValue(round(self._layout.top(row) + offset))
        self._range(height)
        self._place_editors()
        self.viewport().update()

    def _range(self, height: int) -> None:
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, round(self._layout.height) + 2 * MARGIN - height))
        bar.setPageStep(height)
        bar.setSingleStep(24)

    @override
    def visualRect(self, index: Index) -> QRect:
        return self._box(index.row()).toRect() if index.isValid() else QRect()

    @override
    def indexAt(self, at: QPoint) -> QModelIndex:
        y = at.y() + self.verticalScrollBar().value() - MARGIN
        if not self._segments.rowCount() or not 0 <= y < self._layout.height:
            return QModelIndex()
        return self._segments.index(self._layout.row_at(y))

    @override
    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Where it is not in sight, a third from the top."""
        if not index.isValid():
            return
        bar, height = self.verticalScrollBar(), self.viewport().height()
        self._layout.measure(index.row(), height)
        self._range(height)
        top = self._layout.top(index.row()) + MARGIN
        if not bar.value() + 8 <= top <= top + self._layout.height_of(index.row()) <= bar.value() + height - 24:
            bar.setValue(round(top - height / 3))
            self._settle()

    @override
    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    @override
    def horizontalOffset(self) -> int:
        return 0

    @override
    def isIndexHidden(self, index: Index) -> bool:
        return False

    @override
    def visualRegionForSelection(self, selection: object) -> QRegion:
        return QRegion()

    @override
    def setSelection(self, rect: QRect, command: object) -> None:
        pass  # rows are gone to, not selected

    @override
    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: object) -> QModelIndex:
        move = QAbstractItemView.CursorAction
        row, last = self.currentIndex().row(), self._segments.rowCount() - 1
        page = max(1, self.viewport().height() // 90)
        steps = {move.MoveUp: -1, move.MovePrevious: -1, move.MoveDown: 1, move.MoveNext: 1}
        steps |= {move.MovePageUp: -page, move.MovePageDown: page, move.MoveHome: -last - 1, move.MoveEnd: last + 1}
        return self._segments.index(min(max(row + steps.get(action, 0), 0), last)) if last >= 0 else QModelIndex()

    @override
    def doItemsLayout(self) -> None:
        self._layout.show([segment.text for segment in self._segments.segments])
        self._reflow()

    @override
    def updateGeometries(self) -> None:
        self._range(self.viewport().height())

    @override
    def reset(self) -> None:
        self._close_editors()
        self._under = (-1, None)
        super().reset()
        self.verticalScrollBar().setValue(0)
        self.doItemsLayout()

    @override
    def rowsInserted(self, parent: Index, start: int, end: int) -> None:
        self._layout.append([self._segments.segments[row].text for row in range(start, end + 1)])
        self._settle()

    @override
    def dataChanged(self, top_left: Index, bottom_right: Index, roles: Sequence[int] = ()) -> None:
        if Qt.ItemDataRole.DecorationRole not in roles:
            for row in range(top_left.row(), bottom_right.row() + 1):
                self._layout.change(row, self._segments.segments[row].text)
            self._settle()
        self.viewport().update()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._reflow()
        self._fit_editor()

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._settle()

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels = event.pixelDelta().y() or event.angleDelta().y() * _WHEEL_PX // 120
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() - pixels)
        self.scrolled_by_hand.emit()
        event.accept()

    # Painting.

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self.viewport()), theme.colours(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rows = self._segments.rowCount()
        row = self._layout.row_at(self.verticalScrollBar().value() - MARGIN) if rows else 0
        while row < rows and (box := self._box(row)).top() < self.viewport().height():
            self._painter.paint(painter, box, row, self._look(row), values)
            if row == self._edited_row and self._frame is not None:
                self._paint_hint(painter, values)
            row += 1

    def _look(self, row: int) -> Look:
        under, part = self._under
        ring = self.hasFocus() and self._by_keyboard and self.currentIndex().row() == row and self._frame is None
        edited = row == self._edited_row
        return Look(row == self._segments.playing, row == under, part if row == under else None, ring, edited)

    def _paint_hint(self, painter: QPainter, values: theme.Colours) -> None:
        assert self._frame is not None
        box = QRectF(self._frame.geometry())
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(values.second)
        words = self.tr("Return saves  ·  Shift-Return new line  ·  Esc leaves it as it was")
        painter.drawText(box.translated(EDITOR_PADDING, box.height() + 6).adjusted(0, 0, 0, -20), 0, words)

    # Editing.

    def edit_row(self, row: int) -> None:
        """Let the words of a segment be typed."""
        self._close_editors()
        if not 0 <= row < self._segments.rowCount():
            return
        self.setCurrentIndex(self._segments.index(row))
        self.scrollTo(self._segments.index(row))
        editor = SegmentEditor(self._segments.segments[row].text, self.viewport())
        editor.saved.connect(lambda text: self._on_saved(row, text))
        editor.left.connect(self._close_editors)
        editor.textChanged.connect(self._fit_editor)
        self._frame, self._edited_row = EditorFrame(editor, self.viewport()), row
        self._fit_editor()
        self._frame.show()
        editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit_editor(self) -> None:
        if self._frame is not None:
            height = self._frame.editor.height_for(self._editor_width())
            around = self._painter.above + self._painter.head + height - EDITOR_PADDING // 2 + HINT + BELOW
            self._layout.set_extra(self._edited_row, around)
            self._settle()

    def _editor_width(self) -> int:
        return round(self._column().width() - TEXT_LEFT - RIGHT + 2 * EDITOR_PADDING)

    def _place_editors(self) -> None:
        if self._frame is not None:
            at = self._painter.words_at(self._box(self._edited_row))
            height = self._frame.editor.height_for(self._editor_width())
            left, top = round(at.x()) - EDITOR_PADDING, round(at.y()) - EDITOR_PADDING // 2 + 3
            self._frame.setGeometry(left, top, self._editor_width(), height)
        if self._name is not None:
            box = self._painter.name_box(self._box(self._name.property("row")), self._name.property("row"))
            self._name.setGeometry(round(box.left()) + 20, round(box.top()) - 2, 200, 24)

    def _on_saved(self, row: int, text: str) -> None:
        self._close_editors()
        self.edited.emit(row, text)

    def _close_editors(self) -> None:
        had = any(each is not None and each.hasFocus() for each in (self._name, self._frame and self._frame.editor))
        for each in (self._frame, self._name):
            if each is not None:
                each.hide()
                each.deleteLater()
        self._frame = self._name = None
        self._edited_row = -1
        self._layout.set_extra(-1, 0.0)
        self._settle()
        if had:
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    def name_speaker(self, row: int) -> None:
        """Let the name of who speaks in a segment be typed."""
        self._close_editors()
        label = self._segments.segments[row].speaker
        if not label:
            return
        self._name = NameEditor(self._segments.speaker(row)[0], self.viewport())
        self._name.setProperty("row", row)
        self._name.saved.connect(lambda name: self._on_named(label, name))
        self._name.left.connect(self._close_editors)
        self._place_editors()
        self._name.show()
        self._name.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_named(self, label: str, name: str) -> None:
        self._close_editors()
        self.speaker_named.emit(label, name)

    @property
    def editing(self) -> bool:
        """Whether something is being typed here."""
        return self._frame is not None or self._name is not None

    # Mouse and keys.

    def _part_at(self, at: QPoint) -> tuple[int, Part | None]:
        index = self.indexAt(at)
        if not index.isValid():
            return -1, None
        return index.row(), self._painter.part_at(self._box(index.row()), index.row(), at)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        row, part = self._part_at(event.position().toPoint())
        self._by_keyboard = False
        if row < 0:
            return
        if event.button() == Qt.MouseButton.RightButton:
            self._open_menu(row, event.globalPosition().toPoint())
            return
        self.setCurrentIndex(self._segments.index(row))
        if part is Part.TIME:
            self.seek_wanted.emit(row)
        elif part is Part.NAME:
            self.name_speaker(row)
        elif part is Part.EDIT:
            self.edit_row(row)
        elif part is Part.MORE:
            self._open_menu(row, event.globalPosition().toPoint())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row, part = self._part_at(event.position().toPoint())
        if part is Part.WORDS:
            self.edit_row(row)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        under = self._part_at(event.position().toPoint())
        if under != self._under:
            self._under = under
            hand = under[1] in (Part.TIME, Part.NAME, Part.EDIT, Part.MORE)
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)
            self.viewport().update()

    @override
    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._under = (-1, None)
            self.viewport().update()
        return super().viewportEvent(event)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        self._by_keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self._segments.rowCount():
            self.setCurrentIndex(self.indexAt(QPoint(0, MARGIN + 1)))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2) and row >= 0:
            self.edit_row(row)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown) and not (
            event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        ):
            self._by_keyboard = True
            super().keyPressEvent(event)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            super().keyPressEvent(event)
        else:
            event.ignore()  # the page's: Space plays, arrows go back and forth

    def copy_text(self) -> None:
        """Put the words of the segment that one is at on the clipboard."""
        if self.currentIndex().isValid():
            QGuiApplication.clipboard().setText(self.currentIndex().data())

    def _open_menu(self, row: int, at: QPoint) -> None:
        self.setCurrentIndex(self._segments.index(row))
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Play from here"), lambda: self.seek_wanted.emit(row))
        menu.addAction(self.tr("Edit"), lambda: self.edit_row(row))
        menu.addAction(self.tr("Copy"), self.copy_text)
        if self._segments.segments[row].speaker:
            menu.addSeparator()
            menu.addAction(self.tr("Rename speaker…"), lambda: self.name_speaker(row))
        menu.popup(at)
