"""Writes the rows of turns, with their words and the title of the conversation, and erases them with all they own."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator

from app.talk import search
from app.talk.branches import show_branch, tip_of, tree_of
from app.talk.schema import file_name, single_row
from app.talk.stored_turn import StoredTurn, decode_turn, encode_turn

_TITLE_CHARACTERS = 48


def title_of(text: str) -> str:
    """The first words of what was said, cut at a word."""
    line = " ".join(text.encode(errors="replace").decode().split())
    if len(line) <= _TITLE_CHARACTERS:
        return line.rstrip(".。")
    cut = line[:_TITLE_CHARACTERS]
    return (cut.rsplit(" ", 1)[0] if " " in cut[_TITLE_CHARACTERS // 2 :] else cut).rstrip(" ,.;:，。；：") + "…"


def conversation_of(db: sqlite3.Connection, id: str) -> str | None:
    """Where a turn belongs; None when it is not known."""
    row = db.execute("SELECT conversation FROM turns WHERE id = ?", (id,)).fetchone()
    return file_name(row[0]) if row else None


def insert_turn(db: sqlite3.Connection, turn: StoredTurn, parent: str | None) -> None:
    """A new turn below the one it is shown after."""
    cursor = db.execute(
        "INSERT INTO turns (id, conversation, parent, created, content) VALUES (?, ?, ?, ?, '{}')",
        (turn.id, turn.conversation, _real_parent(db, turn.conversation, parent), time.time()),
    )
    write_turn(db, turn, int(cursor.lastrowid or 0))


def _real_parent(db: sqlite3.Connection, conversation: str, parent: str | None) -> str | None:
    """Other versions and removed turns may stand between a turn and the one it is shown below."""
    tree, tip = tree_of(db, conversation), tip_of(db, conversation)
    if parent is not None and parent not in tree:  # it could not be saved
        return tip
    if beside := tree.children(parent):
        return tree.real_parent(beside[-1])
    ends_here = parent == next(reversed(tree.path(tip)), None)
    return tip if ends_here else parent


def write_turn(db: sqlite3.Connection, turn: StoredTurn, number: int) -> None:
    """A newer state of a turn."""
    db.execute("UPDATE turns SET content = ? WHERE number = ?", (encode_turn(turn), number))
    search.index_turn(db, number, turn.words, turn.conversation)
    db.execute("UPDATE conversations SET changed = ? WHERE key = ?", (time.time(), turn.conversation))
    _give_title(db, turn, number)


def _give_title(db: sqlite3.Connection, turn: StoredTurn, number: int) -> None:
    """What was said first; the answer to it until that is transcribed."""
    title, answer = title_of(turn.text), title_of(turn.answer)
    db.execute(
        "UPDATE conversations SET title = ? WHERE key = ? AND (title = '' OR (title = ? AND ? <> '' AND "
        "NOT EXISTS (SELECT 1 FROM turns WHERE conversation = ? AND number < ? AND removed IS NULL)))",
        (title or answer, turn.conversation, answer, title, turn.conversation, number),
    )


@contextlib.contextmanager
def changing_what_is_shown(db: sqlite3.Connection, conversation: str) -> Iterator[None]:
    """What the block hides is found no more, what it shows again is found again."""
    before = tree_of(db, conversation).shown()
    yield
    after = tree_of(db, conversation).shown()
    for id in before ^ after:
        number, content = single_row(db, "SELECT number, content FROM turns WHERE id = ?", id)
        if id in after:
            search.index_turn(db, number, decode_turn(id, conversation, content).words, conversation)
        else:
            search.unindex_turn(db, number)


def erase_conversation(db: sqlite3.Connection, key: str) -> None:
    """A conversation with all its turns and words."""
    for (number,) in db.execute("SELECT number FROM turns WHERE conversation = ?", (key,)).fetchall():
        search.unindex_turn(db, number)
    search.index_title(db, key, "")
    db.execute("DELETE FROM turns WHERE conversation = ?", (key,))
    db.execute("DELETE FROM conversations WHERE key = ?", (key,))


def erase_turn(db: sqlite3.Connection, id: str) -> list[tuple[str, str]]:
    """A removed turn, with those it hides. Returns conversation and name of each file that no other turn has, among
    them what the model's memory saved.
    """
    row = db.execute(
        "SELECT conversation, parent, hides_followers, shown_child FROM turns WHERE id = ?", (id,)
    ).fetchone()
    if row is None:
        return []
    conversation = file_name(row[0])
    parent, hides_followers, child = row[1:]
    erased = tree_of(db, conversation).below(id) if hides_followers else [id]
    files = set().union(*(_files_of(db, each) for each in erased))
    for each in erased:
        (number,) = single_row(db, "SELECT number FROM turns WHERE id = ?", each)
        search.unindex_turn(db, number)
        db.execute("DELETE FROM turns WHERE id = ?", (each,))
    if not hides_followers:
        db.execute("UPDATE turns SET parent = ? WHERE parent = ?", (parent, id))
        db.execute("UPDATE turns SET shown_child = ? WHERE id = ? AND shown_child = ?", (child, parent, id))
        db.execute("UPDATE conversations SET tip = ? WHERE key = ? AND tip = ?", (parent, conversation, id))
    show_branch(db, conversation, tip_of(db, conversation))
    others = db.execute("SELECT id FROM turns WHERE conversation = ?", (conversation,)).fetchall()
    files.difference_update(*(_files_of(db, other) for (other,) in others))
    return [(conversation, name) for name in (*sorted(files), *(f"session/{each}.turn" for each in erased))]


def _files_of(db: sqlite3.Connection, id: str) -> set[str]:
    conversation, content = single_row(db, "SELECT conversation, content FROM turns WHERE id = ?", id)
    return decode_turn(id, conversation, content).files
