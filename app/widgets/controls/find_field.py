"""The field that finds words on the page in front."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton
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
