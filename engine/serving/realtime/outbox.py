"""Events on their way to a client: in their order, each with an id, and never too many."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.websockets import WebSocket

from engine.serving.problems import ProblemError, error_value
from engine.serving.realtime.ids import new_id

_MANY, _MUCH = 64, 8 << 20  # events that wait to be sent, and characters of them


class Outbox:
    """What a client is told."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self._characters = 0  # of what waits
        self._sent = asyncio.Event()

    def put(self, kind: str, fields: dict[str, Any]) -> None:
        """Tell of an event."""
        text = json.dumps({"type": kind, "event_id": new_id("event")} | fields)
        self._characters += len(text)
        self._waiting.put_nowait(text)

    def put_error(self, problem: ProblemError, caused_by: str | None = None) -> None:
        """Tell what went wrong, and with which of the client's events."""
        error = error_value(problem.status_code, problem.detail, problem.param, problem.code)
        self.put("error", {"error": error | {"event_id": caused_by}})

    async def room(self) -> None:
        """Wait until neither too many events wait nor too large ones."""
        while self._waiting.qsize() > _MANY or self._characters > _MUCH:
            self._sent.clear()
            await self._sent.wait()

    def finish(self) -> None:
        """Nothing more comes: `send` returns when all is sent."""
        self._waiting.put_nowait(None)

    async def send(self) -> None:
        """Send what comes. Raises what the socket raises when the client is gone or reads nothing."""
        while (text := await self._waiting.get()) is not None:
            await self._websocket.send_text(text)
            self._characters -= len(text)
            self._sent.set()
