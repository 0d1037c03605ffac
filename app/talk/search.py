"""The full-text index of what was said, and what is found in it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.shown.talk import ConversationView
from app.talk.schema import InconsistentError, file_name
from app.talk.stored_turn import decode_turn

_END_OF_TIME = 250_000_000_000.0  # in the year 9892
_WITHOUT_SPACES = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")  # scripts without spaces: a word each
_FOUND = """
SELECT c.key, c.title, c.changed, c.turns, c.preset, hit.newest FROM
    (SELECT conversation, max(rowid) AS newest FROM said WHERE said MATCH ? GROUP BY conversation) hit
    JOIN conversations c ON c.key = hit.conversation
    WHERE c.removed IS NULL AND c.turns > 0 ORDER BY c.changed DESC LIMIT ?
"""
_SNIPPETS = """
SELECT rowid, snippet(said, 0, char(2), char(3), '…', 12) FROM said
    WHERE said MATCH ? AND +rowid IN (SELECT value FROM json_each(?))
"""  # the plus sign: one walk along all hits, not a search of its own for each row


def index_turn(db: sqlite3.Connection, number: int, words: str, conversation: str) -> None:
    """Let a turn be found by these words and by no others."""
    unindex_turn(db, number)
    row = (number, _spaced(words), conversation)
    db.execute("INSERT INTO said (rowid, words, conversation) VALUES (?, ?, ?)", row)


def unindex_turn(db: sqlite3.Connection, number: int) -> None:
    """Let a turn be found no more."""
    db.execute("DELETE FROM said WHERE rowid = ?", (number,))


def index_title(db: sqlite3.Connection, conversation: str, title: str) -> None:
    """Let a conversation be found by a name it was given; "" by none."""
    found = db.execute("SELECT number FROM conversations WHERE key = ?", (conversation,)).fetchone()
    if found:
        unindex_turn(db, -found[0])  # turns have positive numbers
        if title.strip():
            index_turn(db, -found[0], title, conversation)


def index_everything(db: sqlite3.Connection) -> None:
    """Make the index again from turns and titles."""
    db.execute("DELETE FROM said")
    for number, id, conversation, content in db.execute(
        "SELECT number, id, conversation, content FROM turns WHERE removed IS NULL"
    ).fetchall():
        index_turn(db, number, decode_turn(id, conversation, content).words, conversation)
    for conversation, title in db.execute("SELECT key, title FROM conversations").fetchall():
        index_title(db, conversation, title)


def erase_unindexed(db: sqlite3.Connection) -> None:
    """Write the index again without what was taken out of it: until then those words stay readable in the file."""
    db.execute("INSERT INTO said (said) VALUES ('optimize')")


def find(db: sqlite3.Connection, query: str, limit: int = -1) -> tuple[ConversationView, ...]:
    """Conversations that hold all words of the query in one turn or in their name, newest first, each with its newest
    snippet. Raises sqlite3.Error.
    """
    phrases = " ".join(_phrases(query))
    if not phrases:
        return ()
    try:
        rows = db.execute(_FOUND, (phrases, limit)).fetchall()
    except sqlite3.OperationalError as error:
        if "fts5" not in str(error):  # only punctuation
            raise
        return ()
    snippets = dict(db.execute(_SNIPPETS, (phrases, json.dumps([row[-1] for row in rows]))))
    return tuple(replace(view_of_row(columns), snippet=_joined(snippets.get(newest, ""))) for *columns, newest in rows)


def view_of_row(row: Sequence[Any]) -> ConversationView:
    """A conversation of key, title, time of its last change, number of turns and preset. Raises InconsistentError."""
    key, title, changed, turns, preset = row
    if not isinstance(title, str) or not isinstance(preset, str) or not isinstance(turns, int) or not is_time(changed):
        raise InconsistentError("conversation")
    return ConversationView(file_name(key), title, changed, turns, preset)


def is_time(value: object) -> bool:
    """Whether this can be seconds since 1970 that a calendar knows."""
    return isinstance(value, float) and 0 <= value < _END_OF_TIME


def _phrases(query: str) -> list[str]:
    words = [word for word in re.split(r"[\s\"\0]+", query) if word]
    return ['"' + _spaced(word).strip() + '"*' for word in words]


def _spaced(text: str) -> str:
    """With such scripts' characters as words, and without halves of surrogate pairs."""
    return _WITHOUT_SPACES.sub(r" \1 ", text.encode(errors="replace").decode())


def _joined(snippet: str) -> str:
    """Take the spaces between characters of such scripts out again, and merge hits that touch."""
    script = _WITHOUT_SPACES.pattern
    snippet = re.sub(rf" *([\x02\x03]*){script}([\x02\x03]*) *", r"\1\2\3", snippet)
    return " ".join(snippet.replace("\x03\x02", "").split())
