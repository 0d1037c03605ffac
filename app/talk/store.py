"""Saved conversations: SQLite with full-text search; recordings lie beside it as files."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.settings import Retention
from app.shown import ConversationView, ToolState, ToolView, TurnState, TurnView
from app.translations import sentence
from engine.errors import StorageError

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (key TEXT PRIMARY KEY, title TEXT NOT NULL, preset TEXT NOT NULL,
    changed REAL NOT NULL);
CREATE TABLE IF NOT EXISTS turns (key INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL
    REFERENCES conversations(key) ON DELETE CASCADE, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS turns_of ON turns(conversation, key);
CREATE VIRTUAL TABLE IF NOT EXISTS said USING fts5(words, conversation UNINDEXED);
"""
_LIVE = {TurnState.RECORDING, TurnState.WAITING, TurnState.THINKING, TurnState.ANSWERING, TurnState.SPEAKING}
_WITHOUT_SPACES = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")  # scripts without spaces: a word each
_TITLE_CHARACTERS = 48


@dataclass(frozen=True)
class StoredTurn:
    """A turn with what only the app needs: its files (names in the conversation's folder), where each stretch of
    the sound stands in the text (samples at 24 kHz, first and last character), its place in the engine's session.
    """

    view: TurnView
    conversation: str
    recording: str = ""
    sound: str = ""
    spans: tuple[tuple[int, int, int], ...] = ()
    place: int | None = None


