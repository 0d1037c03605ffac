"""Rings when a timer is over, as soon as nobody talks."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.audio.microphone import Microphone
from app.shown import State
from app.talk.notices import Notices
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine
from engine.resources import resource


class TimerBell(QObject):
    """`rang` may be emitted on any thread."""

    rang = Signal(str)  # what the timer is for, or ""

    def __init__(self, machine: StateMachine, notices: Notices, replayer: Replayer, microphone: Microphone) -> None:
        super().__init__()
        self._machine, self._notices, self._replayer, self._microphone = machine, notices, replayer, microphone
        self._due = False
        self.rang.connect(self._on_rang)

    def _on_rang(self, label: str) -> None:
        name = self.tr("Timer “{label}”").format(label=label) if label else self.tr("The timer")
        self._notices.say(self.tr("{name} rings.").format(name=name))
        self._due = True

    def poll(self) -> None:
        """Ring once whatever goes on is over; called about 30 times a second."""
        if self._due and self._machine.state is State.IDLE and not self._microphone.recording:
            self._due = False
            self._replayer.play(resource("sounds", "timer.wav"))
