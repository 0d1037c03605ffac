"""Servers that speak the Model Context Protocol, over stdio or streamable HTTP, as one more source of tools.

Needs the optional package `mcp`. Each server is a program or an address of the user's choice; all are talked to by one
event loop in a background thread, and their tools ask before every call unless the user trusts them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import re
import signal
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from engine.conversation.replying.tools.mcp_server import McpServer
from engine.conversation.replying.tools.registry import Tool, ToolError
from engine.errors import RequestError

log = logging.getLogger(__name__)

_START_S = 20.0
_CALL_S = 30.0
_CLOSE_S = 3.0
_KILLED_S = 0.05  # until the end of a killed program is noticed
_LONGEST_TITLE = 60
_REFUSALS = (401, 403)


class McpMissingError(RequestError):
    """The package `mcp` is not installed."""


class McpAddressError(RequestError):
    """What is at an address is not a tool server, or does not let Earshot in."""


def renamed_apart(tools: Iterable[Tool], taken: Collection[str], title: str) -> list[Tool]:
    """A server's tools under names that are not taken yet: a server replaces neither Earshot's tools nor another's."""
    used, apart = set(taken), []
    for each in tools:
        longer = re.sub(r"\W+", "_", title).strip("_") + "_" + each.name
        names = (each.name, longer, *(f"{longer}_{number}" for number in range(2, len(used) + 3)))
        each = replace(each, name=next(name for name in names if name not in used))
        used.add(each.name)
        apart.append(each)
    return apart


class McpServers:
    """Runs servers and offers their tools. Use `start`, then `tools`, and `close` at the end. From any thread.

    `on_end` is told the name of a server that ends without being asked to, on the servers' own thread.
    """

    def __init__(self, on_end: Callable[[str], None] = lambda name: None, start_s: float = _START_S) -> None:
        self._on_end, self._start_s = on_end, start_s
        self._loop = _Loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mcp", daemon=True)
        self._thread.start()
        self._running: dict[str, _Running] = {}

    def start(self, server: McpServer) -> list[Tool]:
        """Start a server and return its tools.

        Raises McpMissingError if `mcp` is not installed, RequestError with a sentence if the program cannot be started
        or does not answer in time (`start_s`, 20 seconds unless given); its cause tells which.
        """
        try:
            import mcp  # noqa: F401  (only whether it is there)
        except ImportError:
            raise McpMissingError(
                "Tool servers need the package mcp, which is not installed: pip install mcp."
            ) from None
        self.stop(server.name)
        running = self._running[server.name] = _Running(server, self._loop, self._on_end)
        try:
            self._await(running.start(), self._start_s)
        except Exception as error:
            self.stop(server.name)
            log.info("tool server %s did not start: %s", server.title, type(error).__name__)
            raise _not_started(server, running.refused) from error
        return self.tools(server.name)

    def tools(self, name: str) -> list[Tool]:
        """The tools of a running server."""
        running = self._running[name]
        return [self._tool(running, listed) for listed in running.listed]

    def title(self, name: str) -> str:
        """What a running server calls itself."""
        return self._running[name].title

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the servers that were started and not stopped."""
        return tuple(self._running)

    def end(self, name: str) -> None:
        """Let a server end, also while it starts, without waiting for it; unknown names are ignored."""
        running = self._running.pop(name, None)
        if running:
            self._loop.call_soon_threadsafe(running.end)

    def stop(self, name: str) -> None:
        """Stop a server; unknown names are ignored."""
        running = self._running.pop(name, None)
        if running:
            with contextlib.suppress(Exception):
                self._await(running.stop(), _CLOSE_S)

    def end_all(self) -> None:
        """Let all servers end without waiting for them; `close` comes later."""
        for name in list(self._running):
            self.end(name)

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """End all servers and the background thread. What has not ended in time is killed, also while the thread is
        too busy to do so itself. Calling it again does nothing.
        """
        if self._thread.is_alive():
            self.end_all()
            asyncio.run_coroutine_threadsafe(self._loop.end_programs(timeout_s), self._loop)
            self._thread.join(timeout_s + 2 * _KILLED_S)
        self._loop.kill_programs()
        if not self._thread.is_alive() and not self._loop.serving:
            self._loop.close()

    def _await(self, work: Any, timeout_s: float) -> Any:
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # closed meanwhile
            work.close()
            raise
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
                log.info("tool server %s failed: %r", running.server.title, error)
                raise ToolError("The tool server {name} did not answer.", name=running.title) from error
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


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that remembers its tasks' programs, so that none of them outlives it."""

    def __init__(self) -> None:
        super().__init__()
        self._programs: list[asyncio.SubprocessTransport] = []
        self.serving: set[asyncio.Task[None]] = set()

    async def subprocess_exec(self, *arguments: Any, **options: Any) -> Any:
        """Start a program."""
        transport, protocol = await super().subprocess_exec(*arguments, **options)
        self._programs = [each for each in self._programs if each.get_returncode() is None]
        self._programs.append(transport)
        return transport, protocol

    async def end_programs(self, timeout_s: float) -> None:
        """Wait for all that serve to end, kill what runs then, and stop."""
        if self.serving:
            await asyncio.wait(set(self.serving), timeout=timeout_s)
        self.kill_programs()
        if self.serving:
            await asyncio.wait(set(self.serving), timeout=_KILLED_S)
        self.stop()

    def kill_programs(self) -> None:
        """Kill what runs, with everything it has started. From any thread."""
        for program in self._programs:
            if program.get_returncode() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(program.get_pid(), signal.SIGKILL)


