"""Conversations in the database as they are exported: read whole, and put in whole."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator

from app.talk import search
from app.talk.archive import ArchivedConversation, ArchivedTurn
from app.talk.branches import show_branch, tip_of, tree_of
from app.talk.schema import single_row
from app.talk.stored_turn import decode_turn, encode_turn
from app.talk.turn_tree import TurnTree


def read_archive(db: sqlite3.Connection, key: str) -> ArchivedConversation | None:
    """A conversation without what was removed of it; None when it is not known, removed, or empty."""
    row = db.execute("SELECT title, preset, changed FROM conversations WHERE key = ? AND removed IS NULL", (key,))
    if (found := row.fetchone()) is None:
        return None
    tree, tip = tree_of(db, key), tip_of(db, key)
    path = tree.path(tip)
    turns = tuple(_archived(db, key, tree, id) for id in _in_order(db, key, tree.shown()))
    title, preset, changed = found
    return ArchivedConversation(key, title, preset, changed, path[-1], turns) if path else None


def _in_order(db: sqlite3.Connection, key: str, shown: set[str]) -> Iterator[str]:
    ids = db.execute("SELECT id FROM turns WHERE conversation = ? ORDER BY number", (key,)).fetchall()
    return (id for (id,) in ids if id in shown)


def _archived(db: sqlite3.Connection, key: str, tree: TurnTree, id: str) -> ArchivedTurn:
    created, content = single_row(db, "SELECT created, content FROM turns WHERE id = ?", id)
    follower = None
    if len(tree.children(id)) > 1:  # only at a fork it matters
        path = tree.path(tree.newest_tip(id))
        follower = path[path.index(id) + 1]
    return ArchivedTurn(decode_turn(id, key, content), created, tree.parent(id), follower)


def taken_ids(db: sqlite3.Connection, archive: ArchivedConversation) -> frozenset[str]:
    """Those of its turns' ids that turns in the database have, removed or not."""
    ids = (each.turn.id for each in archive.turns)
    return frozenset(id for id in ids if db.execute("SELECT 1 FROM turns WHERE id = ?", (id,)).fetchone())


def insert_archive(db: sqlite3.Connection, archive: ArchivedConversation) -> None:
    """Put a conversation in. It counts as changed now: what is kept for some days is kept for some days from now."""
    db.execute(
        "INSERT INTO conversations (key, title, preset, changed) VALUES (?, ?, ?, ?)",
        (archive.key, archive.title, archive.preset, time.time()),
    )
    for each in archive.turns:
        cursor = db.execute(
            "INSERT INTO turns (id, conversation, parent, created, content, shown_child) VALUES (?, ?, ?, ?, ?, ?)",
            (
                each.turn.id, archive.key, each.parent, each.created, encode_turn(each.turn), each.shown_follower,
            ),
        )  # fmt: skip
        search.index_turn(db, int(cursor.lastrowid or 0), each.turn.words, archive.key)
    search.index_title(db, archive.key, archive.title)
    show_branch(db, archive.key, archive.shown)
