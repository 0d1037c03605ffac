"""The list of saved conversations and recordings: grouped by day, renamed in place, with found words marked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QDate,
    QLocale,
    QModelIndex,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QFrame,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.qt import override
from app.shown.talk import ConversationView
from app.shown.transcribe import RecordingView
from app.widgets.controls import theme
from app.widgets.controls.buttons import draw_focus
from app.widgets.controls.fields import Field
from app.widgets.controls.model_index import Index
from app.widgets.controls.scroll_bar import use_thin_bar

_PAGE = 200  # conversations that are laid out at once
HIT_START, HIT_END = "\x02", "\x03"
EXPORTS = ("md", "json", "folder")  # what a conversation can be written as
Entry = ConversationView | RecordingView


@dataclass(frozen=True)
class _Heading:
    words: str


def _identity(row: Entry | _Heading) -> tuple[str, bool]:
    """What a row stands for, and whether it is a high one."""
    return (row.words, False) if isinstance(row, _Heading) else (row.key, bool(row.snippet))


class ConversationListModel(QAbstractListModel):
    """Entries, newest first, with a heading before each group of days; found ones with one before each kind."""

    renamed = Signal(str, str)
    recording_renamed = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names_of_presets: Mapping[str, str] = {}  # of those that are worth a mention
        self._conversations: Sequence[Entry] = ()
        self._rows: list[Entry | _Heading] = []  # of as many conversations as were scrolled to
        self._in_rows = 0
        self._today = dt.date.today()
        self._found = False

    def show(self, conversations: Sequence[Entry], today: dt.date, *, found: bool = False) -> bool:
        """Show these, in the order given; `found` ones are of a search. Returns whether rows moved."""
        self._today, self._conversations, self._found = today, conversations, found
        self._in_rows = min(max(self._in_rows, _PAGE), len(conversations))
        rows = self._laid_out(conversations[: self._in_rows])
        if [_identity(row) for row in rows] == [_identity(row) for row in self._rows]:
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return False
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()
        return True

    def _laid_out(self, conversations: Sequence[Entry], group: str = "") -> list[Entry | _Heading]:
        rows: list[Entry | _Heading] = []
        for each in conversations:
            if (found := self._group_of(each)) != group:
                group = found
                rows.append(_Heading(group))
            rows.append(each)
        return rows

    @override
    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._in_rows < len(self._conversations)

    @override
    def fetchMore(self, parent: Index) -> None:
        more = self._conversations[self._in_rows : self._in_rows + _PAGE]
        last = self._conversations[self._in_rows - 1]
        rows = self._laid_out(more, self._group_of(last))
        self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(rows) - 1)
        self._rows += rows
        self._in_rows += len(more)
        self.endInsertRows()

    def _group_of(self, entry: Entry) -> str:
        if not self._found:
            return self._group(entry.when, self._today)
        return self.tr("Conversations") if isinstance(entry, ConversationView) else self.tr("Recordings")

    def _group(self, when: float, today: dt.date) -> str:
        day = dt.datetime.fromtimestamp(when).date()
        age = (today - day).days
        if age <= 0:
            return self.tr("Today")
        if age == 1:
            return self.tr("Yesterday")
        if age < 7:
            return self.tr("Last seven days")
        if age < 31:
            return self.tr("Last thirty days")
        return self.tr("Earlier")

    def at(self, index: Index) -> Entry | None:
        """The entry at an index; None on a heading."""
        row = self._rows[index.row()] if index.isValid() else None
        return None if isinstance(row, _Heading) else row

    def index_of(self, key: str) -> QModelIndex:
        """Where a conversation is; an invalid index when it is not shown."""
        place = next((place for place, each in enumerate(self._conversations) if each.key == key), -1)
        while place >= self._in_rows:
            self.fetchMore(QModelIndex())
        for number, row in enumerate(self._rows):
            if not isinstance(row, _Heading) and row.key == key:
                return self.index(number)
        return QModelIndex()

    def subtitle(self, row: Entry) -> str:
        """The line under the title."""
        if isinstance(row, RecordingView):
            return row.about
        turns = self.tr("%n turn(s)", "", row.turns)
        return f"{self._when(row.when)} · {self.names_of_presets.get(row.preset, turns)}"

    def _when(self, when: float) -> str:
        """The time, the day of the week, or the date: what tells it apart from others under the same heading."""
        moment = dt.datetime.fromtimestamp(when)
        age = (self._today - moment.date()).days
        if age <= 1:
            return moment.strftime("%H:%M")
        if age < 7:
            return QLocale().dayName(moment.isoweekday())
        return QLocale().toString(QDate(moment.year, moment.month, moment.day), QLocale.FormatType.ShortFormat)

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    @override
    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.at(index) is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._rows[index.row()]
        if isinstance(row, _Heading):
            return row.words if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self.title(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.title(row)}, {self.subtitle(row)}"
        return None

    def title(self, row: ConversationView | RecordingView) -> str:
        """Its name; one whose first words are not written yet is new."""
        return row.title or self.tr("New conversation")

    @override
    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row, title = self.at(index), str(value).strip()
        if row is None or not title or title == row.title:
            return False
        (self.renamed if isinstance(row, ConversationView) else self.recording_renamed).emit(row.key, title)
        return True


class ConversationDelegate(QStyledItemDelegate):
    """Paints headings and conversations, and edits a title in place."""

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        model = index.model()
        assert isinstance(model, ConversationListModel)
        row = model.at(index)
        if row is None:
            return QSize(100, theme.SINGLE_ROW)
        return QSize(100, 66 if row.snippet else theme.ROW)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model, widget = index.model(), option.widget
        assert isinstance(model, ConversationListModel)
        values = theme.colours(widget)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = model.at(index)
        if row is None:
            self._paint_heading(painter, option.rect, index.data(), values)
        else:
            self._paint_row(painter, option, model, row)
        painter.restore()

    def _paint_heading(self, painter: QPainter, rect: QRect, words: str, values: theme.Colours) -> None:
        painter.setFont(theme.font(theme.SMALL_PX, 600))
        painter.setPen(values.second)
        box = QRectF(rect).adjusted(20, 0, -12, -6)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom), words)

    def _paint_row(
        self, painter: QPainter, option: QStyleOptionViewItem, model: ConversationListModel, row: Entry
    ) -> None:
        values = theme.colours(option.widget)
        box = QRectF(option.rect).adjusted(8, 0, -8, 0)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(values.accent_soft if selected else values.groove)
            painter.drawRoundedRect(box, 8, 8)
        if option.state & QStyle.StateFlag.State_HasFocus and option.state & QStyle.StateFlag.State_KeyboardFocusChange:
            draw_focus(painter, box, 8, values.accent)
        inner = box.adjusted(12, 6, -12, -6)
        painter.setFont(theme.font(theme.TEXT_PX, 500))
        painter.setPen(values.text)
        title = QFontMetricsF(painter.font()).elidedText(model.title(row), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(QPointF(inner.left(), inner.top() + 13), title)
        painter.setFont(theme.font(theme.SMALL_PX, tabular=True))
        painter.setPen(values.second)
        if row.snippet:
            self._paint_snippet(painter, inner.adjusted(0, 20, 0, 0), row.snippet, values)
        else:
            painter.drawText(QPointF(inner.left(), inner.top() + 31), model.subtitle(row))

    def _paint_snippet(self, painter: QPainter, box: QRectF, snippet: str, values: theme.Colours) -> None:
        """Up to two lines, found words in full strength on a soft ground."""
        metrics, x, line = QFontMetricsF(painter.font()), box.left(), 0
        for hit, piece in snippet_pieces(snippet):
            width = metrics.horizontalAdvance(piece)
            if x + width > box.right() and x > box.left():
                x, line = box.left(), line + 1
                piece = piece.lstrip()
            if line > 1:
                return
            place = QRectF(x, box.top() + line * 15, width, 15)
            if hit and piece.strip():
                painter.fillRect(place, values.accent_soft)
            painter.setPen(values.accent_text if hit else values.second)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip), piece)
            x += width

    @override
    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = Field(self.tr("New name"), height=24, radius=5, parent=parent)
        editor.setFont(theme.font(theme.TEXT_PX, 500))
        return editor

    @override
    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(option.rect.adjusted(14, 2, -14, -26))


def export_words(kind: str) -> str:
    """What one of EXPORTS is called in a menu."""
    translate = QCoreApplication.translate
    return {
        "md": translate("Exports", "Markdown…"),
        "json": translate("Exports", "JSON…"),
        "folder": translate("Exports", "Folder with Sound…"),
    }[kind]


def snippet_pieces(snippet: str) -> list[tuple[bool, str]]:
    """Words of a snippet, each with whether it was searched for; Chinese breaks at every character."""
    pieces: list[tuple[bool, str]] = []
    hit, word = False, ""
    for character in snippet:
        if character in (HIT_START, HIT_END):
            pieces.append((hit, word))
            hit, word = character == HIT_START, ""
        elif character.isspace() or ord(character) > 0x2E80:
            pieces.append((hit, word + (" " if character.isspace() else character)))
            word = ""
        else:
            word += character
    pieces.append((hit, word))
    return [(hit, word) for hit, word in pieces if word]


class ConversationList(QListView):
    """The saved conversations, and recordings. Says which one is wanted, renamed or to be deleted."""

    opened = Signal(str)
    renamed = Signal(str, str)
    recording_renamed = Signal(str, str)
    delete_requested = Signal(str)
    export_requested = Signal(str, str)  # which one, and as which of EXPORTS
    recording_opened = Signal(str)
    recording_removed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Saved conversations"))
        use_thin_bar(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.viewport().setAutoFillBackground(False)
        self._model = ConversationListModel(self)
        self._model.renamed.connect(self.renamed)
        self._model.recording_renamed.connect(self.recording_renamed)
        self._marked = ""
        self._later: tuple[Sequence[Entry], str, bool] | None = None  # to be shown once no name is being typed
        self.setModel(self._model)
        self.setItemDelegate(ConversationDelegate(self))
        self.clicked.connect(self._on_opened)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    def name_presets(self, names: Mapping[str, str]) -> None:
        """What those are called that are mentioned in the list."""
        self._model.names_of_presets = names

    def show_entries(self, entries: Sequence[Entry], current: str, *, found: bool = False) -> None:
        """Show these and mark the open one; while a name is being typed, as soon as it is typed."""
        if self.state() == QAbstractItemView.State.EditingState:
            self._later = entries, current, found
            return
        self._later = None
        place, stays = self.verticalScrollBar().value(), self._marked == current
        moved = self._model.show(entries, dt.date.today(), found=found)
        self.mark(current)
        if moved and stays:
            self.doItemsLayout()
            self.verticalScrollBar().setValue(place)  # whoever looks through the list is not taken back to its top

    @override
    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        following = (QAbstractItemDelegate.EndEditHint.EditNextItem, QAbstractItemDelegate.EndEditHint.EditPreviousItem)
        # Tab ends the renaming: the next name, Qt would find in the same row again.
        super().closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint if hint in following else hint)
        if self._later is not None:
            entries, current, found = self._later
            self.show_entries(entries, current, found=found)

    def edit_current(self) -> None:
        """Rename what is marked in place."""
        if self.currentIndex().isValid():
            self.edit(self.currentIndex())

    def _edit(self, key: str) -> None:
        """Rename an entry, wherever it stands by now."""
        index = self._model.index_of(key)
        if index.isValid():
            self.edit(index)

    def mark(self, key: str) -> None:
        """Mark the open conversation."""
        self._marked, index = key, self._model.index_of(key)
        if index != self.currentIndex():
            self.setCurrentIndex(index)

    def _on_scrolled(self, value: int) -> None:
        """Qt lays out more only where the scroll bar is its own."""
        near_end = value >= self.verticalScrollBar().maximum() - self.viewport().height()
        if near_end and self._model.canFetchMore(QModelIndex()):
            self._model.fetchMore(QModelIndex())

    def _on_opened(self, index: QModelIndex) -> None:
        row = self._model.at(index)
        if row is not None:
            (self.opened if isinstance(row, ConversationView) else self.recording_opened).emit(row.key)

    def _remove(self, row: Entry) -> None:
        (self.delete_requested if isinstance(row, ConversationView) else self.recording_removed).emit(row.key)

    def _on_menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        row = self._model.at(index)
        if row is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Open"), lambda: self._on_opened(self._model.index_of(row.key)))
        menu.addAction(self.tr("Rename"), lambda: self._edit(row.key))
        if isinstance(row, ConversationView):
            self._add_exports(menu, row.key)
        menu.addSeparator()
        menu.addAction(self.tr("Delete"), lambda: self._remove(row))
        menu.popup(self.viewport().mapToGlobal(at))

    def _add_exports(self, menu: QMenu, key: str) -> None:
        exports = menu.addMenu(self.tr("Export"))
        for kind in EXPORTS:
            exports.addAction(export_words(kind), partial(self.export_requested.emit, key, kind))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self._model.at(self.currentIndex())
        if self.state() == QAbstractItemView.State.EditingState:
            super().keyPressEvent(event)  # Return ended it, and opens nothing
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and row is not None:
            self._remove(row)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2):
            self.edit_current()  # Qt's own keys differ: only on a Mac, Return would rename
        elif event.key() == Qt.Key.Key_Space:
            self.clicked.emit(self.currentIndex())  # as any control that was reached by Tab
        else:
            super().keyPressEvent(event)
