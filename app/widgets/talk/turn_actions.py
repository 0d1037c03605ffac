"""What can be done with a turn: the icons under it, and the menu that holds the rest."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from app.qt import override
from app.shown.talk import TurnState, TurnView
from app.translations import sentence
from app.widgets.controls import theme
from app.widgets.controls.buttons import IconButton
from app.widgets.talk.version_switch import VersionSwitch

SPEEDS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
LIVE = (
    TurnState.LISTENING,
    TurnState.WAITING,
    TurnState.THINKING,
    TurnState.ANSWERING,
    TurnState.SPEAKING,
)


class TurnAction(Enum):
    """What a person can ask of a turn."""

    PLAY = "play"
    STOP = "stop"
    PAUSE = "pause"  # or go on
    PLAY_QUESTION = "play_question"  # with the share of it to begin at
    SPEED = "speed"  # with the speed
    COPY = "copy"
    SAVE = "save"
    VOICE = "voice"
    EDIT = "edit"
    AGAIN = "again"
    RETRY = "retry"
    DELETE = "delete"
    VERSION = "version"  # with how many further
    SKIP_THINKING = "skip_thinking"
    FOLD = "fold"  # with whether the thinking is folded
    ALLOW = "allow"  # the tool that asks
    ALLOW_ALWAYS = "allow_always"
    REFUSE = "refuse"
    OPEN_TOOL = "open_tool"  # with the number of its card
    CANCEL_TIMER = "cancel_timer"  # likewise


class Dragged(Enum):
    """What can be dragged out of a turn."""

    QUESTION_SOUND = "question_sound"
    ANSWER_SOUND = "answer_sound"
    ANSWER = "answer"  # its words


Choose = Callable[[TurnAction, object], object]


def offered_actions(turn: TurnView) -> list[TurnAction]:
    """What this turn allows, in the order of its menu."""
    live = turn.state in LIVE
    sounds = turn.state is TurnState.SPEAKING
    rules = {
        TurnAction.PAUSE: sounds,
        TurnAction.STOP: sounds,
        TurnAction.PLAY: turn.has_sound and not sounds,
        TurnAction.COPY: bool(turn.answer or turn.unspoken),
        TurnAction.AGAIN: (sounds or not live) and not turn.problem,
        TurnAction.SPEED: turn.has_sound,
        TurnAction.VOICE: bool(turn.answer) and not live,
        TurnAction.SAVE: turn.has_sound and not live,
        TurnAction.EDIT: not live,
        TurnAction.DELETE: not live,
    }
    return [action for action, offered in rules.items() if offered]


class _ActionIcon(IconButton):
    """Seen while its turn is in use; it can be reached by the keyboard in any case."""

    awake = True

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.awake or self.hasFocus():
            super().paintEvent(event)


class ActionRow(QWidget):
    """Icons under an answer, with its figures. Its room is kept free, so that hovering moves nothing."""

    chosen = Signal(TurnAction, object)
    HEIGHT = theme.ICON_BUTTON

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turn = TurnView("")
        self.versions = VersionSwitch(self)
        self.versions.stepped.connect(lambda step: self.chosen.emit(TurnAction.VERSION, step))
        self._icons = {
            TurnAction.PAUSE: _ActionIcon("pause", sentence("Pause"), parent=self),
            TurnAction.PLAY: _ActionIcon("play", self.tr("Play"), parent=self),
            TurnAction.COPY: _ActionIcon("copy", self.tr("Copy"), parent=self),
            TurnAction.AGAIN: _ActionIcon("again", self.tr("Ask again"), parent=self),
        }
        self.more = _ActionIcon("more", self.tr("More actions"), parent=self)
        self.more.clicked.connect(self._open_menu)
        for action, icon in self._icons.items():
            icon.clicked.connect(lambda _checked=False, a=action: self.chosen.emit(a, None))
        self._awake = False
        self.badge = ""
        self.note = ""

    def show_turn(self, turn: TurnView, note: str = "", *, last: bool = False) -> None:
        """Offer what this turn allows; `note` says how it ended. The keys of the last turn are in the tips."""
        self._turn, self.note = turn, note
        self.versions.show_version(turn.version, turn.versions)
        offered = offered_actions(turn)
        for action, icon in self._icons.items():
            icon.setVisible(action in offered)
        pause = self._icons[TurnAction.PAUSE]
        pause.set_icon("play" if turn.paused else "pause")
        pause.set_name(_words(turn)[TurnAction.PAUSE], "Ctrl+Alt+P" if last else "")
        self._icons[TurnAction.AGAIN].set_name(self.tr("Ask again"), "Ctrl+R" if last else "")
        self._icons[TurnAction.PLAY].set_name(self.tr("Play"), "Ctrl+Alt+P" if last else "")
        self.more.setVisible(bool(set(offered) - set(self._icons)))
        self.badge = self._figures(turn)
        self.setAccessibleDescription(self.badge)
        self._arrange()
        self.update()

    def _figures(self, turn: TurnView) -> str:
        parts = []
        if turn.first_text_s is not None:
            parts.append(self.tr("text {seconds} s").format(seconds=f"{turn.first_text_s:.1f}"))
        if turn.first_sound_s is not None:
            parts.append(self.tr("sound {seconds} s").format(seconds=f"{turn.first_sound_s:.1f}"))
        return " · ".join(parts)

    @property
    def icons(self) -> list[IconButton]:
        """Those offered for this turn, from the left."""
        return [icon for icon in (*self._icons.values(), self.more) if not icon.isHidden()]

    def icon_of(self, action: TurnAction) -> IconButton:
        """The icon for an action."""
        return self._icons[action]

    @property
    def awake(self) -> bool:
        """Whether the icons are seen."""
        return self._awake

    def set_awake(self, awake: bool) -> None:
        """Show the icons and the figures, because the turn is in use."""
        if awake != self._awake:
            self._awake = awake
            self.update()
        for icon in (*self._icons.values(), self.more):
            if icon.awake != awake:
                icon.awake = awake
                icon.update()

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        fill_menu(menu, self._turn, self.chosen.emit, without=set(self._icons))
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))

    def _arrange(self) -> None:
        left = -4
        if not self.versions.isHidden():
            size = self.versions.sizeHint()
            self.versions.setGeometry(left, (self.HEIGHT - size.height()) // 2, size.width(), size.height())
            left += size.width() + 8
        else:
            left = -6
        for icon in self.icons:
            icon.setGeometry(left, 0, self.HEIGHT, self.HEIGHT)
            left += self.HEIGHT
        self._left = left

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PX, tabular=True))
        painter.setPen(theme.colours(self).second)
        middle, box = Qt.AlignmentFlag.AlignVCenter, QRectF(self.rect())
        words = self.note or self.badge
        wide = painter.fontMetrics().horizontalAdvance(words)
        if self._awake:
            if wide <= self.width() - self._left - 8:
                painter.drawText(box, int(middle | Qt.AlignmentFlag.AlignRight), words)
        elif self.note:
            left = self.versions.width() + 8 if not self.versions.isHidden() else 0
            painter.drawText(box.adjusted(left, 0, 0, 0), int(middle | Qt.AlignmentFlag.AlignLeft), self.note)


def fill_menu(menu: QMenu, turn: TurnView, choose: Choose, without: set[TurnAction] | None = None) -> None:
    """What can be done with a turn, as a menu."""
    words = _words(turn)
    for action in offered_actions(turn):
        if action in (without or ()):
            continue
        if action in (TurnAction.SPEED, TurnAction.DELETE) and not menu.isEmpty():
            menu.addSeparator()
        if action is TurnAction.SPEED:
            _add_speeds(menu.addMenu(words[action]), turn, choose)
        else:
            menu.addAction(words[action]).triggered.connect(partial(_choose, choose, action))


def _choose(choose: Choose, action: TurnAction, _checked: bool = False) -> None:
    choose(action, None)


def _words(turn: TurnView) -> dict[TurnAction, str]:
    return {
        TurnAction.PAUSE: sentence("Resume") if turn.paused else sentence("Pause"),
        TurnAction.STOP: sentence("Stop"),
        TurnAction.PLAY: sentence("Play"),
        TurnAction.COPY: sentence("Copy"),
        TurnAction.AGAIN: sentence("Ask again"),
        TurnAction.SPEED: sentence("Speed"),
        TurnAction.VOICE: sentence("Speak with another voice…"),
        TurnAction.SAVE: sentence("Save as sound…"),
        TurnAction.EDIT: sentence("Edit question"),
        TurnAction.DELETE: sentence("Delete turn"),
    }


def _add_speeds(menu: QMenu, turn: TurnView, choose: Choose) -> None:
    for speed in SPEEDS:
        action = menu.addAction(f"{speed:g}×" if speed != 1.0 else "1.0×")
        action.setCheckable(True)
        action.setChecked(speed == turn.speed)
        action.triggered.connect(lambda _checked=False, s=speed: choose(TurnAction.SPEED, s))
