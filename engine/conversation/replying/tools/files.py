"""Reads text files that the user handed over, and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.conversation.replying.tools.registry import Tool, ToolError, tool

_MOST_BYTES = 200_000


class GivenFiles:
    """The files a session may read: an allow-list of resolved paths, addressed by name."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def add(self, path: Path) -> str:
        """Allow a file; returns the name under which the model knows it. Raises ToolError if it is not a file."""
        resolved = path.resolve()
        if not resolved.is_file():
            raise ToolError("{name} is not a file.", name=path.name)
        name, number = path.name, 2
        while name in self._paths and self._paths[name] != resolved:
            name, number = f"{path.stem} {number}{path.suffix}", number + 1
        self._paths[name] = resolved
        return name

    def remove(self, name: str) -> None:
        """Forget a file; unknown names are ignored."""
        self._paths.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files that may be read."""
        return tuple(self._paths)

    def read(self, name: str) -> str:
        """The text of an allowed file. Raises ToolError with a sentence if it is unknown, gone or not text."""
        path = self._paths.get(name.strip())
        if path is None:
            known = ", ".join(self._paths) or "none"
            raise ToolError(
                "The user has not given you a file named {name}. The files are: {known}.", name=name[:100], known=known
            )
        if path.resolve() != path or not path.is_file():
            raise ToolError("{name} is no longer where it was.", name=name)
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ToolError("{name} cannot be read ({reason}).", name=name, reason=error.strerror) from None
        if b"\0" in data:
            raise ToolError("{name} is not a text file.", name=name)
        try:
            return data[:_MOST_BYTES].decode("utf-8-sig", errors="strict" if len(data) <= _MOST_BYTES else "ignore")
        except UnicodeDecodeError:
            raise ToolError("{name} is not a text file in UTF-8.", name=name) from None


def file_tools(files: GivenFiles) -> list[Tool]:
    """The tool read_file on an allow-list."""

    def read_file(name: str) -> str:
        """Read a text file that the user has given you.

        name: the name of the file
        """
        return files.read(name)

    offered = tool(read_file, untrusted=True, most_characters=8000)
    return [replace(offered, description=f"{offered.description} The files are: {', '.join(files.names)}.")]
