"""Saved conversations: a database with full-text search; recordings lie beside it as files."""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
import time
import uuid
from pathlib import Path

from app.settings import Retention
from app.shown.talk import ConversationView
from app.talk import search
from app.talk.archive import ArchivedConversation
from app.talk.archive_rows import insert_archive, read_archive, taken_ids
from app.talk.branches import show_branch, tip_of, tree_of
from app.talk.database import Database
from app.talk.schema import file_name, single_row
from app.talk.search import view_of_row
from app.talk.stored_turn import StoredTurn, decode_turn
from app.talk.turn_rows import (
    changing_what_is_shown,
    conversation_of,
    erase_conversation,
    erase_turn,
    insert_turn,
    title_of,
    write_turn,
)

__all__ = ["Store", "StoredTurn", "title_of"]

log = logging.getLogger(__name__)

_DAY_S = 86_400
_DAYS_SEEN = 3  # a clock that is wrong once deletes nothing


class Store:
    """The conversations, each a tree of turns. Belongs to the GUI thread; every write is one short transaction.

    What is removed is in no list, no branch and no search, and can be restored until `purge` erases it. Raises
    StorageError.
    """

    def __init__(self, path: Path, recordings: Path) -> None:
        self._recordings = recordings
        self._database = Database(path)

    @property
    def file(self) -> Path:
        """The database."""
        return self._database.path

    @property
    def on_disk(self) -> bool:
        """Whether it is kept; else it is a copy in memory."""
        return self._database.on_disk

    def take_troubles(self) -> list[str]:
        """Sentences about damage that was found since the last call."""
        return self._database.take_troubles()

    def close(self) -> None:
        """Write everything back."""
        self._database.close()

    def folder(self, conversation: str) -> Path:
        """Where a conversation's recordings lie."""
        return self._recordings / conversation

    # Conversations.

    def create(self, preset: str, key: str = "") -> ConversationView:
        """A new, empty conversation."""
        view = ConversationView(key or uuid.uuid4().hex, "", time.time(), preset=preset)
        self._database.write(
            lambda db: db.execute(
                "INSERT INTO conversations (key, title, preset, changed) VALUES (?, '', ?, ?)",
                (view.key, preset, view.when),
            )
        )
        return view

    def conversations(self) -> tuple[ConversationView, ...]:
        """All conversations with something in them, newest first."""
        return self._database.read(
            lambda db: tuple(
                view_of_row(row)
                for row in db.execute(
                    "SELECT key, title, changed, turns, preset FROM conversations "
                    "WHERE removed IS NULL AND turns > 0 ORDER BY changed DESC, number DESC"
                )
            )
        )

    def find(self, query: str, limit: int = -1) -> tuple[ConversationView, ...]:
        """Those in which all words of the query were said, newest first."""
        return self._database.read(lambda db: search.find(db, query, limit))

    def conversation(self, key: str) -> ConversationView | None:
        """One conversation, also an empty one."""
        row = self._database.read(
            lambda db: db.execute(
                "SELECT key, title, changed, turns, preset FROM conversations WHERE key = ? AND removed IS NULL",
                (key,),
            ).fetchone()
        )
        return view_of_row(row) if row else None

    def knows(self, key: str) -> bool:
        """Whether there is such a conversation, removed or not."""
        return self._database.read(
            lambda db: db.execute("SELECT 1 FROM conversations WHERE key = ?", (key,)).fetchone() is not None
        )

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        title = title.strip().encode(errors="replace").decode()

        def work(db: sqlite3.Connection) -> None:
            db.execute("UPDATE conversations SET title = ? WHERE key = ?", (title, key))
            search.index_title(db, key, title)

        self._database.write(work)

    def set_preset(self, key: str, preset: str) -> None:
        """Remember who answers in it."""
        self._database.write(lambda db: db.execute("UPDATE conversations SET preset = ? WHERE key = ?", (preset, key)))

    def remove_conversation(self, key: str) -> None:
        """Hide a conversation until it is restored or purged."""
        self._set_removed("conversations", "key", key, time.time())

    def restore_conversation(self, key: str) -> None:
        """Show a removed conversation again."""
        self._set_removed("conversations", "key", key, None)

    def _set_removed(self, table: str, column: str, key: str, when: float | None) -> None:
        self._database.write(lambda db: db.execute(f"UPDATE {table} SET removed = ? WHERE {column} = ?", (when, key)))

    def archive(self, key: str) -> ArchivedConversation | None:
        """A conversation as it is exported; None when it is not known, removed, or empty."""
        return self._database.read(lambda db: read_archive(db, key))

    def make_room(self, archive: ArchivedConversation) -> ArchivedConversation:
        """An exported conversation under a key and ids that nothing here has."""
        key = archive.key
        if self.knows(key) or self.folder(key).exists():
            key = uuid.uuid4().hex
        return archive.renamed(key, self._database.read(lambda db: taken_ids(db, archive)))

    def add_archive(self, archive: ArchivedConversation) -> None:
        """Keep an exported conversation, for which room was made."""
        self._database.write(lambda db: insert_archive(db, archive))

    def expire(self, retention: Retention, days: int, spared: str = "") -> list[str]:
        """Remove what need not be kept any longer, but for one conversation; returns the keys.

        With a number of days, a conversation goes when it was too old on several days on which Earshot ran.
        """
        self._database.write(_note_today)
        if retention is Retention.ALL:
            return []
        rows = self._database.read(
            lambda db: db.execute(
                "SELECT key, changed FROM conversations WHERE removed IS NULL AND key <> ?", (spared,)
            ).fetchall()
        )
        if retention is Retention.DAYS:
            seen = self._database.read(lambda db: [day for (day,) in db.execute("SELECT day FROM days")])
            rows = [(key, changed) for key, changed in rows if _was_too_old(changed, days, seen)]
        for key, _changed in rows:
            self.remove_conversation(key)
        return [key for key, _changed in rows]

    # Turns.

    def path(self, conversation: str) -> list[StoredTurn]:
        """The branch of a conversation that is shown, oldest first."""

        def work(db: sqlite3.Connection) -> list[StoredTurn]:
            path = tree_of(db, conversation).path(tip_of(db, conversation))
            contents = (single_row(db, "SELECT content FROM turns WHERE id = ?", id)[0] for id in path)
            return [decode_turn(id, conversation, content) for id, content in zip(path, contents, strict=True)]

        return self._database.read(work)

    def ids(self, conversation: str) -> frozenset[str]:
        """All turns of a conversation that are not purged, in whatever branch, removed or not."""
        return self._database.read(
            lambda db: frozenset(
                id for (id,) in db.execute("SELECT id FROM turns WHERE conversation = ?", (conversation,))
            )
        )

    def turn(self, id: str) -> StoredTurn | None:
        """One turn, removed or not."""
        row = self._database.read(
            lambda db: db.execute("SELECT conversation, content FROM turns WHERE id = ?", (id,)).fetchone()
        )
        return decode_turn(id, *row) if row else None

    def parent(self, id: str) -> str | None:
        """The turn that this one is shown below; None when it begins the conversation, or is not known."""

        def work(db: sqlite3.Connection) -> str | None:
            conversation = conversation_of(db, id)
            return tree_of(db, conversation).parent(id) if conversation else None

        return self._database.read(work)

    def versions(self, id: str) -> tuple[str, ...]:
        """The turn with those that were asked or answered in its place, oldest first; alone when it is not known."""
        return self._database.read(
            lambda db: tree_of(db, conversation).versions(id) if (conversation := conversation_of(db, id)) else (id,)
        )

    def all_versions(self, conversation: str) -> dict[str, tuple[str, ...]]:
        """The versions of each turn of the branch that is shown."""

        def work(db: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
            tree = tree_of(db, conversation)
            return {id: tree.versions(id) for id in tree.path(tip_of(db, conversation))}

        return self._database.read(work)

    def show_version(self, id: str) -> None:
        """Show a turn in place of its other versions, with what was shown below it last."""

        def work(db: sqlite3.Connection) -> None:
            if conversation := conversation_of(db, id):
                show_branch(db, conversation, tree_of(db, conversation).newest_tip(id))

        self._database.write(work)

    def add(self, turn: StoredTurn, parent: str | None) -> None:
        """Keep a new turn below the turn `parent` (None: at the beginning) and show it. Where others are there
        already it becomes another version.
        """

        def work(db: sqlite3.Connection) -> None:
            insert_turn(db, turn, parent)
            show_branch(db, turn.conversation, turn.id)

        self._database.write(work)

    def save(self, turn: StoredTurn) -> None:
        """Keep a newer state of a turn."""

        def work(db: sqlite3.Connection) -> None:
            row = db.execute("SELECT number FROM turns WHERE id = ? AND removed IS NULL", (turn.id,)).fetchone()
            if row is not None:
                write_turn(db, turn, row[0])

        self._database.write(work)

    def remove_turn(self, id: str) -> None:
        """Hide a turn until it is restored or purged. What followed it follows its parent now; where it has other
        versions, that goes with it and the next version is shown.
        """

        def work(db: sqlite3.Connection) -> None:
            conversation = conversation_of(db, id)
            if conversation is None:
                return
            tree, tip = tree_of(db, conversation), tip_of(db, conversation)
            versions = tree.versions(id)
            others = [other for other in versions if other != id]
            if others and id in tree.path(tip):
                at = versions.index(id)
                tip = tree.newest_tip(versions[at + 1] if at + 1 < len(versions) else versions[at - 1])
            with changing_what_is_shown(db, conversation):
                db.execute(
                    "UPDATE turns SET removed = ?, hides_followers = ? WHERE id = ?", (time.time(), bool(others), id)
                )
            show_branch(db, conversation, tip)

        self._database.write(work)

    def restore_turn(self, id: str) -> None:
        """Show a removed turn again, where it was and with what followed it."""

        def work(db: sqlite3.Connection) -> None:
            conversation = conversation_of(db, id)
            if conversation is None:
                return
            with changing_what_is_shown(db, conversation):
                db.execute("UPDATE turns SET removed = NULL, hides_followers = 0 WHERE id = ?", (id,))
            show_branch(db, conversation, tree_of(db, conversation).newest_tip(id))

        self._database.write(work)

    # What was removed.

    def purge(self) -> None:
        """Erase all that was removed, and conversations of which no turn is left: recordings, words, and last the rows,
        so that a crash leaves no file that no row speaks of. What it erases cannot be read from any file.
        """
        conversations, turns = self._database.read(lambda db: (_removed_conversations(db), _removed_turns(db)))
        if not conversations and not turns:
            return

        def work(db: sqlite3.Connection) -> None:
            for id in turns:
                for key, name in erase_turn(db, id):
                    with contextlib.suppress(OSError):
                        (self.folder(key) / name).unlink(missing_ok=True)
            for key in _removed_conversations(db):
                erase_conversation(db, key)
                shutil.rmtree(self.folder(key), ignore_errors=True)
            search.erase_unindexed(db)

        self._database.write(work)
        self._database.vacuum()


def _removed_conversations(db: sqlite3.Connection) -> list[str]:
    """Those that are hidden, and those without turns, which no list shows."""
    rows = db.execute(
        "SELECT key FROM conversations WHERE removed IS NOT NULL "
        "OR NOT EXISTS (SELECT 1 FROM turns WHERE conversation = key)"
    )
    return [file_name(key) for (key,) in rows]


def _removed_turns(db: sqlite3.Connection) -> list[str]:
    return [file_name(id) for (id,) in db.execute("SELECT id FROM turns WHERE removed IS NOT NULL")]


def _note_today(db: sqlite3.Connection) -> None:
    """Remember that Earshot ran today; days that are still to come were a clock that was wrong."""
    today = int(time.time() // _DAY_S)
    db.execute("DELETE FROM days WHERE day > ?", (today,))
    db.execute("INSERT OR IGNORE INTO days VALUES (?)", (today,))


def _was_too_old(changed: float, days: int, seen: list[int]) -> bool:
    limit = changed + days * _DAY_S
    return sum(day * _DAY_S > limit for day in seen) >= _DAYS_SEEN
