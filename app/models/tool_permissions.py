"""Which tools of servers ask before each use, which may always be used, and which never."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.settings import Preferences, Settings
from app.shown.settings import Permission


@dataclass(frozen=True)
class Permissions:
    """What one server may: whether it is trusted as a whole, and what else was chosen for some of its tools."""

    trusted: bool = False
    tools: Mapping[str, Permission] = field(default_factory=dict)

    def of(self, tool: str) -> Permission:
        """What was chosen for a tool, by the name that its server gives it."""
        return self.tools.get(tool, Permission.ALWAYS if self.trusted else Permission.ASK)


class ToolPermissions:
    """The permissions in the settings, by the servers' lines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, line: str) -> Permissions:
        """What a server may."""
        now = self._settings.now
        return Permissions(line in now.trusted_servers, _chosen(now).get(line, {}))

    def choose(self, line: str, tool: str, permission: Permission) -> None:
        """Let one tool ask, or be used always or never."""
        before = self.of(line)
        self._settings.change(**self.changes({line: Permissions(before.trusted, {**before.tools, tool: permission})}))

    def choose_for_all(self, line: str, *, asks: bool) -> None:
        """Whether all tools of a server ask; those that are never used stay so."""
        never = {tool: each for tool, each in self.of(line).tools.items() if each is Permission.NEVER}
        self._settings.change(**self.changes({line: Permissions(not asks, never)}))

    def changes(self, wanted: Mapping[str, Permissions]) -> dict[str, Any]:
        """What has to change in the settings so that these servers may just this."""
        now = self._settings.now
        chosen = _chosen(now) | {line: permissions.tools for line, permissions in wanted.items()}
        trusted = [line for line in now.trusted_servers if line not in wanted]
        trusted += [line for line, permissions in wanted.items() if permissions.trusted]
        stored = [f"{each} {tool}\t{line}" for line, tools in chosen.items() for tool, each in tools.items()]
        return {"trusted_servers": tuple(trusted), "tool_permissions": tuple(stored)}


def _chosen(now: Preferences) -> dict[str, Mapping[str, Permission]]:
    """What was chosen for single tools, by their servers' lines. What makes no sense means that they ask."""
    chosen: dict[str, dict[str, Permission]] = {}
    for stored in now.tool_permissions:
        choice, _, line = stored.partition("\t")
        word, _, tool = choice.partition(" ")
        permission = Permission(word) if word in set(map(str, Permission)) else Permission.ASK
        chosen.setdefault(line, {})[tool] = permission
    return dict(chosen)