class _Running:
    """One server's session, opened and closed in the same task, as its library requires."""

    def __init__(self, server: McpServer, loop: _Loop, on_end: Callable[[str], None]) -> None:
        self.server = server
        self.title = server.title
        self.listed: list[dict[str, Any]] = []
        self.refused = False  # it wants to know who we are
        self._session: Any = None
        self._over = asyncio.Event()  # asked to end, or ended
        self._asked = False
        self._task: asyncio.Task[None] | None = None
        self._loop, self._on_end = loop, on_end

    async def start(self) -> None:
        if self._asked:
            raise RuntimeError("ended before it began")
        ready: asyncio.Future[None] = self._loop.create_future()
        self._task = self._loop.create_task(self._live(ready))
        self._loop.serving.add(self._task)
        self._task.add_done_callback(self._loop.serving.discard)
        await ready

    def end(self) -> None:
        """Begin to end; a server that is not ready yet is not waited for."""
        if self._task and self._session is None and not self._asked:
            self._task.cancel()
        self._asked = True
        self._over.set()

    async def stop(self) -> None:
        self.end()
        if self._task:
            await asyncio.wait({self._task}, timeout=_CLOSE_S)

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if self._task is None or self._task.done():
            raise ToolError("The tool server {name} has stopped.", name=self.title)
        call = asyncio.ensure_future(self._session.call_tool(name, arguments))
        done, _ = await asyncio.wait({call, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if call not in done:
            call.cancel()
            raise ToolError("The tool server {name} has stopped.", name=self.title)
        return call.result()

    async def _live(self, ready: asyncio.Future[None]) -> None:
        try:
            await self._serve(ready)
        except BaseException as error:
            if ready.done():
                log.info("tool server %s ended: %r", self.server.title, error)
            else:
                ready.set_exception(error if isinstance(error, Exception) else RuntimeError("cancelled"))
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            if self._session is not None and not self._asked:
                self._on_end(self.server.name)

    async def _serve(self, ready: asyncio.Future[None]) -> None:
        import anyio
        from mcp import ClientSession

        forward, watched = anyio.create_memory_object_stream[Any](0)
        async with self._connect() as (reader, writer):
            watching = self._loop.create_task(self._watch(reader, forward))
            try:
                async with ClientSession(watched, writer) as session:
                    self.title = _title(_values(await session.initialize())) or self.title
                    self.listed = await _all_tools(session)
                    self._session = session
                    if not ready.done():
                        ready.set_result(None)
                    await self._over.wait()
            finally:
                watching.cancel()

    @contextlib.asynccontextmanager
    async def _connect(self) -> AsyncIterator[tuple[Any, Any]]:
        """What the server says and what it is told, as streams of messages."""
        from mcp import StdioServerParameters
        from mcp.client.stdio import stdio_client
        from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

        server = self.server
        if server.address:
            client = create_mcp_http_client(server.told_headers())
            client.event_hooks["response"].append(self._note_refusal)
            async with client, streamable_http_client(server.called_address, http_client=client) as streams:
                yield streams
            return
        environment = await asyncio.to_thread(server.told_environment)
        program = StdioServerParameters(command=server.command, args=server.called_arguments, env=environment)
        with open(os.devnull, "w") as nowhere:
            async with stdio_client(program, errlog=nowhere) as streams:
                yield streams

    async def _note_refusal(self, response: Any) -> None:
        self.refused = self.refused or response.status_code in _REFUSALS

    async def _watch(self, reader: Any, forward: Any) -> None:
        """Pass on what the program says; when it has said its last, it has ended, which its library tells nobody."""
        try:
            async with forward:
                async for message in reader:
                    await forward.send(message)
        finally:
            self._over.set()


def _not_started(server: McpServer, refused: bool) -> RequestError:
    if refused:
        return McpAddressError(
            "The tool server {server} does not let Earshot in: write what it asks for after its address, as in "
            "Authorization='Bearer …'.",
            server=server.title,
        )
    if server.address:
        return McpAddressError(
            "The tool server {server} did not answer as one: check its address.",
            server=server.title,
        )
    return RequestError(
        "The tool server {server} could not be started: check its command {command}.",
        server=server.name,
        command=server.command,
    )


async def _all_tools(session: Any) -> list[dict[str, Any]]:
    """What a server offers; long lists come in pages."""
    from mcp.types import PaginatedRequestParams

    page = _values(await session.list_tools())
    listed: list[dict[str, Any]] = page["tools"]
    while cursor := page.get("nextCursor"):
        page = _values(await session.list_tools(params=PaginatedRequestParams(cursor=cursor)))
        listed += page["tools"]
    return listed


def _title(greeting: dict[str, Any]) -> str:
    about = greeting.get("serverInfo") or {}
    return " ".join(str(about.get("title") or about.get("name") or "").split())[:_LONGEST_TITLE]


def _values(message: Any) -> dict[str, Any]:
    """A message by the protocol's own names, which stay the same when the library renames its attributes."""
    values: dict[str, Any] = message.model_dump(by_alias=True, mode="json")
    return values


def _text_of(result: dict[str, Any]) -> str:
    parts = [item["text"] if item["type"] == "text" else f"[{item['type']}]" for item in result["content"]]
    text = "\n".join(parts)
    if result.get("isError"):
        raise ToolError("{text}", text=text) if text else ToolError("The tool failed.")
    return text
