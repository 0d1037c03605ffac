"""Rows of a settings page: a heading, then words on the left and a control on the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.shown.settings import SettingsView
from app.widgets.controls import theme
from app.widgets.controls.check_box import WORDS_LEFT, CheckBox
from app.widgets.controls.labels import Label
from app.widgets.controls.scroll_bar import use_thin_bar

WORDS_WIDTH = 170


class SettingsPage(QScrollArea):
    """A page that scrolls when its rows need more room. Its title stands over it, in the window's header."""

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
        self.column.setContentsMargins(24, 16, 24, 24)
        self.column.setSpacing(8)
        self.setWidget(inner)

    def show_settings(self, view: SettingsView) -> None:
        """Show these values; says nothing."""

    def note(self, text: str, tone: str = "second") -> Label:
        """A sentence across the page."""
        label = Label(text, tone, size_px=theme.SMALL_PX + 0.5, wrap=True)
        self.column.addWidget(label)
        return label

    def heading(self, text: str) -> Label:
        """A small heading over the rows that follow."""
        label = Label(text, "second", weight=600, size_px=theme.SMALL_PX + 0.5)
        label.setContentsMargins(0, 12, 0, 0)
        self.column.addWidget(label)
        return label

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
        holder = QWidget()
        pair = QVBoxLayout(holder)
        pair.setContentsMargins(0, 0, 0, 0)
        pair.setSpacing(3)
        pair.addWidget(box)
        if hint:
            self._hint(pair, hint, WORDS_LEFT)
        self.column.addWidget(holder)
        return box

    def offer(self, box: CheckBox, offered: bool) -> None:
        """Show a switch with its hint, or hide both."""
        holder = box.parentWidget()
        assert holder is not None
        holder.setVisible(offered)

    def _hint(self, column: QVBoxLayout, hint: str, indent: int) -> None:
        label = Label(hint, "second", size_px=theme.SMALL_PX, wrap=True)
        label.setContentsMargins(indent, 0, 0, 0)
        column.addWidget(label)
        column.addSpacing(4)

    def end(self) -> None:
        """Push the rows to the top; call after the last one."""
        self.column.addStretch(1)
