"""Timers that run, whichever model set them, also without a window; they ring as soon as nobody talks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.audio.microphone import Microphone
from app.shown.talk import NoticeAction, State, TimerView
from app.talk.notices import Notices
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine
from engine.resources import resource

if TYPE_CHECKING:
    from engine.conversation.replying.tools.timers import RunningTimer, TimerService

_ONE_MORE_S = 60


class TimerClock(QObject):
    """Holds the service that the tools set timers with. Signals may come from any thread."""

    changed = Signal()
    rang = Signal(str)  # what the timer is for, or ""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._service: TimerService | None = None

    @property
    def service(self) -> TimerService:
        """The one service; made when it is wanted first, from any thread."""
        from engine.conversation.replying.tools.timers import TimerService

        with self._lock:
            if self._service is None:
                self._service = TimerService(lambda timer: self.rang.emit(timer.label), self.changed.emit)
            return self._service

    @property
    def running(self) -> tuple[RunningTimer, ...]:
        """Those still to ring, the next one first."""
        return self._service.running if self._service is not None else ()

    def close(self) -> None:
        """Stop all without ringing."""
        if self._service is not None:
            self._service.close()


class Timers(QObject):
    """What the window shows of the timers, and what it can do with them."""

    changed = Signal()
    rang = Signal()

    def __init__(
        self, clock: TimerClock, machine: StateMachine, notices: Notices, replayer: Replayer, microphone: Microphone
    ) -> None:
        super().__init__()
        self._clock, self._machine, self._notices = clock, machine, notices
        self._replayer, self._microphone = replayer, microphone
        self._due = False
        clock.rang.connect(self.ring)
        clock.changed.connect(self.changed)

    @property
    def running(self) -> tuple[TimerView, ...]:
        """Those still to ring, the next one first."""
        return tuple(TimerView(each.number, each.label, each.rings_at.timestamp()) for each in self._clock.running)

    def find(self, number: int) -> RunningTimer | None:
        """A timer that runs."""
        return next((each for each in self._clock.running if each.number == number), None)

    def cancel(self, timer: RunningTimer) -> None:
        """Do not let it ring; one that rang meanwhile is left alone."""
        if self.find(timer.number) is not None:
            self._clock.service.cancel(timer.number)

    def restore(self, timer: RunningTimer) -> None:
        """Let a cancelled one ring after all, when it would have."""
        self._clock.service.restore(timer)

    def ring(self, label: str) -> None:
        """A timer is over."""

        def more() -> None:
            self._machine.stop()
            self._clock.service.start(_ONE_MORE_S, label)

        self._notices.say(
            self.tr("{name}: time is up").format(name=label or self.tr("Timer")),
            action=NoticeAction.TIMER, help=self._machine.stop, other=more,
        )  # fmt: skip
        self._due = True
        self.rang.emit()

    def poll(self) -> None:
        """Ring once whatever goes on is over; called about 30 times a second."""
        if self._due and self._machine.state is State.IDLE and not self._microphone.recording:
            self._due = False
            self._replayer.play(resource("sounds", "timer.wav"))

    def close(self) -> None:
        """Stop all without ringing."""
        self._clock.close()
