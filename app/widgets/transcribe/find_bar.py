"""Finding words in a transcript, and putting others in their place."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, TextButton
from app.widgets.controls.fields import Field
from app.widgets.controls.labels import Label
from app.widgets.controls.search_field import SearchField

_WIDTH, _STEP = 226, 22


class FindField(SearchField):
    """Return goes to the next place, Shift-Return to the one before. Where there is none, it says so itself."""

    next_wanted = Signal()
    previous_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Find"), parent)
        self.setFixedWidth(_WIDTH)
        self._count = Label("", "second", size_px=theme.SMALL_PX, tabular=True, parent=self)
        self._count.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.before = IconButton("chevron_left", self.tr("Previous"), size=_STEP, parent=self)
        self.after = IconButton("chevron", self.tr("Next"), size=_STEP, parent=self)
        self.before.clicked.connect(self.previous_wanted)
        self.after.clicked.connect(self.next_wanted)
        self.show_count(0, 0)

    def show_count(self, place: int, count: int) -> None:
        """Which of how many places one is at, from 1 on."""
        for each in (self.before, self.after):
            each.setVisible(count > 0)
        if not self.words:
            self._count.setText("")
        elif count:
            self._count.setText(self.tr("{place} of {count}").format(place=place, count=count))
        else:
            self._count.setText(self.tr("Not found"))
        self.setAccessibleDescription(self._count.text())
        self._place_parts()

    @property
    def count_words(self) -> str:
        """What it says of the places."""
        return self._count.text()

    def _place_parts(self) -> None:
        right, middle = self.width() - 4, self.height() // 2
        for each in (self.after, self.before):
            if not each.isHidden():
                right -= _STEP
                each.setGeometry(right, middle - _STEP // 2, _STEP, _STEP)
        size = self._count.sizeHint()
        right -= size.width() + 4
        self._count.setGeometry(right, middle - size.height() // 2, size.width(), size.height())
        margins = self.textMargins()
        self.setTextMargins(margins.left(), 0, self.width() - right + 4, 0)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_parts()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            (self.previous_wanted if back else self.next_wanted).emit()
        else:
            super().keyPressEvent(event)


class ReplaceBar(QWidget):
    """Under the header, while words are to be replaced."""

    replace_wanted = Signal(str)
    replace_all_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR_HEIGHT)
        self.field = Field(self.tr("Replace with"))
        self.field.returnPressed.connect(lambda: self.replace_wanted.emit(self.field.text()))
        self.one = TextButton(self.tr("Replace"))
        self.all = TextButton(self.tr("Replace All"))
        self.close_button = IconButton("close", self.tr("Close"))
        self.one.clicked.connect(lambda: self.replace_wanted.emit(self.field.text()))
        self.all.clicked.connect(lambda: self.replace_all_wanted.emit(self.field.text()))
        self.close_button.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 0, 16, 1)
        row.setSpacing(12)
        row.addWidget(self.field, 1)
        for each in (self.one, self.all, self.close_button):
            row.addWidget(each)
        self.hide()

    def offer(self, found: bool) -> None:
        """Whether there is something to be replaced."""
        self.one.setEnabled(found)
        self.all.setEnabled(found)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.colours(self).line)
