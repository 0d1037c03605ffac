"""A WebSocket of the Realtime kind: events of a client in, events for it out, until one of both ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.serving.problems import ProblemError, problem_of
from engine.serving.realtime.fields import LONGEST_ID, Fields
from engine.serving.realtime.outbox import Outbox

LONGEST_S = 3600.0
_SUBPROTOCOL = "realtime"
_LAST_WORDS_S = 5.0

Take = Callable[[str, Fields], Awaitable[None]]


async def accept(websocket: WebSocket) -> None:
    """Take the connection; a client that names the protocol wants to hear its name again."""
    offered = websocket.scope.get("subprotocols", ())
    await websocket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered else None)


async def converse(websocket: WebSocket, outbox: Outbox, take: Take, closed: asyncio.Event | None = None) -> None:
    """Hand each event of the client, by its type, to `take`, and send what is in `outbox`; for an hour at most.

    What `take` raises is told to the client. `closed` ends it when all is sent.
    """
    reading = asyncio.ensure_future(_read(websocket, outbox, take))
    sending = asyncio.ensure_future(outbox.send())
    ending = asyncio.ensure_future((closed or asyncio.Event()).wait())
    try:
        done, _ = await asyncio.wait((reading, sending, ending), timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            outbox.put_error(ProblemError(400, "A session lasts an hour at most.", code="session_expired"))
        if not done or ending in done:
            outbox.finish()
            await asyncio.wait([sending], timeout=_LAST_WORDS_S)
            with contextlib.suppress(Exception):
                await websocket.close()
    finally:
        for task in (reading, sending, ending):
            task.cancel()
        await asyncio.gather(reading, sending, ending, return_exceptions=True)


def no_such_event() -> ProblemError:
    """What to raise for an event of a kind that is not known."""
    return ProblemError(400, "There is no such event here.", param="type", code="invalid_value")


async def _read(websocket: WebSocket, outbox: Outbox, take: Take) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await _take_one(message, outbox, take)
            await outbox.room()


async def _take_one(message: Any, outbox: Outbox, take: Take) -> None:
    event_id = None
    try:
        event = _event(message)
        event_id = _event_id(event)
        await take(Fields(event).id("type"), Fields(event))
    except Exception as error:
        outbox.put_error(problem_of(error), event_id)


def _event(message: Any) -> dict[str, Any]:
    text = message.get("text")
    if text is None:
        raise ProblemError(400, "Events are sent as text.", code="invalid_event")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise ProblemError(400, "The event is not JSON.", code="invalid_json") from None
    if not isinstance(event, dict):
        raise ProblemError(400, "The event is no JSON object.", code="invalid_event")
    return event


def _event_id(event: dict[str, Any]) -> str | None:
    """The client's name for an event, if it is one."""
    id = event.get("event_id")
    return id if isinstance(id, str) and len(id) <= LONGEST_ID else None
