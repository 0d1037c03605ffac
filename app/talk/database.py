"""The database file of the conversations: opened, brought up to date, mended where it is damaged."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from app.talk import salvage, schema
from app.translations import sentence
from engine.errors import StorageError
from engine.regular_files import check_regular
from engine.storage import open_private

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_IN_USE = ("SQLITE_BUSY", "SQLITE_LOCKED")


class Database:
    """One connection to the file. Belongs to the thread that made it; a file that is damaged is mended from what can
    be read of it, and one that cannot be written is worked on in memory. `take_troubles` says so. Raises StorageError
    for a file that another program holds, or that a newer Earshot wrote.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_disk = True
        self._troubles: list[str] = []
        self._db = self._opened()

    def close(self) -> None:
        """Write everything back; nothing of what was deleted stays in the log of changes."""
        with contextlib.suppress(sqlite3.Error):  # another reader may hold it
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def take_troubles(self) -> list[str]:
        """Sentences about the file that were not told yet."""
        told, self._troubles = self._troubles, []
        return told

    def read(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """What `work` finds. Raises StorageError."""
        return self._mending(lambda: work(self._db))

    def write(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do all of `work` or nothing of it. Raises StorageError."""

        def in_transaction() -> Answer:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                answer = work(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # some errors have ended it already
                    self._db.execute("ROLLBACK")
                raise
            return answer

        return self._mending(in_transaction)

    def vacuum(self) -> None:
        """Give the room of what was erased back to the disk. Raises StorageError."""
        self._mending(lambda: self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    def _mending(self, work: Callable[[], Answer]) -> Answer:
        try:
            try:
                return work()
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # text that is none, also in an error's words
                if not _is_damage(error) or not self.on_disk:
                    raise
                self._mend()
                return work()
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise StorageError(_why(error).format(path=self.path.name, reason=_reason(error))) from error

    def _opened(self) -> sqlite3.Connection:
        try:
            try:
                return self._connected()
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not _is_damage(error):
                    raise
                self._put_aside()
                return self._connected()
        except schema.NewerVersionError:
            raise
        except (sqlite3.Error, OSError, StorageError, UnicodeDecodeError) as error:
            if _is_one_of(error, _IN_USE):
                raise StorageError(_why(error).format(path=self.path.name, reason=_reason(error))) from error
            return self._in_memory(error)

    def _connected(self) -> sqlite3.Connection:
        if os.path.lexists(self.path):
            check_regular(self.path)
        os.close(open_private(self.path))  # SQLite gives its other files the same rights
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            schema.bring_up_to_date(db, self.path)
        except BaseException:
            db.close()
            raise
        return db

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        """A copy to work on, or an empty one."""
        log.warning("%s cannot be written: conversations stay in memory", self.path.name, exc_info=error)
        self.on_disk = False
        words = sentence(
            "Conversations cannot be saved to {path} ({reason}): what you say now will be lost when you quit."
        )
        self._troubles.append(words.format(path=self.path.name, reason=_reason(error)))
        db = sqlite3.connect(":memory:", isolation_level=None)
        for options in ("mode=ro", "immutable=1"):
            with contextlib.suppress(sqlite3.Error, OSError), salvage.reading(self.path, options) as saved:
                saved.backup(db)
                break
        try:
            schema.bring_up_to_date(db, self.path)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            db.close()
            db = sqlite3.connect(":memory:", isolation_level=None)
            schema.bring_up_to_date(db, self.path)
        return db

    def _mend(self) -> None:
        self._db.close()
        self._put_aside()
        self._db = self._connected()

    def _put_aside(self) -> None:
        """Move the damaged file away, and begin a new one with what can be read of it."""
        copy = salvage.put_aside(self.path)
        log.warning("%s is damaged: it is now %s", self.path.name, copy.name)
        db = self._connected()
        try:
            kept = salvage.take_over(copy, db)
        finally:
            db.close()
        words = sentence(
            "The saved conversations were damaged: {turns} turns could be recovered. The old file is now {copy}."
        )
        self._troubles.append(words.format(turns=kept, copy=copy.name))


def _is_damage(error: Exception) -> bool:
    return isinstance(error, UnicodeDecodeError) or _is_one_of(error, _DAMAGED)


def _is_one_of(error: Exception, names: tuple[str, ...]) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(names)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _why(error: Exception) -> str:
    """The sentence for what SQLite or the disk says."""
    if _is_one_of(error, _IN_USE):
        return sentence("{path} is in use by another program ({reason}): close it and try again.")
    if _is_damage(error):
        return sentence("{path} is damaged ({reason}): move it elsewhere, then Earshot begins a new one.")
    return sentence("Conversations could not be saved to {path} ({reason}): make room on the disk.")
