"""The manual: its pages on the left, the one that is read beside them, and a field that looks through all of them."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.labels import Label
from app.widgets.controls.page_list import PageList
from app.widgets.controls.scroll_bar import use_thin_bar
from app.widgets.controls.search_field import SearchField
from app.widgets.manual.pages import Page, read_pages
from app.widgets.manual.text import PageText

_LIST_WIDTH = 240
_ASIDE_PX, _ABOVE_PX, _BELOW_PX = 32, 28, 48


class _Search(SearchField):
    """Return goes on to the next place."""

    next_wanted = Signal()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.next_wanted.emit()
        else:
            super().keyPressEvent(event)


class _Reader(QScrollArea):
    """The page in a column of readable width."""

    def __init__(self, text: PageText) -> None:
        super().__init__()
        self._text = text
        use_thin_bar(self)
        self.setFrameShape(self.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inner = QWidget()
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(_ASIDE_PX, _ABOVE_PX, _ASIDE_PX, _BELOW_PX)
        column.addWidget(text, 0, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.setWidget(self._inner)

    def fit(self) -> None:
        """Give the text its width, and the height it needs then."""
        self._text.fit(min(theme.COLUMN_WIDTH, self.width() - 2 * _ASIDE_PX - 12))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def go_to(self, top: int) -> None:
        """Bring what stands so far below the text's top to the top of the view."""
        self._inner.adjustSize()
        self.verticalScrollBar().setValue(top + _ABOVE_PX - 20 if top else 0)


class ManualWindow(QWidget):
    """Earshot's help. It needs no network: the pages come with the app."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(self.tr("Earshot Help"))
        self.setMinimumSize(640, 420)
        self.resize(960, 760)
        self.pages = read_pages(QLocale().name())
        self._shown = self.pages[0]
        self._hit = 0
        self.search = _Search(self.tr("Search the manual"))
        self.search.setClearButtonEnabled(True)
        self.list = PageList(self.tr("Pages of the manual"), _LIST_WIDTH)
        self._nothing = Label(self.tr("Not found"), "second", size_px=theme.SMALL_PX)
        self.text = PageText()
        self.reader = _Reader(self.text)
        self._lay_out()
        self.list.currentRowChanged.connect(self._on_row)
        self.search.words_changed.connect(self._list_pages)
        self.search.next_wanted.connect(self._go_on)
        self.search.left.connect(self.reader.setFocus)
        self.text.page_wanted.connect(self.open_page)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self, self.close)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self, self.search.setFocus)
        QShortcut(QKeySequence(QKeySequence.StandardKey.FindNext), self, self._go_on)
        self._list_pages("")
        self.reader.setFocus()

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(12, 0, 12, 0)
        head.addWidget(self.search)
        self._nothing.setContentsMargins(20, 4, 8, 0)
        left = QVBoxLayout()
        left.setContentsMargins(0, 12, 1, 14)
        left.setSpacing(8)
        left.addLayout(head)
        left.addWidget(self._nothing)
        left.addWidget(self.list, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left)
        row.addWidget(self.reader, 1)

    @property
    def shown(self) -> Page:
        """The page that is read."""
        return self._shown

    def open_page(self, name: str, heading: str = "") -> None:
        """Show a page by its name, from a heading on. One that is not there is not gone to."""
        page = next((each for each in self.pages if each.name == name), None)
        if page is not None:
            self.search.clear()
            self._show(page)
            self.reader.go_to(self.text.top_of(heading))

    def _show(self, page: Page) -> None:
        self._shown = page
        self.text.show_page(page)
        self.list.mark(page.name)
        self.reader.fit()
        self.reader.go_to(0)
        self._show_hit(0)

    def _on_row(self, _number: int) -> None:
        name = self.list.current
        if name and name != self._shown.name:
            self._show(next(page for page in self.pages if page.name == name))

    def _found(self) -> list[Page]:
        words = self.search.words
        return [page for page in self.pages if not words or page.count(words)]

    def _list_pages(self, words: str) -> None:
        """List the pages that have these words, and show the one that is read, or else the first of them."""
        found = self._found()
        rows = [(page.name, page.title, str(page.count(words)) if words else "") for page in found]
        self.list.show_pages(rows)
        self._nothing.setVisible(not found)
        if found:
            self._show(self._shown if self._shown in found else found[0])

    def _go_on(self) -> None:
        """To the next place that has the words, on the next page after the last one of this."""
        found = self._found()
        if not self.search.words or not found:
            return
        if self._hit + 1 < self._shown.count(self.search.words):
            self._show_hit(self._hit + 1)
        else:
            place = found.index(self._shown) + 1 if self._shown in found else 0
            self._show(found[place % len(found)])

    def _show_hit(self, number: int) -> None:
        self._hit = number
        self.text.set_hits(self.search.words, number)
        if self.search.words:
            self.reader.go_to(max(self.text.hit_place().top() - 80, 0))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, values = QPainter(self), theme.colours(self)
        painter.fillRect(self.rect(), values.window)
        painter.fillRect(QRectF(0, 0, _LIST_WIDTH, self.height()), values.sidebar)
        painter.fillRect(QRectF(_LIST_WIDTH, 0, 1, self.height()), values.line)
