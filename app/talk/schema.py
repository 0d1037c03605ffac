"""The tables of the conversations, and how those of older versions become today's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.talk.stored_turn import encode_turn_of_first_version
from app.translations import sentence
from engine.errors import StorageError
from engine.events import new_turn_id

VERSION = 1  # version 0.1.0 of Earshot wrote none

_TABLES = """
CREATE TABLE conversations (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    preset TEXT NOT NULL, changed REAL NOT NULL, tip TEXT, turns INTEGER NOT NULL DEFAULT 0, removed REAL);
CREATE TABLE turns (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, conversation TEXT NOT NULL
    REFERENCES conversations(key) ON DELETE CASCADE, parent TEXT, created REAL NOT NULL, content TEXT NOT NULL,
    removed REAL, hides_followers INTEGER NOT NULL DEFAULT 0, shown_child TEXT);
CREATE INDEX turns_of ON turns(conversation, number);
CREATE TABLE days (day INTEGER PRIMARY KEY);
CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5(words, conversation UNINDEXED);
"""
_SECURE_DELETE_OF_INDEX = (3, 42, 0)  # the first SQLite whose full-text index can do that at once


class NewerVersionError(StorageError):
    """The file was written by a newer version."""


def bring_up_to_date(db: sqlite3.Connection, path: Path) -> None:
    """Make or change the tables. Raises NewerVersionError for those of a newer version, sqlite3.Error."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        words = sentence(
            "{path} was written by a newer version of Earshot: use that version. The file was left as it is."
        )
        raise NewerVersionError(words.format(path=path.name))
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA secure_delete=ON")
    if version < VERSION:
        db.execute("PRAGMA foreign_keys=OFF")
        had_tables = bool(columns_of(db, "turns"))
        _in_transaction(db, _migrate if had_tables else _create)
        if had_tables:
            db.execute("VACUUM")  # older versions left words of what was deleted in it
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if sqlite3.sqlite_version_info >= _SECURE_DELETE_OF_INDEX:
        db.execute("INSERT INTO said (said, rank) VALUES ('secure-delete', 1)")
    db.execute("PRAGMA foreign_keys=ON")


class InconsistentError(sqlite3.DatabaseError):
    """SQLite sees no damage, but what it gives makes no sense; the message names what."""

    sqlite_errorname = "SQLITE_CORRUPT"


def single_row(db: sqlite3.Connection, statement: str, *parameters: object) -> tuple[Any, ...]:
    """The row that has to be there. Raises InconsistentError, sqlite3.Error."""
    row: tuple[Any, ...] | None = db.execute(statement, parameters).fetchone()
    if row is None:
        raise InconsistentError("row")
    return row


def file_name(value: Any) -> str:
    """A key or an id, which names files as well. Raises InconsistentError for what would name others."""
    if not isinstance(value, str) or value in ("", ".", "..") or "/" in value or "\0" in value:
        raise InconsistentError("name")
    return value


def columns_of(db: sqlite3.Connection, table: str) -> list[str]:
    """Names of a table's columns; none when there is no such table."""
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _in_transaction(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], None]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        work(db)
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _create(db: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";\n"):
        db.execute(statement)


def _migrate(db: sqlite3.Connection) -> None:
    """Tables of 0.1.0: numbered turns in one row, without versions. The full-text index goes by the same numbers."""
    db.execute("DROP INDEX IF EXISTS turns_of")
    db.execute("ALTER TABLE turns RENAME TO old_turns")
    db.execute("ALTER TABLE conversations RENAME TO old_conversations")
    _create(db)
    db.execute(
        "INSERT INTO conversations (number, key, title, preset, changed) "
        "SELECT rowid, key, title, preset, changed FROM old_conversations"
    )
    last: dict[str, str] = {}
    counts: dict[str, int] = {}
    rows = db.execute(
        "SELECT t.key, t.conversation, t.content, c.changed FROM old_turns t "
        "JOIN old_conversations c ON c.key = t.conversation ORDER BY t.key"
    )
    for number, conversation, content, changed in rows:
        id = new_turn_id()
        db.execute(
            "INSERT INTO turns (number, id, conversation, parent, created, content) VALUES (?, ?, ?, ?, ?, ?)",
            (number, id, conversation, last.get(conversation), changed, encode_turn_of_first_version(content)),
        )
        last[conversation] = id
        counts[conversation] = counts.get(conversation, 0) + 1
    for conversation, tip in last.items():
        db.execute(
            "UPDATE conversations SET tip = ?, turns = ? WHERE key = ?", (tip, counts[conversation], conversation)
        )
    db.execute("DROP TABLE old_turns")
    db.execute("DROP TABLE old_conversations")
