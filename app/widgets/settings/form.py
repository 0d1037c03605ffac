"""Rows of a settings page: a heading, then words on the left and a control on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QSpinBox, QVBoxLayout, QWidget

from app.shown import Choice
from app.widgets.controls import theme
from app.widgets.controls.check_box import WORDS_LEFT, CheckBox
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar

WORDS_WIDTH = 150


class SettingsPage(QScrollArea):
    """A page that scrolls when its rows need more room."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        use_thin_bar(self)
        self.setFrameShape(self.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(title)
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(24, 20, 24, 20)
        self.column.setSpacing(10)
        self.setWidget(inner)
        self.column.addWidget(Label(title, weight=600, size_px=theme.ANSWER_PX))
        self.column.addSpacing(4)

    def note(self, text: str, tone: str = "second") -> Label:
        """A sentence across the page."""
        label = Label(text, tone, size_px=theme.SMALL_PX + 0.5, wrap=True)
        self.column.addWidget(label)
        return label

    def heading(self, text: str) -> None:
        """A small heading over the rows that follow."""
        self.column.addSpacing(8)
        self.column.addWidget(Label(text, "second", weight=600, size_px=theme.SMALL_PX))

    def row(self, words: str, *controls: QWidget, hint: str = "") -> None:
        """Words and their controls, with a hint in small letters below."""
        line = QHBoxLayout()
        line.setSpacing(10)
        label = Label(words, wrap=True)
        label.setFixedWidth(WORDS_WIDTH)
        line.addWidget(label)
        for control in controls:
            if not control.accessibleName():
                control.setAccessibleName(words)
            line.addWidget(control)
        line.addStretch(1)
        pair = QVBoxLayout()
        pair.setSpacing(3)
        pair.addLayout(line)
        if hint:
            self._hint(pair, hint, WORDS_WIDTH + 10)
        self.column.addLayout(pair)

    def check(self, words: str, hint: str, on_change: Callable[[bool], None]) -> CheckBox:
        """A switch with its words beside it."""
        box = CheckBox(words)
        box.setAccessibleName(words)
        box.setAccessibleDescription(hint)
        box.toggled.connect(on_change)
        pair = QVBoxLayout()
        pair.setSpacing(3)
        pair.addWidget(box)
        if hint:
            self._hint(pair, hint, WORDS_LEFT)
        self.column.addLayout(pair)
        return box

    def _hint(self, column: QVBoxLayout, hint: str, indent: int) -> None:
        label = Label(hint, "second", size_px=theme.SMALL_PX, wrap=True)
        label.setContentsMargins(indent, 0, 0, 0)
        column.addWidget(label)
        column.addSpacing(4)

    def end(self) -> None:
        """Push the rows to the top; call after the last one."""
        self.column.addStretch(1)


class ChoiceBox(QComboBox):
    """A menu of choices that speaks only when the user picks."""

    def __init__(self, on_pick: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(250)
        self.setMaximumWidth(330)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(lambda number: on_pick(str(self.itemData(number))))

    def show_choices(self, choices: Sequence[Choice], current: str) -> None:
        """Offer these; the current one is shown, and added when it is not among them (a device that is away)."""
        offered = [(choice.words, choice.value) for choice in choices]
        if current and current not in [value for _, value in offered]:
            offered.append((self.tr("{name} (not connected)").format(name=current), current))
        with QSignalBlocker(self):
            if offered != [(self.itemText(row), self.itemData(row)) for row in range(self.count())]:
                self.clear()
                for words, value in offered:
                    self.addItem(words, value)
            place = max(self.findData(current), 0)
            if place != self.currentIndex():  # else an open menu would lose the line that is marked in it
                self.setCurrentIndex(place)


def show_number(box: QSpinBox, value: int) -> None:
    """Show a number; says nothing, and leaves what is being typed unless the number is another one."""
    if value != box.value():
        with QSignalBlocker(box):
            box.setValue(value)


def number_box(low: int, high: int, step: int, suffix: str, on_change: Callable[[int], None]) -> QSpinBox:
    """A number with its unit."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setSingleStep(step)
    box.setSuffix(suffix)
    box.setMinimumWidth(110)
    box.setKeyboardTracking(False)
    box.valueChanged.connect(on_change)
    return box
