"""The server: routes, access and a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from engine.errors import EngineError, RequestError
from engine.serving.access import Access, Doorkeeper
from engine.serving.connections import Connection, Socket
from engine.serving.problems import answer_problem

_IDLE_S = 60  # a connection that asks nothing more
_LEAVING_S = 2.0
_MOST_SOCKETS = 512  # open ones, silent ones too


class Server:
    """Serves `routes` at an address, on a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        access: Access,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        around: Callable[[], AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        """`around` is a context, entered once, in which all requests are answered."""
        self.access = access
        self._host, self._port = host, port
        self.application = Starlette(
            routes=list(routes),
            lifespan=None if around is None else lambda _: around(),
            exception_handlers={kind: answer_problem for kind in (HTTPException, EngineError, Exception)},
        )
        config = uvicorn.Config(
            Doorkeeper(self.application, access),
            http=Connection,
            ws=Socket,
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_SOCKETS,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=round(_LEAVING_S),
            ws_max_size=16 * 1024 * 1024,
            ws_per_message_deflate=False,  # sound hardly gets smaller, and this takes longer than sending it
            lifespan="off" if around is None else "on",
        )
        self._server = uvicorn.Server(config)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, such as http://127.0.0.1:8765."""
        if self._socket is None:
            raise RuntimeError("the server was not started")
        return self._address

    def start(self) -> None:
        """Listen, and serve on a thread. Raises RequestError when the address cannot be had."""
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            self._socket = socket.create_server((self._host, self._port), family=family, backlog=128)
        except OSError as error:
            raise RequestError(
                "Port {port} of {host} cannot be used ({reason}): choose another one.",
                port=self._port,
                host=self._host,
                reason=error.strerror or str(error),
            ) from None
        host, port = self._socket.getsockname()[:2]
        self._address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._serve, args=(self._socket,), name="server", daemon=True)
        self._thread.start()

    def _serve(self, listening: socket.socket) -> None:
        asyncio.run(self._server.serve(sockets=[listening]))

    def stop(self, timeout_s: float = _LEAVING_S + 1) -> None:
        """Let go of all connections and end the thread."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._socket is not None and not (self._thread and self._thread.is_alive()):
            self._socket.close()
