"""A real tool server at an address of this machine, which lets in who shows its token."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer

_END_S = 30.0


class _Door:
    """Passes on requests with the right token, and answers 401 to the others."""

    def __init__(self, inside: Any, token: str) -> None:
        self._inside, self._token = inside, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization")
        if scope["type"] == "http" and given != f"Bearer {self._token}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._inside(scope, receive, send)


def _tools() -> MCPServer:
    server = MCPServer("over HTTP")

    @server.tool()
    def shout(text: str) -> str:
        """Say something loudly."""
        return text.upper()

    @server.tool()
    def whisper(text: str) -> str:
        """Say something quietly."""
        return text.lower()

    return server


@contextmanager
def serving(token: str) -> Iterator[str]:
    """The address of a running server; afterwards nothing answers there."""
    door = _Door(_tools().streamable_http_app(), token)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(door, log_config=None, log_level=logging.CRITICAL))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        server.force_exit = server.should_exit = True
        thread.join(_END_S)
        listening.close()
