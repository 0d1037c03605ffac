"""The sidebar: which page, search, saved conversations, and the status line, which is always true."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, SegmentedSwitch
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.controls.search_field import SearchField
from app.widgets.frame.conversation_list import ConversationList, Entry
from app.widgets.frame.queue_button import QueueButton, RowButton


class _Dot(QWidget):
    """A small dot whose colour says whether all is well."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(8, 16)
        self.tone = "good"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(getattr(theme.colours(self), self.tone))
        painter.drawEllipse(QPointF(4, 8), 3.5, 3.5)


class StatusLine(QWidget):
    """Which model, how much memory, and what leaves this Mac."""

    told = Signal(str, str, str)
    LEAST = 56

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._dot = _Dot()
        self._first = ElidedLabel("", "second", size_px=theme.SMALL_PX)
        self._second = Label("", "second", size_px=theme.SMALL_PX, wrap=True)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._dot)
        top.addWidget(self._first, 1)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(20, 11, 4, 11)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._second)
        self._task = ElidedLabel("", "second", size_px=theme.SMALL_PX, tabular=True)
        self._task.hide()
        column.addWidget(self._task)

    def show_task(self, words: str) -> None:
        """What is done meanwhile, "Downloading … · 38 %"; "" for nothing."""
        self._task.setText(words)
        self._task.setVisible(bool(words))
        self._fit()

    @property
    def task(self) -> str:
        """What is done meanwhile; "" for nothing."""
        return self._task.text()

    def show_status(self, first: str, second: str, *, tone: str = "good") -> None:
        """Two lines and whether all is well ("good"), something is under way ("second") or wrong ("trouble")."""
        self._first.setText(first)
        self._second.setText(second)
        self._dot.tone = tone
        self._dot.update()
        self.setAccessibleName(f"{first}. {second}")
        self._fit()
        self.told.emit(first, second, tone)

    def _fit(self) -> None:
        """As high as both lines need: what is true is never cut."""
        self.setFixedHeight(max(self._column.heightForWidth(self.width()), self.LEAST))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()

    @property
    def text(self) -> str:
        """Both lines."""
        return f"{self._first.text()}\n{self._second.text()}"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, 0, self.width(), 1), theme.colours(self).line)


class StatusFoot(QWidget):
    """The same in one line under the page, while the sidebar is not beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._dot = _Dot()
        self._first = ElidedLabel("", "second", size_px=theme.SMALL_PX)
        self._second = ElidedLabel("", "second", size_px=theme.SMALL_PX)
        self._second.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 1, 24, 0)
        row.setSpacing(6)
        row.addWidget(self._dot)
        row.addWidget(self._first, 1)
        row.addWidget(self._second, 2)
        self.setFixedHeight(28)
        self.hide()

    def show_status(self, first: str, second: str, tone: str) -> None:
        """Which model, and what leaves this Mac."""
        self._first.setText(first)
        self._second.setText(second)
        self._dot.tone = tone
        self._dot.update()
        self.setAccessibleName(f"{first}. {second}")

    @property
    def text(self) -> str:
        """Both parts."""
        return f"{self._first.text()}\n{self._second.text()}"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, 0, self.width(), 1), theme.colours(self).line)


class Sidebar(QWidget):
    """Everything left of the page."""

    page_chosen = Signal(int)
    searched = Signal(str)
    new_requested = Signal()
    queue_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(theme.SIDEBAR_WIDTH)
        self.hide_button = IconButton("sidebar", self.tr("Hide Sidebar"), keys="Meta+Ctrl+S")
        self.pages = SegmentedSwitch([self.tr("Talk"), self.tr("Transcribe")], self.tr("Page"))
        self.pages.chosen.connect(self.page_chosen)
        self.search = SearchField(self.tr("Search everything said"))
        self.search.setClearButtonEnabled(True)
        self.search.words_changed.connect(self.searched)
        self.new = RowButton("plus", self.tr("New conversation"))
        self.new.clicked.connect(self.new_requested)
        self.queue = QueueButton()
        self.queue.clicked.connect(self.queue_requested)
        self.conversations = ConversationList()
        self._nothing = Label("", "second", size_px=theme.SMALL_PX, wrap=True)
        self._nothing.setContentsMargins(20, 12, 8, 0)
        self.status = StatusLine()
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(0, 8, -6, 0)
        top.addStretch(1)
        top.addWidget(self.hide_button)
        head = QVBoxLayout()
        head.setContentsMargins(12, 0, 12, 4)
        head.setSpacing(8)
        head.addLayout(top)
        head.addWidget(self.pages)
        head.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 1, 0)
        column.setSpacing(0)
        rows = QVBoxLayout()
        rows.setContentsMargins(8, 4, 8, 0)  # as wide as what is marked in the list below
        rows.addWidget(self.new)
        rows.addWidget(self.queue)
        column.addLayout(head)
        column.addLayout(rows)
        column.addWidget(self._nothing)
        column.addWidget(self.conversations, 1)
        column.addWidget(self.status)

    @property
    def message(self) -> str:
        """What is said in place of an empty list; "" when there is something to list."""
        return "" if self._nothing.isHidden() else self._nothing.text()

    def show_kind(self, *, recordings: bool) -> None:
        """Whether the list is about recordings, or about conversations."""
        self.new.setVisible(not recordings)
        self.queue.setVisible(recordings)

    def show_entries(
        self, entries: Sequence[Entry], current: str, searched: str = "", *, empty: str = "", known: bool = True
    ) -> None:
        """List what is saved, or what a search found. `empty` says what will be listed; nothing is said of a search
        whose answer is not `known` yet.
        """
        self.conversations.show_entries(entries, current, found=bool(searched))
        nothing = self.tr("Nothing was said with “{words}”.").format(words=searched) if searched and known else ""
        self._nothing.setText(nothing if searched else empty)
        self._nothing.setVisible(not entries and bool(self._nothing.text()))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.fillRect(self.rect(), values.sidebar)
        painter.fillRect(QRectF(self.width() - 1, 0, 1, self.height()), values.line)
