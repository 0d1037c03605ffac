"""Servers that speak the Model Context Protocol over stdio, as one more source of tools.

Needs the optional package `mcp`. Each server is a program of the user's choice; it runs with an event loop in one
background thread, and its tools ask before every call unless the user trusts it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.conversation.tools.registry import Tool, ToolError
from engine.errors import RequestError

log = logging.getLogger(__name__)

_START_S = 20.0
_CALL_S = 30.0
_CLOSE_S = 3.0


@dataclass(frozen=True)
class McpServer:
    """A program that serves tools. `trusted` lets its tools run without asking each time."""

    name: str
    command: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False


class McpServers:
    """Runs servers and offers their tools. Use `start`, then `tools`, and `close` at the end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mcp", daemon=True)
        self._thread.start()
        self._running: dict[str, _Running] = {}

    def start(self, server: McpServer) -> list[Tool]:
        """Start a server and return its tools.

        Raises RequestError with a sentence if `mcp` is not installed, or the program cannot be started or does not
        answer within 20 seconds.
        """
        try:
            import mcp  # noqa: F401  (only whether it is there)
        except ImportError:
            raise RequestError("Tool servers need the package mcp, which is not installed: pip install mcp.") from None
        self.stop(server.name)
        running = _Running(server, self._loop)
        try:
            self._await(running.start(), _START_S)
        except Exception as error:
            with contextlib.suppress(Exception):
                self._await(running.stop(), _CLOSE_S)
            log.info("tool server %s did not start: %r", server.name, error)
            raise RequestError(
                f"The tool server {server.name} could not be started: check its command {server.command}."
            ) from error
        self._running[server.name] = running
        return self.tools(server.name)

    def tools(self, name: str) -> list[Tool]:
        """The tools of a running server."""
        running = self._running[name]
        return [self._tool(running, listed) for listed in running.listed]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the servers that run."""
        return tuple(self._running)

    def stop(self, name: str) -> None:
        """Stop a server; unknown names are ignored."""
        running = self._running.pop(name, None)
        if running:
            with contextlib.suppress(Exception):
                self._await(running.stop(), _CLOSE_S)

    def close(self) -> None:
        """Stop all servers and the background thread."""
        for name in list(self._running):
            self.stop(name)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _await(self, work: Any, timeout_s: float) -> Any:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    def _tool(self, running: _Running, listed: dict[str, Any]) -> Tool:
        def call(**arguments: Any) -> str:
            try:
                result = self._await(running.call(listed["name"], arguments), _CALL_S)
            except ToolError:
                raise
            except Exception as error:
                log.info("tool server %s failed: %r", running.server.name, error)
                raise ToolError(f"The tool server {running.server.name} did not answer.") from error
            return _text_of(_values(result))

        schema = listed.get("inputSchema") or {"type": "object", "properties": {}}
        return Tool(
            listed["name"],
            " ".join((listed.get("description") or listed["name"]).split())[:500],
            schema,
            call,
            timeout_s=_CALL_S,
            confirm=not running.server.trusted,
            untrusted=True,
        )


class _Running:
    """One server's session, opened and closed in the same task, as its library requires."""

    def __init__(self, server: McpServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.listed: list[dict[str, Any]] = []
        self._session: Any = None
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop = loop

    async def start(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()
        self._task = self._loop.create_task(self._live(ready))
        await ready

    async def stop(self) -> None:
        self._end.set()
        if self._task:
            await asyncio.wait({self._task}, timeout=_CLOSE_S)

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if self._task is None or self._task.done():
            raise ToolError(f"The tool server {self.server.name} has stopped.")
        call = asyncio.ensure_future(self._session.call_tool(name, arguments))
        done, _ = await asyncio.wait({call, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if call not in done:
            call.cancel()
            raise ToolError(f"The tool server {self.server.name} has stopped.")
        return call.result()

    async def _live(self, ready: asyncio.Future[None]) -> None:
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client

        environment = {**os.environ, **self.server.environment}
        program = StdioServerParameters(command=self.server.command, args=list(self.server.arguments), env=environment)
        try:
            with open(os.devnull, "w") as nowhere:
                async with (
                    stdio_client(program, errlog=nowhere) as (reader, writer),
                    ClientSession(reader, writer) as session,
                ):
                    await session.initialize()
                    self.listed = [_values(listed) for listed in (await session.list_tools()).tools]
                    self._session = session
                    ready.set_result(None)
                    await self._end.wait()
        except BaseException as error:
            if ready.done():
                log.info("tool server %s ended: %r", self.server.name, error)
            else:
                ready.set_exception(error if isinstance(error, Exception) else RuntimeError("cancelled"))
            if isinstance(error, asyncio.CancelledError):
                raise


def _values(message: Any) -> dict[str, Any]:
    """A message by the protocol's own names, which stay the same when the library renames its attributes."""
    values: dict[str, Any] = message.model_dump(by_alias=True, mode="json")
    return values


def _text_of(result: dict[str, Any]) -> str:
    parts = [item["text"] if item["type"] == "text" else f"[{item['type']}]" for item in result["content"]]
    text = "\n".join(parts)
    if result.get("isError"):
        raise ToolError(text or "The tool failed.")
    return text
