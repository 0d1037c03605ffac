"""The bubble of what is being said: there from the first sample until its turn takes its place."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, QTimer

from app.shown.talk import State, TurnState, TurnView
from app.widgets.controls import theme
from app.widgets.controls.waveform import MOST_BARS
from app.widgets.frame.window import Window

KEY = "being said"
_BAR_MS, _REDUCED_MS = 66, 100  # a bar each


class WhatIsSaid(QObject):
    """Shows the loudness and the seconds of what the microphone hears while somebody talks."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._levels: list[float] = []
        self._loudest = 0.0
        self._since = QElapsedTimer()
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._show)
        self._shown = False

    def take_level(self, level: float) -> None:
        """How loud it is now."""
        self._loudest = max(self._loudest, level)

    def follow(self, state: State, any_turns: bool) -> None:
        """The conversation is in this state; `any_turns` says whether it has some."""
        if state is State.LISTENING and not self._clock.isActive():
            self._levels = []
            self._since.start()
            self._clock.start(_BAR_MS if theme.motion_ms() else _REDUCED_MS)
            self._show()
        elif state is not State.LISTENING:
            self._clock.stop()
            if state is not State.THINKING:  # then its turn comes
                self._remove(any_turns)

    def make_room_for(self, turn: TurnView) -> None:
        """A new turn takes its place; what is being said by then comes after it."""
        if all(turn.key != each.key for each in self._window.conversation.turns):
            self._remove(True)

    def _show(self) -> None:
        self._levels = [*self._levels[-MOST_BARS:], self._loudest]
        self._loudest *= 0.5
        seconds = self._since.elapsed() / 1000
        self._shown = True
        self._window.show_empty(False)
        page = self._window.conversation
        page.set_turn(TurnView(KEY, TurnState.LISTENING, peaks=tuple(self._levels), seconds=seconds))

    def _remove(self, any_turns: bool) -> None:
        if self._shown:
            self._shown = False
            self._window.conversation.remove_turn(KEY)
            self._window.show_empty(not any_turns)
