"""All keys to look up: those of the menus, read from the menus, and those that are in no menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout

from app.widgets.controls import theme
from app.widgets.controls.labels import Label
from app.widgets.settings.form import SettingsPage

Rows = Sequence[tuple[str, str]]  # keys, what they do
_KEYS_WIDTH = 150


def keys(*sequences: str) -> str:
    """Keys as the system writes them."""
    return " ".join(QKeySequence(each).toString(QKeySequence.SequenceFormat.NativeText) for each in sequences)


class ShortcutsPage(SettingsPage):
    """One list under each heading."""

    def __init__(self) -> None:
        super().__init__(self.tr("Shortcuts"))
        self.rows: list[tuple[str, str]] = []
        self._add(self.tr("Keyboard"), self._without_menu())

    def show_commands(self, menus: Sequence[tuple[str, Rows]]) -> None:
        """Add what stands in the menus, once."""
        for title, rows in menus:
            self._add(title, rows)
        self.end()

    def _add(self, title: str, rows: Rows) -> None:
        self.column.addWidget(Label(title, weight=600))
        grid = QGridLayout()
        grid.setContentsMargins(0, 2, 0, 14)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, _KEYS_WIDTH)
        grid.setColumnStretch(1, 1)
        for number, (sequence, words) in enumerate(rows):
            grid.addWidget(Label(sequence, "second", weight=500), number, 0)
            grid.addWidget(Label(words, wrap=True, size_px=theme.TEXT_PX), number, 1)
        self.column.addLayout(grid)
        self.rows += rows

    def _without_menu(self) -> Rows:
        return [
            (self.tr("Hold Space"), self.tr("Talk. On a control reached by Tab, Space presses it")),
            (keys("Space"), self.tr("On the page of a transcript: play and pause")),
            (self.tr("Any letter"), self.tr("Starts a message, wherever you are on Talk")),
            (keys("Return", "Shift+Return"), self.tr("Send or save; a new line")),
            (keys("Esc"), self.tr("Close, discard, stop or leave, one after the other")),
            (keys("Up", "Down"), self.tr("In the conversation: from turn to turn")),
            (keys("Left", "Right"), self.tr("Versions of a turn; in a transcript 5 seconds")),
            (keys("Alt+Left", "Alt+Right"), self.tr("In a transcript: from segment to segment")),
            (keys("Return"), self.tr("In a list: rename; on a segment: edit")),
            (keys("Ctrl+Backspace"), self.tr("Remove the row that has the keyboard")),
            (keys("Tab", "Shift+Tab"), self.tr("Every control, in reading order")),
        ]
