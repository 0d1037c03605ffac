"""One connection, for HTTP or a WebSocket: uvicorn's, which does not wait long and says in JSON what is wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from engine.serving.problems import error_value

SILENT_S = 30.0  # until the first request has begun


class Connection(H11Protocol):
    """A connection on which a request must begin soon."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connected."""
        super().connection_made(transport)
        self._silent = self.loop.call_later(SILENT_S, self._close_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """They went."""
        self._silent.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """It becomes a WebSocket."""
        self._silent.cancel()
        super().handle_websocket_upgrade(event)

    def _close_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; `msg` would be uvicorn's own words."""
        body = json.dumps({"error": error_value(400, "The request is not HTTP as it should be.")}).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        answer: list[Any] = [
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ]
        for event in answer:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket."""

    def handle_connect(self, event: Request) -> None:
        """Answer what is no request for a WebSocket as it should be; the library has words of its own for it."""
        if self.conn.accept(event).status_code == 101:
            super().handle_connect(event)
            return
        body = json.dumps({"error": error_value(400, "The request is no WebSocket's as it should be.")}).encode()
        headers = Headers({"Content-Type": "application/json", "Connection": "close"})
        headers["Content-Length"] = str(len(body))
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.conn.send_response(Response(400, "Bad Request", headers, body))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """It is over; what is still to be sent to somebody who takes nothing goes with it."""
        super().on_task_complete(task)
        if not self.writable.is_set():
            self.transport.abort()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says. A refusal that is whole is an end, and nothing to complain of in the log."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True
