"""Saves what it can of a damaged database: moves it away whole, and reads it row by row as far as possible."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.talk import schema
from app.talk.branches import show_branch, tip_of
from app.talk.search import index_everything, is_time
from app.talk.stored_turn import encode_turn_of_first_version
from engine.events import new_turn_id
from engine.regular_files import check_regular

log = logging.getLogger(__name__)

_SIGN = ".damaged-"
_MISSES = 2000  # rows in a row that cannot be read before a table is given up

Row = dict[str, Any]


def copies_of(path: Path) -> list[Path]:
    """The damaged files that were moved away from `path`."""
    return sorted(path.parent.glob(f"{path.stem}{_SIGN}*{path.suffix}"))


def put_aside(path: Path) -> Path:
    """Move a database away with what belongs to it; returns where it is now. Raises OSError."""
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
    copy = path.with_name(f"{path.stem}{_SIGN}{stamp}{path.suffix}")
    while copy.exists():
        number += 1
        copy = path.with_name(f"{path.stem}{_SIGN}{stamp}-{number}{path.suffix}")
    log_of_changes = Path(f"{path}-wal")
    if log_of_changes.exists():
        log_of_changes.replace(f"{copy}-wal")
    Path(f"{path}-shm").unlink(missing_ok=True)
    path.replace(copy)
    return copy


@contextlib.contextmanager
def reading(path: Path, options: str = "mode=ro") -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing. Raises sqlite3.Error, OSError for what is no file."""
    check_regular(path)
    db = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)
    try:
        yield db
    finally:
        db.close()


def take_over(copy: Path, db: sqlite3.Connection) -> int:
    """Put whatever can be read of a damaged file into a new one; returns how many turns that was."""
    conversations, turns = _rows(copy, "conversations"), _rows(copy, "turns")
    db.execute("BEGIN IMMEDIATE")
    for row in conversations:
        _insert_conversation(db, row)
    kept = [turn for turn in map(_of_today, turns) if turn is not None]
    for turn in kept:
        _insert_turn(db, turn)
    for (key,) in db.execute("SELECT key FROM conversations").fetchall():
        show_branch(db, key, tip_of(db, key))
    index_everything(db)
    db.execute("COMMIT")
    Path(f"{copy}-shm").unlink(missing_ok=True)
    return len(kept)


def _rows(copy: Path, table: str) -> list[Row]:
    """All rows that can be read, in their order."""
    found: list[Row] = []
    try:
        with reading(copy) as damaged:
            damaged.text_factory = lambda raw: raw.decode(errors="replace")
            names = schema.columns_of(damaged, table)
            if names:
                statement = f"SELECT rowid, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT 1"
                found += [dict(zip(["rowid", *names], row, strict=True)) for row in _each(damaged, statement)]
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        log.warning("no more of the damaged %s can be read: %s", table, error)
    return found


def _each(damaged: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    last, misses = 0, 0
    while misses < _MISSES:
        try:
            row = damaged.execute(statement, (last,)).fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            last, misses = last + 1, misses + 1
            continue
        if row is None or row[0] <= last:  # else rows that are out of order would go round for ever
            return
        yield row
        last, misses = row[0], 0


def _insert_conversation(db: sqlite3.Connection, row: Row) -> None:
    key, title, preset = row.get("key"), row.get("title"), row.get("preset")
    if _is_file_name(key):
        changed = row.get("changed")
        db.execute(
            "INSERT OR IGNORE INTO conversations (key, title, preset, changed, tip, removed) VALUES (?, ?, ?, ?, ?, ?)",
            (
                key, title if isinstance(title, str) else "", preset if isinstance(preset, str) else "assistant",
                changed if is_time(changed) else time.time(), _text(row, "tip"), _time(row, "removed"),
            ),
        )  # fmt: skip


def _of_today(row: Row) -> Row | None:
    """A turn's row with the columns of today; None when it belongs nowhere."""
    key, content = row.get("conversation"), row.get("content")
    if not _is_file_name(key) or not isinstance(content, str):
        return None
    if "id" not in row:
        return {"id": new_turn_id(), "conversation": key, "content": encode_turn_of_first_version(content)}
    return row if _is_file_name(row["id"]) else None


def _insert_turn(db: sqlite3.Connection, row: Row) -> None:
    _insert_conversation(db, {"key": row["conversation"]})  # unless it could be read itself
    created = row.get("created")
    parent = _text(row, "parent") if "parent" in row else _last_turn(db, row["conversation"])
    db.execute(
        "INSERT OR IGNORE INTO turns (id, conversation, parent, created, content, removed, hides_followers, "
        "shown_child) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            row["id"], row["conversation"], parent, created if is_time(created) else time.time(), row["content"],
            _time(row, "removed"), row.get("hides_followers") == 1, _text(row, "shown_child"),
        ),
    )  # fmt: skip


def _is_file_name(value: Any) -> bool:
    with contextlib.suppress(schema.InconsistentError):
        return bool(schema.file_name(value))
    return False


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) else None


def _time(row: Row, name: str) -> float | None:
    value = row.get(name)
    return value if is_time(value) else None


def _last_turn(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT id FROM turns WHERE conversation = ? ORDER BY number DESC LIMIT 1", (key,)).fetchone()
    return row[0] if row else None
