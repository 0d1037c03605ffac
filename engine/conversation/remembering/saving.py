"""A conversation on disk: one file a turn, and an index that names the turns and the path.

A turn is written before the index names it, and removed once the index names it no longer, so that a crash at any
moment leaves all turns but the one being written.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from engine.conversation.remembering import first_format
from engine.conversation.remembering.index import Index, IndexFile, read_index, write_index
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.records import TurnRecord
from engine.conversation.remembering.turn_file import DamagedTurnError, read_turn, write_turn
from engine.language import Vocabulary
from engine.storage import make_private_folder

log = logging.getLogger(__name__)

_INDEX = "index.jsonl"
_OURS = ("*.turn", ".*.turn.*.part", f".{_INDEX}.*.part", first_format.FILE, first_format.ARRAYS)
_PLAIN_NAME = re.compile(r"[0-9a-z]{1,64}")


def holds_conversation(folder: Path) -> bool:
    """Whether a conversation was saved in `folder`."""
    return (folder / _INDEX).exists() or (folder / first_format.FILE).exists()


class Store:
    """Saves one conversation, and knows what its folder holds already."""

    def __init__(self, vocabulary: Vocabulary, model: str) -> None:
        self._vocabulary = vocabulary
        self._model = model
        self._folder: Path | None = None
        self._index = IndexFile(Index())
        self._written: dict[str, TurnRecord] = {}  # as they stand in the folder

    def restore(self, folder: Path) -> Memory:
        """The conversation saved in `folder`; files of turns that the index does not name are removed.

        A turn whose file is damaged is missing from it. Raises StorageError when the folder holds no conversation, a
        damaged index, or one of a newer format; it is then left alone.
        """
        if not (folder / _INDEX).exists():
            records = first_format.read_first_format(folder, self._vocabulary)
            return Memory(records, [record.id for record in records])
        self._folder, self._index = folder, read_index(folder / _INDEX)
        index = self._index.index
        self._written = {record.id: record for record in self._read_turns(folder, index.turns)}
        _sweep(folder, index.turns)
        return Memory(self._written.values(), [turn_id for turn_id in index.path if turn_id in self._written])

    def save(self, folder: Path, memory: Memory) -> None:
        """Write what is new or has changed since it was last written there or read from there. Raises StorageError.

        Files of turns that are forgotten are removed.
        """
        if folder != self._folder or _size(folder / _INDEX) < self._index.length:
            self._folder, self._index, self._written = folder, IndexFile(Index()), {}
        make_private_folder(folder)
        for record in memory:
            if self._written.get(record.id) is not record:
                write_turn(folder / _file_name(record.id), record, self._vocabulary, self._model)
                self._written[record.id] = record
        new = Index(tuple(record.id for record in memory), memory.path)
        gone = not self._index.length or not set(self._index.index.turns) <= set(new.turns)
        self._index = write_index(folder / _INDEX, self._index, new)
        if gone:
            self._written = {record.id: record for record in memory}
            _sweep(folder, new.turns)

    def _read_turns(self, folder: Path, turn_ids: Collection[str]) -> Iterator[TurnRecord]:
        for turn_id in turn_ids:
            try:
                record = read_turn(folder / _file_name(turn_id), self._vocabulary)
                if record.id != turn_id:
                    raise DamagedTurnError("it holds another turn")
                yield record
            except DamagedTurnError as error:
                log.warning("one saved turn cannot be read, the others can: %s", error)


def _sweep(folder: Path, turn_ids: Collection[str]) -> None:
    """Remove what a crash or an older version left behind; other people's files stay."""
    kept = {_file_name(turn_id) for turn_id in turn_ids}
    for pattern in _OURS:
        for file in folder.glob(pattern):
            if file.name not in kept:
                with contextlib.suppress(OSError):  # a folder that may only be read is no trouble
                    file.unlink()


def _file_name(turn_id: str) -> str:
    """A name that any disk takes: the id itself, or its sum where it is not made of plain letters and digits."""
    plain = turn_id if _PLAIN_NAME.fullmatch(turn_id) else hashlib.sha256(turn_id.encode(errors="replace")).hexdigest()
    return f"{plain}.turn"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
