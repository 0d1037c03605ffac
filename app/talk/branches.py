"""The tree of a conversation in the database: read, and the branch that is shown noted after a change."""

from __future__ import annotations

import sqlite3
from typing import Any

from app.talk.schema import file_name
from app.talk.turn_tree import Node, TurnTree


def tree_of(db: sqlite3.Connection, conversation: str) -> TurnTree:
    """All turns of a conversation."""
    rows = db.execute(
        "SELECT id, parent, removed IS NOT NULL, hides_followers, shown_child FROM turns WHERE conversation = ? "
        "ORDER BY number",
        (conversation,),
    )
    return TurnTree(_node(row) for row in rows)


def _node(row: tuple[Any, ...]) -> Node:
    id, parent, removed, hides_followers, shown_child = row
    return Node(file_name(id), parent, bool(removed), bool(hides_followers), shown_child)


def tip_of(db: sqlite3.Connection, conversation: str) -> str | None:
    """The last turn of the branch that is shown."""
    row = db.execute("SELECT tip FROM conversations WHERE key = ?", (conversation,)).fetchone()
    return row[0] if row else None


def show_branch(db: sqlite3.Connection, conversation: str, tip: str | None) -> None:
    """Show the branch that ends in `tip`, and remember the way there at each fork."""
    tree = tree_of(db, conversation)
    if tip is None or not tree.is_open(tip):
        tip = tree.newest_tip(None)
    db.execute("UPDATE conversations SET tip = ?, turns = ? WHERE key = ?", (tip, len(tree.path(tip)), conversation))
    while tip is not None:
        parent = tree.real_parent(tip)
        db.execute("UPDATE turns SET shown_child = ? WHERE id = ? AND shown_child IS NOT ?", (tip, parent, tip))
        tip = parent
