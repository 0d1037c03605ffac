"""Programs and addresses of the user's choice that offer tools: started, watched and ended without anybody waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.keychain import KeychainMissingError
from app.models.server_lines import lines_of, masked, title_of
from app.models.server_secrets import ServerSecrets
from app.models.tool_permissions import Permissions, ToolPermissions
from app.settings import Settings
from app.shown.settings import Permission, ServerState, ServerTool, ServerTrouble, ServerView
from app.translations import sentence, told
from engine.errors import EngineError, RequestError, StorageError

if TYPE_CHECKING:
    from engine.conversation.replying.tools import Tool
    from engine.conversation.replying.tools.mcp_servers import McpServers

log = logging.getLogger(__name__)

START_S = 60.0  # a launcher may have to download the server first


@dataclass(frozen=True)
class _Served:
    """A server that is wanted, what it is shown as, and its tools once it runs, by the names that it gives them."""

    view: ServerView
    tools: tuple[tuple[str, Tool], ...] = ()


class ToolServers(QObject):
    """The servers of the settings; each starts on a thread of its own. Every start has a name of its own: what comes
    late from an older one is told apart.
    """

    changed = Signal()
    added = Signal()  # what a person wanted to add is listed
    _started = Signal(str, object, object)  # name, (title, tools) or None, exception or None
    _ended = Signal(str)  # name

    def __init__(
        self, settings: Settings, secrets: ServerSecrets, taken: tuple[str, ...] = (), start_s: float = START_S
    ) -> None:
        super().__init__()
        self._settings, self._secrets, self._taken, self._start_s = settings, secrets, taken, start_s
        self._permissions = ToolPermissions(settings)
        self._servers: McpServers | None = None
        self._served: dict[str, _Served] = {}  # by line
        self._names: dict[str, str] = {}  # of the newest start, by line
        self._count = 0
        self._open = self._over = False
        self._making = threading.Lock()
        self._try_again: Callable[[], None] = lambda: None  # once secrets may be kept in a file
        self.trouble = ServerTrouble()
        self._started.connect(self._on_started)
        self._ended.connect(self._on_ended)
        settings.changed.connect(self._on_setting)

    @property
    def listed(self) -> tuple[ServerView, ...]:
        """All servers of the settings, as the page shows them."""
        blank = ServerView("", state=ServerState.STOPPED)
        lines = self._settings.now.tool_servers
        views = [self._served[line].view if line in self._served else replace(blank, line=line) for line in lines]
        return tuple(self._view(view) for view in views)

    def _view(self, view: ServerView) -> ServerView:
        may = self._permissions.of(view.line)
        tools = tuple(replace(tool, permission=may.of(tool.name)) for tool in view.tools)
        return replace(view, shown_line=masked(view.line), asks=not may.trusted, tools=tools)

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools of the servers that run, but for those that may never be used; each asks unless it always may."""
        offered = []
        for line, served in self._served.items():
            may = self._permissions.of(line)
            for name, tool in served.tools:
                if (permission := may.of(name)) is not Permission.NEVER:
                    offered.append(replace(tool, confirm=permission is Permission.ASK))
        return tuple(offered)

    @property
    def titles(self) -> dict[str, str]:
        """What the tools are called in the window, by name: each with its server's name."""
        words = sentence("{tool} from {server}")
        return {
            tool.name: words.format(tool=tool.name, server=served.view.title)
            for served in self._served.values()
            for _, tool in served.tools
        }

    @property
    def working(self) -> tuple[str, ...]:
        """Names of the servers that run or are being started."""
        views = (served.view for served in self._served.values())
        return tuple(view.title for view in views if view.state is not ServerState.STOPPED)

    def begin(self) -> None:
        """Start what the settings list, and follow them from now on. Secrets of older settings are moved first."""
        self._secrets.forget_unused()
        self._hide_old_secrets()

    def _hide_old_secrets(self) -> None:
        lines = self._settings.now.tool_servers

        def moved(hidden: list[str] | None, error: Exception | None) -> None:
            if hidden is None:
                self._show_trouble(error, self._hide_old_secrets)
            elif hidden != list(lines):
                self._replace(dict(zip(lines, hidden, strict=True)))
            if not self._open and not self._over:
                self._open = True
                self._follow()

        self._secrets.hide(lines, moved)

    def add(self, text: str) -> None:
        """List the servers of a line, or of JSON as other apps keep it, and start them."""
        try:
            lines = lines_of(text)
        except EngineError as error:
            self._show_trouble(error, self.dismiss_trouble)
            return

        def hidden(kept: list[str] | None, error: Exception | None) -> None:
            if kept is None:
                self._show_trouble(error, lambda: self.add(text))
            else:
                self.dismiss_trouble()
                self._list(kept)
                self.added.emit()

        self._secrets.hide(lines, hidden)

    def _list(self, lines: list[str]) -> None:
        """Take these servers; one that differs from an older one in its secrets alone replaces it."""
        older = {masked(line): line for line in self._settings.now.tool_servers}
        self._replace({older[masked(line)]: line for line in lines if masked(line) in older})
        new = dict.fromkeys(line for line in lines if line not in self._settings.now.tool_servers)
        self._settings.change(tool_servers=(*self._settings.now.tool_servers, *new))

    def _replace(self, lines: dict[str, str]) -> None:
        """Change how servers are written, with their permissions."""
        if not lines:
            return
        now = self._settings.now
        servers = dict.fromkeys(lines.get(line, line) for line in now.tool_servers)
        may = {new: self._permissions.of(old) for old, new in lines.items()}
        gone = {old: Permissions() for old, new in lines.items() if old != new}
        self._settings.change(tool_servers=tuple(servers), **self._permissions.changes(gone | may))

    def allow_file(self) -> None:
        """Keep secrets in a file that only the user can read, for want of a keychain, and try again."""
        self._settings.change(secrets_in_file=True)
        self._try_again()

    def dismiss_trouble(self) -> None:
        """Show no trouble any more: it was read, or is over."""
        self._try_again = lambda: None
        if self.trouble != ServerTrouble():
            self.trouble = ServerTrouble()
            self.changed.emit()

    def remove(self, line: str) -> None:
        """End a server and forget it, with its permissions."""
        servers = tuple(each for each in self._settings.now.tool_servers if each != line)
        self._settings.change(tool_servers=servers, **self._permissions.changes({line: Permissions()}))

    def permissions_of(self, line: str) -> Permissions:
        """What a server may."""
        return self._permissions.of(line)

    def restore(self, line: str, place: int, permissions: Permissions) -> None:
        """List a removed server again where it was, with its permissions, and start it."""
        now = self._settings.now
        if line not in now.tool_servers:
            servers = (*now.tool_servers[:place], line, *now.tool_servers[place:])
            self._settings.change(tool_servers=servers, **self._permissions.changes({line: permissions}))

    def set_asks(self, line: str, asks: bool) -> None:
        """Whether each use of the server's tools has to be allowed."""
        self._permissions.choose_for_all(line, asks=asks)

    def set_permission(self, line: str, tool: str, permission: Permission) -> None:
        """Whether one tool asks, or may be used always or never."""
        self._permissions.choose(line, tool, permission)

    def trust_tool(self, name: str) -> None:
        """Do not ask about this tool any more, if it is a server's."""
        for line, served in self._served.items():
            for own_name, tool in served.tools:
                if tool.name == name:
                    self._permissions.choose(line, own_name, Permission.ALWAYS)

    def start_again(self, line: str) -> None:
        """Start a server that ended, or did not start."""
        if self._open and line in self._settings.now.tool_servers:
            self._end(line)
            self._start(line)
            self.changed.emit()

    def end_all(self) -> None:
        """Let all servers end; `close` waits for them."""
        with self._making:
            self._open, self._over = False, True
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
        elif name in ("trusted_servers", "tool_permissions"):
            self.changed.emit()

    def _follow(self) -> None:
        wanted = self._settings.now.tool_servers
        for line in [each for each in self._served if each not in wanted]:
            self._end(line)
            del self._served[line]
        for line in wanted:
            if line not in self._served:
                self._start(line)
        self.changed.emit()

    def _end(self, line: str) -> None:
        name = self._names.pop(line, "")
        if self._servers is not None:
            self._servers.end(name)

    def _start(self, line: str) -> None:
        self._count += 1
        name = self._names[line] = str(self._count)
        self._served[line] = _Served(ServerView(line, title=title_of(line), state=ServerState.STARTING))
        threading.Thread(target=self._run, args=(line, name), name="tool server", daemon=True).start()

    def _run(self, line: str, name: str) -> None:
        """On a thread of its own, as even importing what runs servers takes a while."""
        from engine.conversation.replying.tools.mcp_servers import McpServers

        try:
            server = self._secrets.server_of(line, name)
            with self._making:
                if not self._open:
                    return
                servers = self._servers = self._servers or McpServers(self._ended.emit, self._start_s)
            tools = servers.start(server)
            self._started.emit(name, (servers.title(name), tools), None)
        except Exception as error:
            self._started.emit(name, None, error)

    def _line_of(self, name: str) -> str | None:
        return next((line for line, newest in self._names.items() if newest == name), None)

    def _on_started(self, name: str, offer: tuple[str, list[Tool]] | None, error: Exception | None) -> None:
        line = self._line_of(name)
        if line is None or not self._open:  # not wanted any more
            if self._servers is not None and offer is not None:
                self._servers.end(name)
            return
        if offer is None:
            self._show_stopped(line, _why(error, self._served[line].view.title, self._start_s))
            return
        from engine.conversation.replying.tools.mcp_servers import renamed_apart

        title, tools = offer
        taken = (*self._taken, *(tool.name for served in self._served.values() for _, tool in served.tools))
        own_names = [tool.name for tool in tools]
        kept = tuple(zip(own_names, renamed_apart(tools, taken, title), strict=True))
        view = ServerView(line, title=title, state=ServerState.RUNNING, tools=tuple(map(ServerTool, own_names)))
        self._served[line] = _Served(view, kept)
        self.changed.emit()

    def _on_ended(self, name: str) -> None:
        line = self._line_of(name)
        if line is not None and self._open:
            del self._names[line]  # should it be told late that this one started, nobody believes it
            self._show_stopped(line, sentence("It quit by itself."))

    def _show_stopped(self, line: str, problem: str) -> None:
        view = self._served[line].view
        stopped = replace(view, state=ServerState.STOPPED, tools=(), problem=problem)
        self._served[line] = _Served(stopped)
        self.changed.emit()

    def _show_trouble(self, error: Exception | None, try_again: Callable[[], None]) -> None:
        """Say why a secret was not kept, or that what was to be added is not a server."""
        offers_file = isinstance(error, KeychainMissingError)
        if isinstance(error, EngineError):
            words = told(error)
        elif isinstance(error, TimeoutError):
            words = sentence("The keychain did not answer in time.")
        else:
            log.error("a tool server could not be added", exc_info=error)
            words = sentence("Something went wrong; the log says more.")
        self._try_again = try_again
        self.trouble = ServerTrouble(words, offers_file)
        self.changed.emit()


def _why(error: Exception | None, program: str, start_s: float) -> str:
    """Why a server did not start, in a sentence."""
    from engine.conversation.replying.tools.mcp_servers import McpAddressError, McpMissingError

    if isinstance(error, StorageError):  # of the keychain
        return told(error)
    cause = error.__cause__ if error is not None else None
    if isinstance(error, RequestError) and cause is None and not isinstance(error, McpMissingError):
        return sentence("This is neither a command nor an address: write a command as you would in a terminal.")
    if isinstance(error, McpMissingError):
        return sentence("Tool servers need the Python package mcp, which is not installed: pip install mcp.")
    if isinstance(cause, FileNotFoundError | PermissionError):
        return sentence("There is no program called {program}: check the command.").format(program=program)
    if isinstance(cause, TimeoutError):
        return sentence("It did not answer within {seconds} seconds.").format(seconds=round(start_s))
    if isinstance(error, McpAddressError):
        return told(error)
    log.warning("a tool server did not start: %r", cause or error)
    return sentence("It quit before it named its tools: check the command.")
