"""Programs of the user's choice that offer tools: started, watched and ended without anybody waiting for them."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.settings import Settings
from app.shown import ServerState, ServerView
from app.translations import sentence, told
from engine.errors import RequestError

if TYPE_CHECKING:
    from engine.conversation.replying.tools import Tool
    from engine.conversation.replying.tools.mcp_servers import McpServers

log = logging.getLogger(__name__)

START_S = 60.0  # a launcher may have to download the server first


@dataclass(frozen=True)
class _Served:
    """A server that is wanted, what it is shown as, and its tools once it runs."""

    view: ServerView
    tools: tuple[Tool, ...] = ()


class ToolServers(QObject):
    """The servers of the settings; each starts on a thread of its own. Every start has a name of its own: what comes
    late from an older one is told apart.
    """

    changed = Signal()
    _started = Signal(str, object, object)  # name, (title, tools) or None, exception or None
    _ended = Signal(str)  # name

    def __init__(self, settings: Settings, taken: tuple[str, ...] = (), start_s: float = START_S) -> None:
        super().__init__()
        self._settings, self._taken, self._start_s = settings, taken, start_s
        self._servers: McpServers | None = None
        self._served: dict[str, _Served] = {}  # by command
        self._names: dict[str, str] = {}  # of the newest start, by command
        self._count = 0
        self._open = False
        self._making = threading.Lock()
        self._started.connect(self._on_started)
        self._ended.connect(self._on_ended)
        settings.changed.connect(self._on_setting)

    @property
    def listed(self) -> tuple[ServerView, ...]:
        """All servers of the settings, as the page shows them."""
        now = self._settings.now
        blank = ServerView("", state=ServerState.STOPPED)
        views = (self._served[c].view if c in self._served else replace(blank, command=c) for c in now.tool_servers)
        return tuple(replace(view, asks=view.command not in now.trusted_servers) for view in views)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the servers that run; those of servers that are not trusted ask before each call."""
        trusted = self._settings.now.trusted_servers
        return tuple(
            replace(tool, confirm=command not in trusted)
            for command, served in self._served.items()
            for tool in served.tools
        )

    @property
    def titles(self) -> dict[str, str]:
        """What the tools are called in the window, by name: each with its server's name."""
        words = sentence("{tool} from {server}")
        return {
            tool.name: words.format(tool=tool.name, server=served.view.title)
            for served in self._served.values()
            for tool in served.tools
        }

    @property
    def working(self) -> tuple[str, ...]:
        """Names of the servers that run or are being started."""
        views = (served.view for served in self._served.values())
        return tuple(view.title for view in views if view.state is not ServerState.STOPPED)

    def begin(self) -> None:
        """Start what the settings list, and follow them from now on."""
        self._open = True
        self._follow()

    def add(self, command: str) -> None:
        """List a server and start it."""
        now = self._settings.now
        if command.strip() and command.strip() not in now.tool_servers:
            self._settings.change(tool_servers=(*now.tool_servers, command.strip()))

    def remove(self, command: str) -> None:
        """End a server and forget it."""
        now = self._settings.now
        self._settings.change(
            tool_servers=tuple(each for each in now.tool_servers if each != command),
            trusted_servers=tuple(each for each in now.trusted_servers if each != command),
        )

    def restore(self, command: str, place: int, *, asks: bool) -> None:
        """List a removed server again where it was, and start it."""
        now = self._settings.now
        if command not in now.tool_servers:
            trusted = now.trusted_servers if asks else (*now.trusted_servers, command)
            servers = (*now.tool_servers[:place], command, *now.tool_servers[place:])
            self._settings.change(tool_servers=servers, trusted_servers=trusted)

    def set_asks(self, command: str, asks: bool) -> None:
        """Whether each use of the server's tools has to be allowed."""
        others = tuple(each for each in self._settings.now.trusted_servers if each != command)
        self._settings.change(trusted_servers=others if asks else (*others, command))

    def trust_tool(self, name: str) -> None:
        """Do not ask about the server of this tool any more, if it is a server's."""
        for command, served in self._served.items():
            if any(tool.name == name for tool in served.tools):
                self.set_asks(command, False)
                return

    def start_again(self, command: str) -> None:
        """Start a server that ended, or did not start."""
        if self._open and command in self._settings.now.tool_servers:
            self._end(command)
            self._start(command)
            self.changed.emit()

    def end_all(self) -> None:
        """Let all servers end; `close` waits for them."""
        with self._making:
            self._open = False
        if self._servers is not None:
            self._servers.end_all()

    def close(self, timeout_s: float) -> None:
        """End all servers; what has not ended in time is killed."""
        self.end_all()
        if self._servers is not None:
            self._servers.close(timeout_s)

    def _on_setting(self, name: str) -> None:
        if name == "tool_servers" and self._open:
            self._follow()
        elif name == "trusted_servers":
            self.changed.emit()

    def _follow(self) -> None:
        wanted = self._settings.now.tool_servers
        for command in [each for each in self._served if each not in wanted]:
            self._end(command)
            del self._served[command]
        for command in wanted:
            if command not in self._served:
                self._start(command)
        self.changed.emit()

    def _end(self, command: str) -> None:
        name = self._names.pop(command, "")
        if self._servers is not None:
            self._servers.end(name)

    def _start(self, command: str) -> None:
        self._count += 1
        name = self._names[command] = str(self._count)
        self._served[command] = _Served(ServerView(command, _program(command), ServerState.STARTING))
        threading.Thread(target=self._run, args=(command, name), name="tool server", daemon=True).start()

    def _run(self, command: str, name: str) -> None:
        """On a thread of its own, as even importing what runs servers takes a while."""
        from engine.conversation.replying.tools.mcp_server import McpServer
        from engine.conversation.replying.tools.mcp_servers import McpServers

        try:
            server = McpServer.of_line(command, name)
            with self._making:
                if not self._open:
                    return
                servers = self._servers = self._servers or McpServers(self._ended.emit, self._start_s)
            tools = servers.start(server)
            self._started.emit(name, (servers.title(name), tools), None)
        except Exception as error:
            self._started.emit(name, None, error)

    def _command_of(self, name: str) -> str | None:
        return next((command for command, newest in self._names.items() if newest == name), None)

    def _on_started(self, name: str, offer: tuple[str, list[Tool]] | None, error: Exception | None) -> None:
        command = self._command_of(name)
        if command is None or not self._open:  # not wanted any more
            if self._servers is not None and offer is not None:
                self._servers.end(name)
            return
        if offer is None:
            self._show_stopped(command, _why(error, self._served[command].view.title, self._start_s))
            return
        from engine.conversation.replying.tools.mcp_servers import renamed_apart

        title, tools = offer
        taken = (*self._taken, *(tool.name for tool in self.tools))
        kept = tuple(renamed_apart(tools, taken, title))
        names = tuple(tool.name for tool in kept)
        self._served[command] = _Served(ServerView(command, title, ServerState.RUNNING, names), kept)
        self.changed.emit()

    def _on_ended(self, name: str) -> None:
        command = self._command_of(name)
        if command is not None and self._open:
            del self._names[command]  # should it be told late that this one started, nobody believes it
            self._show_stopped(command, sentence("It ended by itself."))

    def _show_stopped(self, command: str, problem: str) -> None:
        view = self._served[command].view
        stopped = replace(view, state=ServerState.STOPPED, tools=(), problem=problem)
        self._served[command] = _Served(stopped)
        self.changed.emit()


def _program(line: str) -> str:
    """The name of the program or the address in a line, until the server says itself what it is called."""
    from engine.conversation.replying.tools.mcp_server import McpServer

    try:
        return McpServer.of_line(line).title
    except RequestError:
        return line


def _why(error: Exception | None, program: str, start_s: float) -> str:
    """Why a server did not start, in a sentence."""
    from engine.conversation.replying.tools.mcp_servers import McpAddressError, McpMissingError

    cause = error.__cause__ if error is not None else None
    if isinstance(error, RequestError) and cause is None and not isinstance(error, McpMissingError):
        return sentence("This is neither a command nor an address: write a command as you would in a terminal.")
    if isinstance(error, McpMissingError):
        return sentence("Tool servers need the Python package mcp, which is not installed: pip install mcp.")
    if isinstance(cause, FileNotFoundError | PermissionError):
        return sentence("There is no program {program} that can be started: check the command.").format(program=program)
    if isinstance(cause, TimeoutError):
        return sentence("It did not answer within {seconds} seconds.").format(seconds=round(start_s))
    if isinstance(error, McpAddressError):
        return told(error)
    log.warning("a tool server did not start: %r", cause or error)
    return sentence("It ended before it said which tools it has: check the command.")
