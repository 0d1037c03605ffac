"""Shows one countdown of each timer: in the card that set it while that is in sight, otherwise in the header."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QMenu

from app.shown.talk import TimerView, ToolView
from app.widgets.frame.header import menu_words
from app.widgets.frame.window import TALK, Window
from app.widgets.talk.timer_chip import countdown
from app.widgets.talk.tool_words import timer_set_by
from app.widgets.talk.turn_actions import TurnAction

if TYPE_CHECKING:
    from app.controller import Controller

_TICK_MS = 250


class TimerBinding(QObject):
    """Counts down as long as a timer runs."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window, self._controller = window, controller
        self._clock = QTimer(self, interval=_TICK_MS)
        self._clock.timeout.connect(self._show)
        controller.timers_changed.connect(self._on_changed)
        window.header.timer.clicked.connect(self._offer)
        window.conversation.act.connect(self._on_act)
        self._on_changed()

    def _on_changed(self) -> None:
        if self._controller.timers:
            self._clock.start()
        else:
            self._clock.stop()
        self._show()

    def _find(self, tool: ToolView) -> TimerView | None:
        timer = timer_set_by(tool)
        if timer is None:
            return None
        return next((each for each in self._controller.timers if _same_as(each) == timer.is_one_of), None)

    def _left_of(self, tool: ToolView) -> int | None:
        timer = self._find(tool)
        return _left(timer) if timer is not None else None

    def _show(self) -> None:
        window, timers = self._window, self._controller.timers
        window.conversation.count_down(self._left_of)
        seen = window.conversation.tools_in_sight() if window.page == TALK and not window.shows_welcome else []
        in_cards = {timer.number for tool in seen if (timer := self._find(tool)) is not None}
        first = next((timer for timer in timers if timer.number not in in_cards), None)
        window.header.show_timer(_left(first) if first is not None else None, first.label if first is not None else "")

    def _offer(self) -> None:
        """Every timer, to be cancelled."""
        menu = QMenu(self._window)
        menu.aboutToHide.connect(menu.deleteLater)
        for timer in self._controller.timers:
            name = menu_words(timer.label) or self.tr("Timer")
            words = self.tr("Cancel {name} ({time})").format(name=name, time=countdown(_left(timer)))
            cancel = partial(self._controller.cancel_timer, timer.number)
            menu.addAction(words).triggered.connect(lambda _checked=False, cancel=cancel: cancel())
        chip = self._window.header.timer
        menu.popup(chip.mapToGlobal(QPoint(0, chip.height() + 4)))

    def _on_act(self, key: str, action: TurnAction, value: object) -> None:
        if action is TurnAction.CANCEL_TIMER:
            turn = next(turn for turn in self._window.conversation.turns if turn.key == key)
            if (timer := self._find(turn.tools[int(str(value))])) is not None:
                self._controller.cancel_timer(timer.number)


def _left(timer: TimerView) -> int:
    return max(round(timer.rings_at - time.time()), 0)


def _same_as(timer: TimerView) -> tuple[int, str]:
    return timer.number, f"{datetime.fromtimestamp(timer.rings_at):%H:%M:%S}"
