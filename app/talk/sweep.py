"""Removes what a crash left behind: files among the recordings that the database does not know."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sqlite3
from collections.abc import Collection, Iterable
from pathlib import Path

from app.talk.salvage import copies_of, reading
from app.talk.stored_turn import decode_turn

log = logging.getLogger(__name__)

_CONVERSATION = re.compile(r"[0-9a-f]{32}")
_OURS = ("said-*.flac", "answer-*.wav", ".*.part")
_OURS_OF_MEMORY = ("*.turn", ".*.part")


def remove_orphans(database: Path, recordings: Path, before: float) -> list[Path]:
    """Remove recordings, sounds and saved turns that no row of the database names; returns what was removed.

    Only what was written earlier than `before` (seconds since 1970): the rest may be on its way into the database.
    Nothing is removed while a damaged database waits beside it to be looked at. Runs on any thread. Raises
    sqlite3.Error.
    """
    if copies_of(database) or not recordings.is_dir():
        return []
    removed: list[Path] = []
    with reading(database) as db:
        known = {key for (key,) in db.execute("SELECT key FROM conversations")}
        for folder in recordings.iterdir():
            if folder.name in known:
                removed += _remove_from(folder, *_known_in(db, folder.name), before)
            elif _CONVERSATION.fullmatch(folder.name) and _newest_in(folder) < before:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
    removed += remove_leftovers(recordings, _OURS, before)
    if removed:
        log.info("%d files and folders that nothing knows were removed", len(removed))
    return removed


def _known_in(db: sqlite3.Connection, conversation: str) -> tuple[set[str], set[str]]:
    """The names of its files, and the ids of its turns."""
    files: set[str] = set()
    ids: set[str] = set()
    for id, content in db.execute("SELECT id, content FROM turns WHERE conversation = ?", (conversation,)):
        files |= decode_turn(id, conversation, content).files
        ids.add(id)
    return files, ids


def _remove_from(folder: Path, files: set[str], ids: set[str], before: float) -> list[Path]:
    removed = remove_leftovers(folder, _OURS, before, spared=files)
    return removed + remove_leftovers(folder / "session", _OURS_OF_MEMORY, before, spared={f"{id}.turn" for id in ids})


def remove_leftovers(folder: Path, patterns: Iterable[str], before: float, spared: Collection[str] = ()) -> list[Path]:
    """Remove files with such names that were written earlier than `before`, but for those that are spared."""
    removed = []
    for pattern in patterns:
        for file in folder.glob(pattern):
            with contextlib.suppress(OSError):
                if file.name not in spared and file.lstat().st_mtime < before:
                    file.unlink()
                    removed.append(file)
    return removed


def _newest_in(folder: Path) -> float:
    times = []
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(OSError):
            times.append(path.lstat().st_mtime)
    return max(times, default=0.0)
