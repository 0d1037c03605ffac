"""The bar over the page: what this is, which preset answers, in which voice."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QAction, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from app.qt import override
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton, MenuButton
from app.widgets.controls.labels import ElidedLabel, Label
from app.widgets.talk.timer_chip import TimerChip, countdown

_LIGHTS = 64  # the window's own buttons on a Mac
_ABOUT_NEEDS_PX = 720  # narrower, the room is the title's


def menu_words(name: str) -> str:
    """A name as a menu shows it: in menus one ampersand only underlines what follows it."""
    return name.replace("&", "&&")


class MenuPill(MenuButton):
    """A quiet word that opens a menu of choices."""

    picked = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._name = name
        self._menu = QMenu(self)
        self._words = self._shown = ""
        self._is_short = False
        self.clicked.connect(self._open)

    @property
    def menu_of_choices(self) -> QMenu:
        """The menu, to add to."""
        return self._menu

    def show_choices(self, choices: Sequence[tuple[str, str]], current: str, text: str = "{choice}") -> None:
        """Offer (key, words) pairs; the current one is checked and shown on the button by `text`."""
        self._menu.clear()
        for key, words in choices:
            action = self._menu.addAction(menu_words(words))
            action.setCheckable(True)
            action.setChecked(key == current)
            action.triggered.connect(lambda _checked=False, k=key: self.picked.emit(k))
        shown = dict(choices).get(current, current)
        self._words, self._shown = text.format(choice=shown), shown
        self._show_words()
        self.setAccessibleName(f"{self._name}: {shown}")
        self.setEnabled(bool(choices))

    def set_short(self, short: bool) -> None:
        """Show only the choice, where there is little room."""
        self._is_short = short
        self._show_words()

    def show_words(self, words: str) -> None:
        """Show these words in place of the choice."""
        self._words = self._shown = words
        self._show_words()

    def _show_words(self) -> None:
        self.setText(self._shown if self._is_short else self._words)
        self.setShortcut(QKeySequence())  # else an ampersand in a name would make one
        self.updateGeometry()

    def add_command(self, action: QAction) -> None:
        """A command under the choices."""
        self._menu.addSeparator()
        self._menu.addAction(action)
        self.setEnabled(True)

    def _open(self) -> None:
        self._menu.popup(self.mapToGlobal(self.rect().bottomLeft()))


class RecordingChip(TimerChip):
    """How long something has been recorded for the queue, on pages that do not show it; leads to the one that does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, sign="microphone")
        self.setAccessibleName(self.tr("Recording, show it"))
        self.setToolTip(self.tr("Recording, show it"))

    def show_seconds(self, seconds: float) -> None:
        """How long it is by now."""
        if (words := countdown(int(seconds))) != self.text():
            self.setText(words)
            self.updateGeometry()


class HeaderBar(QWidget):
    """Title on the left, menus on the right, a line below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(theme.BAR_HEIGHT)
        self._offers_state = False
        self._title = ElidedLabel("", weight=600, size_px=theme.TEXT_PX)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(24, 0, 18, 1)
        self._row.setSpacing(10)
        self.sidebar_button = IconButton("sidebar", self.tr("Show Sidebar"), keys="Meta+Ctrl+S")
        self.new_button = IconButton("plus", self.tr("New conversation"), keys="Ctrl+N")
        for button in (self.sidebar_button, self.new_button):
            button.hide()
            self._row.addWidget(button)
        self._row.addWidget(self._title)
        self._about = Label("", "second", size_px=theme.SMALL_PX + 0.5)
        self._row.addWidget(self._about)
        self._row.addStretch(1)
        self._state = Label("", "second", weight=600)
        self._state.hide()
        self._row.addWidget(self._state)
        self.timer = TimerChip(sign="timer")
        self.timer.hide()
        self._row.addWidget(self.timer)
        self.recording = RecordingChip()
        self.recording.hide()
        self._row.addWidget(self.recording)

    def add(self, widget: QWidget) -> None:
        """Put a control at the right end."""
        self._row.addWidget(widget)

    def show_sidebar_button(self, shown: bool) -> None:
        """Whether the way to the sidebar is here, because it is not in sight all the time."""
        self.sidebar_button.setVisible(shown)
        self.new_button.setVisible(shown)
        lights = _LIGHTS if shown and sys.platform == "darwin" else 0
        self._row.setContentsMargins((16 if shown else 24) + lights, 0, 18, 1)

    def show_timer(self, left_s: int | None, name: str) -> None:
        """Count down the timer that rings next; None for none."""
        self.timer.setVisible(left_s is not None)
        if left_s is not None:
            self.timer.show_time(left_s, name)

    def set_title(self, title: str, about: str = "") -> None:
        """Name what the page shows, and what is to be known about it."""
        self._title.setText(title)
        self._about.setText(about)
        self._show_about()

    def _show_about(self) -> None:
        self._about.setVisible(bool(self._about.text()) and self.width() >= _ABOUT_NEEDS_PX)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._show_about()

    def set_state(self, word: str, tone: str) -> None:
        """What the conversation is doing, for pages without the talk bar; "" when it does nothing."""
        self._state.setText(word)
        self._state.set_tone(tone)
        self._show_state()

    def offer_state(self, offered: bool) -> None:
        """Whether the page in front does not show by itself what the conversation is doing."""
        self._offers_state = offered
        self._show_state()

    def _show_state(self) -> None:
        self._state.setVisible(self._offers_state and bool(self._state.text()))

    @property
    def state(self) -> str:
        """What the conversation is doing, as far as it is shown here."""
        return "" if self._state.isHidden() else self._state.text()

    @property
    def title(self) -> str:
        """The name on the left."""
        return self._title.text()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), theme.colours(self).line)