class Store:
    """The database. Belongs to the GUI thread; every write is one short transaction. Raises StorageError."""

    def __init__(self, path: Path, recordings: Path) -> None:
        self._path, self._recordings = path, recordings
        with self._sentences():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Write everything back."""
        self._db.close()

    def folder(self, conversation: str) -> Path:
        """Where a conversation's recordings lie."""
        return self._recordings / conversation

    # Conversations.

    def create(self, preset: str) -> ConversationView:
        """A new, empty conversation."""
        view = ConversationView(uuid.uuid4().hex, "", time.time(), preset=preset)
        with self._transaction() as db:
            db.execute("INSERT INTO conversations VALUES (?, '', ?, ?)", (view.key, preset, view.when))
        return view

    def conversations(self, query: str = "") -> tuple[ConversationView, ...]:
        """All conversations with something in them, newest first; with `query` those where all its words were said."""
        snippets = self._found(query) if query.strip() else None
        rows = self._db.execute(
            "SELECT c.key, c.title, c.changed, c.preset, count(t.key) FROM conversations c "
            "JOIN turns t ON t.conversation = c.key GROUP BY c.key ORDER BY c.changed DESC"
        )
        return tuple(
            ConversationView(key, title, changed, turns, preset, (snippets or {}).get(key, ""))
            for key, title, changed, preset, turns in rows
            if snippets is None or key in snippets
        )

    def conversation(self, key: str) -> ConversationView | None:
        """One conversation, also an empty one."""
        row = self._db.execute("SELECT title, changed, preset FROM conversations WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        count = self._db.execute("SELECT count(*) FROM turns WHERE conversation = ?", (key,)).fetchone()[0]
        return ConversationView(key, row[0], row[1], count, row[2])

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        with self._transaction() as db:
            db.execute("UPDATE conversations SET title = ? WHERE key = ?", (title.strip(), key))
            self._index_title(db, key, title)

    def set_preset(self, key: str, preset: str) -> None:
        """Remember who answers in it."""
        with self._transaction() as db:
            db.execute("UPDATE conversations SET preset = ? WHERE key = ?", (preset, key))

    def delete(self, key: str) -> None:
        """Remove a conversation and its recordings."""
        with self._transaction() as db:
            turns = [row[0] for row in db.execute("SELECT key FROM turns WHERE conversation = ?", (key,))]
            db.executemany("DELETE FROM said WHERE rowid = ?", [(turn,) for turn in turns])
            self._index_title(db, key, "")
            db.execute("DELETE FROM conversations WHERE key = ?", (key,))
        shutil.rmtree(self.folder(key), ignore_errors=True)

    def expire(self, retention: Retention, days: int, spared: str = "") -> list[str]:
        """Remove what need not be kept any longer, but for one conversation; returns the keys."""
        if retention is Retention.ALL:
            return []
        limit = time.time() - days * 86_400 if retention is Retention.DAYS else time.time() + 1
        rows = self._db.execute(
            "SELECT key FROM conversations WHERE changed < ? AND key <> ?", (limit, spared)
        ).fetchall()
        for (key,) in rows:
            self.delete(key)
        return [key for (key,) in rows]

    # Turns.

    def turns(self, conversation: str) -> list[StoredTurn]:
        """All turns of a conversation, oldest first. One that was under way when Earshot died says so."""
        rows = self._db.execute("SELECT key, content FROM turns WHERE conversation = ? ORDER BY key", (conversation,))
        return [_restored_or_damaged(conversation, key, content) for key, content in rows]

    def add(self, turn: StoredTurn) -> StoredTurn:
        """Keep a new turn; returns it with its key."""
        with self._transaction() as db:
            cursor = db.execute("INSERT INTO turns (conversation, content) VALUES (?, '{}')", (turn.conversation,))
            turn = replace(turn, view=replace(turn.view, key=int(cursor.lastrowid or 0)))
            self._write(db, turn)
        return turn

    def save(self, turn: StoredTurn) -> None:
        """Keep a newer state of a turn."""
        with self._transaction() as db:
            self._write(db, turn)

    def delete_turns(self, keys: list[int]) -> None:
        """Remove turns."""
        with self._transaction() as db:
            db.executemany("DELETE FROM turns WHERE key = ?", [(key,) for key in keys])
            db.executemany("DELETE FROM said WHERE rowid = ?", [(key,) for key in keys])

    def _write(self, db: sqlite3.Connection, turn: StoredTurn) -> None:
        view = turn.view
        db.execute("UPDATE turns SET content = ? WHERE key = ?", (_content(turn), view.key))
        db.execute("DELETE FROM said WHERE rowid = ?", (view.key,))
        words = "\n".join(part for part in (view.text, view.attachment, view.answer) if part)
        db.execute(
            "INSERT INTO said (rowid, words, conversation) VALUES (?, ?, ?)",
            (view.key, _spaced(words), turn.conversation),
        )
        db.execute("UPDATE conversations SET changed = ? WHERE key = ?", (time.time(), turn.conversation))
        self._give_title(db, turn)

    def _give_title(self, db: sqlite3.Connection, turn: StoredTurn) -> None:
        """What was said first; the answer to it until that is written down."""
        title, answer = title_of(turn.view.text), title_of(turn.view.answer)
        db.execute(
            "UPDATE conversations SET title = ? WHERE key = ? AND (title = '' OR (title = ? AND ? <> '' AND "
            "NOT EXISTS (SELECT 1 FROM turns WHERE conversation = ? AND key < ?)))",
            (title or answer, turn.conversation, answer, title, turn.conversation, turn.view.key),
        )

    # Search.

    def _index_title(self, db: sqlite3.Connection, key: str, title: str) -> None:
        db.execute("DELETE FROM said WHERE conversation = ? AND rowid < 0", (key,))
        if title.strip():
            number = db.execute("SELECT rowid FROM conversations WHERE key = ?", (key,)).fetchone()
            if number:
                db.execute(
                    "INSERT INTO said (rowid, words, conversation) VALUES (?, ?, ?)",
                    (-int(number[0]), _spaced(title), key),
                )

    def _found(self, query: str) -> dict[str, str]:
        """Conversations that hold all words of the query in one turn, each with its newest snippet."""
        words = [word for word in re.split(r"[\s\"]+", query) if word]
        phrases = " ".join('"' + _spaced(word).strip().replace('"', "") + '"*' for word in words)
        try:
            rows = self._db.execute(
                "SELECT conversation, snippet(said, 0, char(2), char(3), '…', 12) FROM said WHERE said MATCH ? "
                "ORDER BY rowid",
                (phrases,),
            ).fetchall()
        except sqlite3.OperationalError:  # only punctuation
            return {}
        return {conversation: _joined(snippet) for conversation, snippet in rows}

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._sentences():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(_why(error).format(path=self._path, reason=str(error).lower())) from error


def _why(error: Exception) -> str:
    """The sentence for what SQLite or the disk says."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return sentence("{path} is in use by another program ({reason}): close it and try again.")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return sentence("{path} is damaged ({reason}): move it elsewhere, then Earshot begins a new one.")
    return sentence("Conversations could not be saved to {path} ({reason}): make room on the disk.")


def title_of(text: str) -> str:
    """The first words of what was said, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= _TITLE_CHARACTERS:
        return line.rstrip(".。")
    cut = line[:_TITLE_CHARACTERS]
    return (cut.rsplit(" ", 1)[0] if " " in cut[_TITLE_CHARACTERS // 2 :] else cut).rstrip(" ,.;:，。；：") + "…"


def _spaced(text: str) -> str:
    return _WITHOUT_SPACES.sub(r" \1 ", text)


def _joined(snippet: str) -> str:
    """Take the spaces between characters of such scripts out again, and merge hits that touch."""
    script = _WITHOUT_SPACES.pattern
    snippet = re.sub(rf" *([\x02\x03]*){script}([\x02\x03]*) *", r"\1\2\3", snippet)
    return " ".join(snippet.replace("\x03\x02", "").split())


def _content(turn: StoredTurn) -> str:
    value = asdict(turn)
    value["view"]["state"] = turn.view.state.value
    for tool, view in zip(value["view"]["tools"], turn.view.tools, strict=True):
        tool["state"] = view.state.value
    return json.dumps(value, ensure_ascii=False)


def _restored_or_damaged(conversation: str, key: int, content: str) -> StoredTurn:
    try:
        return _restored(conversation, key, content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        log.warning("turn %d cannot be read: %s", key, type(error).__name__)
        problem = sentence("This turn cannot be read: it was damaged on the disk, or written by a newer Earshot.")
        return StoredTurn(TurnView(key, TurnState.FAILED, problem=problem), conversation)


def _restored(conversation: str, key: int, content: str) -> StoredTurn:
    value: dict[str, Any] = json.loads(content)
    view = value.get("view", {})
    view.update(
        key=key,
        state=TurnState(view.get("state", "failed")),
        peaks=tuple(view.get("peaks", ())),
        tools=tuple(ToolView(**{**tool, "state": ToolState(tool["state"])}) for tool in view.get("tools", ())),
        spoken=None,
    )
    if view["state"] in _LIVE:
        broken_off = sentence("Earshot was closed before the answer was complete. What you said is kept: try again.")
        view.update(state=TurnState.FAILED, problem=broken_off)
    known = {name: view[name] for name in TurnView.__dataclass_fields__ if name in view}
    spans = tuple((int(at), int(first), int(last)) for at, first, last in value.get("spans", ()))
    rest = {name: value[name] for name in ("recording", "sound", "place") if name in value}
    return StoredTurn(TurnView(**known), conversation, spans=spans, **rest)
