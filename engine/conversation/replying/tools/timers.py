"""Timers that ring while the program runs. The service calls back from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.conversation.replying.tools.registry import Tool, ToolError, tool

log = logging.getLogger(__name__)

_MOST_TIMERS = 50
_MOST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class RunningTimer:
    """A timer that has not rung yet; `rings_at` is local time with its zone."""

    number: int
    label: str
    seconds: int
    rings_at: datetime


class TimerService:
    """Keeps timers and calls `on_ring(timer)` when one is due, from a background thread.

    `on_change()` follows every change of `running`. Both may be replaced at any time; errors in them are logged.
    """

    def __init__(
        self,
        on_ring: Callable[[RunningTimer], None] = lambda timer: None,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self.on_ring = on_ring
        self.on_change = on_change
        self._now = now
        self._lock = threading.Lock()
        self._next_number = 1
        self._running: dict[int, tuple[RunningTimer, threading.Timer]] = {}

    @property
    def running(self) -> tuple[RunningTimer, ...]:
        """Timers still to ring, the next one first."""
        with self._lock:
            return tuple(sorted((timer for timer, _ in self._running.values()), key=lambda timer: timer.rings_at))

    def start(self, seconds: int, label: str = "") -> RunningTimer:
        """Start a timer. Raises ToolError if it would ring at once, after more than a week, or there are too many."""
        if not 0 < seconds <= _MOST_SECONDS:
            raise ToolError("A timer can run for between one second and seven days.")
        with self._lock:
            if len(self._running) >= _MOST_TIMERS:
                raise ToolError("There are already {most} timers.", most=_MOST_TIMERS)
            number, self._next_number = self._next_number, self._next_number + 1
            timer = RunningTimer(number, label.strip()[:80], seconds, self._now() + timedelta(seconds=seconds))
            self._begin(timer, seconds)
        self._tell(self.on_change)
        return timer

    def _begin(self, timer: RunningTimer, seconds: float) -> None:
        thread = threading.Timer(seconds, self._ring, (timer.number,))
        thread.daemon = True
        self._running[timer.number] = (timer, thread)
        thread.start()

    def restore(self, timer: RunningTimer) -> None:
        """Let a cancelled timer ring when it would have, or at once when that is over."""
        with self._lock:
            if timer.number not in self._running:
                self._begin(timer, max((timer.rings_at - self._now()).total_seconds(), 0.0))
        self._tell(self.on_change)

    def cancel(self, number: int) -> RunningTimer:
        """Stop a timer before it rings. Raises ToolError if there is none of that number."""
        with self._lock:
            found = self._running.pop(number, None)
        if found is None:
            raise ToolError("There is no timer {number}.", number=number)
        found[1].cancel()
        self._tell(self.on_change)
        return found[0]

    def close(self) -> None:
        """Stop all timers without ringing."""
        with self._lock:
            running, self._running = self._running, {}
        for _, thread in running.values():
            thread.cancel()

    def _ring(self, number: int) -> None:
        with self._lock:
            found = self._running.pop(number, None)
        if found:
            self._tell(self.on_ring, found[0])
            self._tell(self.on_change)

    def _tell(self, callback: Callable[..., None], *values: RunningTimer) -> None:
        try:
            callback(*values)
        except Exception:  # a listener's mistake must not stop the other timers
            log.exception("a listener of the timers failed")

    def remaining_s(self, timer: RunningTimer) -> int:
        """Whole seconds until it rings, never below 0."""
        return max(0, round((timer.rings_at - self._now()).total_seconds()))


def timer_tools(service: TimerService) -> list[Tool]:
    """The tools set_timer, list_timers and cancel_timer on one service."""

    def set_timer(hours: int = 0, minutes: int = 0, seconds: int = 0, label: str = "") -> str:
        """Set a timer that rings after the given time.

        hours: hours to wait
        minutes: minutes to wait
        seconds: seconds to wait
        label: what the timer is for
        """
        timer = service.start(hours * 3600 + minutes * 60 + seconds, label)
        return f"{_name(timer)} set for {duration(timer.seconds)}; it rings at {timer.rings_at:%H:%M:%S}."

    def list_timers() -> str:
        """List the timers that are running."""
        lines = [f"{_name(timer)}: {duration(service.remaining_s(timer))} left." for timer in service.running]
        return " ".join(lines) or "No timer is running."

    def cancel_timer(number: int) -> str:
        """Cancel a running timer.

        number: the number of the timer
        """
        return f"{_name(service.cancel(number))} cancelled."

    return [tool(set_timer), tool(list_timers), tool(cancel_timer)]


def _name(timer: RunningTimer) -> str:
    return f"Timer {timer.number}" + (f" ({timer.label})" if timer.label else "")


def duration(seconds: int) -> str:
    """A duration in words: "1 hour 5 minutes", "30 seconds"."""
    hours, rest = divmod(seconds, 3600)
    parts = [(hours, "hour"), (rest // 60, "minute"), (rest % 60, "second")]
    words = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(words) or "0 seconds"
