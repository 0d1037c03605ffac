"""The index of a saved conversation: which turns there are, and which of them are the path.

A file of JSON lines. The first says format, turns and path; every further one adds a turn behind one of the path.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import NewerFormatError, StorageError
from engine.regular_files import read_regular
from engine.storage import replacing, storage_error

_LARGEST_FILE = 100_000_000  # a million turns
FORMAT = 2


@dataclass(frozen=True)
class Index:
    """The ids of all turns in the order in which they came, and of those on the path."""

    turns: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    def with_turn(self, turn_id: str, after: str | None) -> Index:
        """The index once a turn was answered behind another one of the path, or at its beginning."""
        kept = () if after is None else self.path[: self.path.index(after) + 1]
        return Index((*self.turns, turn_id), (*kept, turn_id))


@dataclass(frozen=True)
class IndexFile:
    """An index as it stands in its file. `length` is how many bytes of it count; 0 when it is to be written again."""

    index: Index
    length: int = 0


def read_index(file: Path) -> IndexFile:
    """Read an index; a last line that was not written to its end does not count.

    Raises StorageError for a damaged one, one of a newer format, or one that may not be read.
    """
    try:
        data = read_regular(file, _LARGEST_FILE)
    except OSError as error:
        raise StorageError(
            "{file} cannot be read ({reason}).", file=file, reason=(error.strerror or str(error)).lower()
        ) from error
    try:
        first, *added = data[: data.rfind(b"\n") + 1].splitlines()
        beginning = json.loads(first)
        if beginning["format"] > FORMAT:
            raise NewerFormatError(
                "{file} was written by a newer Earshot (format {format}): update Earshot.",
                file=file,
                format=beginning["format"],
            )
        index = Index(tuple(beginning["turns"]), tuple(beginning["path"]))
        for line in added:
            values = json.loads(line)
            index = index.with_turn(values["turn"], values["after"])
        if not set(_ids(index.path)) <= set(_ids(index.turns)):
            raise ValueError("its path names turns that it does not have")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(
            "{file} is damaged: the conversation cannot be opened ({reason}).", file=file, reason=error
        ) from error
    whole = data.endswith(b"\n")
    return IndexFile(index, len(data) if whole else 0)


def write_index(file: Path, old: IndexFile, new: Index) -> IndexFile:
    """Make the file say `new` where it said `old`: by lines at its end if that is possible. Raises StorageError."""
    lines = lines_between(old.index, new) if old.length else None
    if lines == b"":
        return old
    if lines is None:
        whole = _line({"format": FORMAT, "turns": new.turns, "path": new.path})
        with replacing(file, private=True) as stream:
            stream.write(whole)
        return IndexFile(new, len(whole))
    try:
        with file.open("r+b") as stream:
            stream.truncate(old.length)
            stream.seek(old.length)
            stream.write(lines)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(file, error) from error
    return IndexFile(new, old.length + len(lines))


def lines_between(old: Index, new: Index) -> bytes | None:
    """The lines that make `new` of `old`; None if turns alone cannot be added to get there."""
    lines, reached = b"", old
    for turn_id in new.turns[len(old.turns) :]:
        place = new.path.index(turn_id) if turn_id in new.path else 0
        after = new.path[place - 1] if place else None
        if after is not None and after not in reached.path:
            return None
        lines += _line({"turn": turn_id, "after": after})
        reached = reached.with_turn(turn_id, after)
    return lines if reached == new else None


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def _ids(values: tuple[Any, ...]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values) or len(set(values)) != len(values):
        raise ValueError("its ids are no ids, or one of them stands there twice")
    return values
