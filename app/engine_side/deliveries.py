"""How what the engine's thread says reaches the GUI's: whatever grows is gathered, everything else comes at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_side.requests import Request
from engine.events import AnswerText, Progress, ThinkingText

GATHERED_MS = 66  # the page lays a growing answer out as often
LONGEST_MS = 240  # text still seems to flow: with the time that telling takes, four times a second
_SHARE = 0.006  # of the time, telling may take so much: it keeps the sender from working, and for longer than it takes

Tell = Callable[[Request, object], None]


class Deliveries(QObject):
    """Brings news to the thread that this object lives on, all of it and in the order in which it was sent.

    The first text after a rest is delivered at once. As long as it grows, what follows is joined and delivered after a
    pause; anything else does not wait, nor does what came before it.
    """

    _called = Signal()  # emitted on the sender's thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()  # over what follows
        self._waiting: deque[tuple[Tell, Request, object]] = deque()
        self._calling = False  # a delivery is on its way through the event loop
        self._resting = True  # no pause ends with one: what is sent now has to call
        self._called.connect(self.deliver)

    def send(self, tell: Tell, request: Request, news: object) -> None:
        """Have `tell(request, news)` called there. From any thread."""
        with self._lock:
            if self._waiting and self._waiting[-1][1] is request:
                whole = joined(self._waiting[-1][2], news)
                if whole is not None:
                    self._waiting.pop()
                    news = whole
            self._waiting.append((tell, request, news))
            calls = not self._calling and (self._resting or not isinstance(news, AnswerText | ThinkingText | Progress))
            self._calling |= calls
        if calls:
            self._called.emit()

    def deliver(self) -> None:
        """Tell what waits, now; on the thread that this object lives on."""
        with self._lock:
            begins, self._calling, self._resting = self._resting, False, False
            count = len(self._waiting)
        began_s = time.thread_time()
        try:
            for _ in range(count):
                if not self._tell_next():
                    break  # who was told had the others told, too
        finally:
            if begins:  # no timer of its own: the sender's thread may be the last to let go of this object
                QTimer.singleShot(pause_ms(time.thread_time() - began_s), self, self._on_pause_over)

    def _tell_next(self) -> bool:
        with self._lock:
            if not self._waiting:
                return False
            tell, request, news = self._waiting.popleft()
        tell(request, news)
        return True

    def _on_pause_over(self) -> None:
        with self._lock:
            self._resting = True
            waiting = bool(self._waiting)
        if waiting:
            self.deliver()


def pause_ms(took_s: float) -> int:
    """How long text is gathered after a delivery that took so long: where that is slow, it is done more seldom."""
    return min(max(GATHERED_MS, round(1000 * took_s / _SHARE)), LONGEST_MS)


def joined(before: object, after: object) -> object | None:
    """One event that says what two of the same request say; None if there is none."""
    match before, after:
        case AnswerText(text, start), AnswerText(more, further):
            return AnswerText(text[: max(further - start, 0)] + more, min(start, further))
        case ThinkingText(text), ThinkingText(more):
            return ThinkingText(text + more)
        case Progress(stage=stage), Progress(stage=same) if stage == same:
            return after
    return None
