"""What is known of a server before it runs: the program to start or the address to ask, and what it is told."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.conversation.replying.tools.login_shell import login_folders
from engine.errors import RequestError

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_ALL_NAMED = re.compile(r"\$(\w+)")
_NAMED = re.compile(r"\$\{(?:env:)?(\w+)\}")
# All that a program is told of this program's environment, besides what its entry names: no tokens of the user's, and
# nothing that is meant for a bundled Python.
TOLD = (
    *("HOME", "LOGNAME", "USER", "SHELL", "TERM", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
)
# Where people's programs are; an app that is opened from the Dock is told of the system's own folders only.
_PROGRAMS = ("/opt/homebrew/bin", "/usr/local/bin", "~/.local/bin")


@dataclass(frozen=True)
class McpServer:
    """A program that serves tools, or the address of a server. `trusted` lets its tools run without asking each time.

    A program is told little of this program's environment, and `environment` adds to that; an address is told
    `headers`. In a value of either `$NAME` alone, and everywhere `${NAME}`, is taken from this program's environment.
    """

    name: str
    command: str = ""
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    trusted: bool = False
    address: str = ""  # instead of a command
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_line(cls, line: str, name: str = "") -> McpServer:
        """The server of a line as written in a terminal: assignments, program and arguments (`TOKEN=x program --flag`),
        or an address and its headers (`https://host/mcp Authorization='Bearer x'`).

        Its name is the line itself unless another one is given. Raises RequestError for what is neither.
        """
        try:
            words = shlex.split(line)
        except ValueError:  # a quotation mark that is not closed
            words = []
        server = cls.of_words(words, name or line)
        if server is None:
            raise RequestError(
                "This is neither a command nor an address: {line!r}. Write a command as you would in a terminal.",
                line=line,
            )
        return server

    @classmethod
    def of_words(cls, words: Sequence[str], name: str) -> McpServer | None:
        """The server of such a line's words; None where they describe none."""
        if words and _ADDRESS.match(words[0]):
            return cls._of_address(words[0], words[1:], name)
        environment: dict[str, str] = {}
        for number, word in enumerate(words):
            if not (match := _ASSIGNMENT.fullmatch(word)):
                return cls(name, word, words[number + 1 :], environment)
            environment[match[1]] = match[2]
        return None

    @classmethod
    def _of_address(cls, address: str, rest: Sequence[str], name: str) -> McpServer | None:
        headers = [_HEADER.fullmatch(word) for word in rest]
        try:
            host = urlsplit(address).hostname
        except ValueError:
            return None
        if not host or not all(headers):
            return None
        return cls(name, address=address, headers={match[1]: match[2] for match in headers if match})

    @property
    def title(self) -> str:
        """What it is called until it says so itself."""
        return (urlsplit(self.address).hostname or "") if self.address else Path(self.command).name

    def told_environment(self) -> dict[str, str]:
        """All variables its program gets. It may ask the login shell, which takes a while.

        The folders in which people keep their programs are looked into last.
        """
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        folders += [folder for folder in login_folders() if folder not in folders]
        folders += [folder for each in _PROGRAMS if (folder := os.path.expanduser(each)) not in folders]
        told = {name: os.environ[name] for name in TOLD if name in os.environ}
        return {**told, "PATH": os.pathsep.join(folders), **_values(self.environment)}

    @property
    def called_arguments(self) -> list[str]:
        """What its program is called with."""
        return [_filled(argument) for argument in self.arguments]

    @property
    def called_address(self) -> str:
        """Where requests go."""
        return _filled(self.address)

    def told_headers(self) -> dict[str, str]:
        """All headers of its own that a request to its address gets."""
        return _values(self.headers)


def names_variable(value: str) -> bool:
    """Whether a value is taken, in part or as a whole, from this program's environment."""
    return bool(_ALL_NAMED.fullmatch(value) or _NAMED.search(value))


def _values(named: Mapping[str, str]) -> dict[str, str]:
    return {name: _value(value) for name, value in named.items()}


def _value(value: str) -> str:
    if match := _ALL_NAMED.fullmatch(value):
        return os.environ.get(match[1], "")
    return _filled(value)


def _filled(value: str) -> str:
    return _NAMED.sub(lambda match: os.environ.get(match[1], ""), value)
