"""A tool that asks first: the engine's thread waits for the user's answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from app.engine_side.engine_thread import Request
from engine.events import ToolCall

LONGEST_S = 60.0


class Confirmation:
    """One question of a request. No answer within a minute means no, and so does the end of the request."""

    def __init__(self, call: ToolCall, request: Request) -> None:
        self.call, self.request = call, request
        self._answered = threading.Event()
        self._allowed = False

    def answer(self, allowed: bool) -> None:
        """Say yes or no; the first answer counts."""
        if not self._answered.is_set():
            self._allowed = allowed
            self._answered.set()

    def wait(self, beat: Callable[[], None]) -> bool:
        """Wait for the answer; `beat` is called meanwhile, for this is no hanging."""
        deadline = time.monotonic() + LONGEST_S
        while not self._answered.wait(0.1) and time.monotonic() < deadline and not self.request.cancelled:
            beat()
        return self._allowed and not self.request.cancelled
