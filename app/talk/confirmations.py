"""Asks before a tool is used: the engine's thread waits for the user's answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.requests import Request
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


class Confirmations(QObject):
    """Brings the questions of tools to the user, one at a time."""

    asked = Signal(object)  # ToolCall
    answered = Signal(object)  # likewise; also when nobody answered
    _wanted = Signal(Confirmation)  # emitted on the engine's thread
    _over = Signal(Confirmation)  # likewise

    def __init__(self) -> None:
        super().__init__()
        self._confirmation: Confirmation | None = None
        self._wanted.connect(self._on_wanted)
        self._over.connect(self._on_over)

    def confirm(self, call: ToolCall, request: Request, beat: Callable[[], None]) -> bool:
        """Ask the user whether a request may use a tool. Runs on the engine's thread and waits there."""
        confirmation = Confirmation(call, request)
        self._wanted.emit(confirmation)
        allowed = confirmation.wait(beat)
        self._over.emit(confirmation)
        return allowed

    @property
    def asking(self) -> str:
        """The tool that is asked about; "" when none is."""
        return self._confirmation.call.name if self._confirmation is not None else ""

    def answer(self, allowed: bool) -> None:
        """Allow what is asked for, or not; then the model is told so and goes on."""
        if self._confirmation is not None:
            self._confirmation.answer(allowed)
            self._on_over(self._confirmation)

    def _on_wanted(self, confirmation: Confirmation) -> None:
        if confirmation.request.cancelled:  # stopped while the question was on its way
            confirmation.answer(False)
            return
        self._confirmation = confirmation
        self.asked.emit(confirmation.call)

    def _on_over(self, confirmation: Confirmation) -> None:
        """Answered, or not answered for too long: nothing is asked any more."""
        if confirmation is self._confirmation:
            self._confirmation = None
            self.answered.emit(confirmation.call)


def arguments_in_words(arguments: dict[str, Any]) -> str:
    """One argument as it is, several as name: value."""
    words = {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
             for name, value in arguments.items()}  # fmt: skip
    if len(words) == 1:
        return next(iter(words.values()))
    return ", ".join(f"{name}: {value}" for name, value in words.items())
