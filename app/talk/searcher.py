"""Searches the conversations on a thread of its own, with a connection of its own: the window waits for nothing."""

from __future__ import annotations

import contextlib
import logging
import sqlite3

from PySide6.QtCore import QObject, Signal

from app.shown.talk import ConversationView
from app.talk import search
from app.talk.salvage import reading
from app.talk.store import Store
from app.worker import Worker

log = logging.getLogger(__name__)

_CLOSING_S = 0.1

Found = tuple[ConversationView, ...]


class Searcher(QObject):
    """Answers the newest query with `found`."""

    found = Signal(str, tuple)

    def __init__(self, store: Store, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._worker = store, worker
        self._wanted: object = None
        self._running: sqlite3.Connection | None = None

    def search(self, query: str) -> None:
        """Find conversations; what was asked before is not answered any more."""
        self._stop()
        wanted = self._wanted = object()
        if not self._store.on_disk:
            self.found.emit(query, self._store.find(query))
            return

        def answer(found: Found | None, error: Exception | None) -> None:
            if error is not None and not _was_interrupted(error):
                log.error("the search failed", exc_info=error)
            if wanted is self._wanted and found is not None:
                self.found.emit(query, found)

        self._worker.run(lambda: self._find(query, wanted), answer)

    def _find(self, query: str, wanted: object) -> Found:
        """On the worker's thread. Raises sqlite3.Error."""
        with reading(self._store.file) as db:
            self._running = db
            try:
                return search.find(db, query) if wanted is self._wanted else ()
            finally:
                self._running = None

    def _stop(self) -> None:
        self._wanted = None
        if (running := self._running) is not None:
            with contextlib.suppress(sqlite3.Error):  # it has just ended
                running.interrupt()

    def close(self) -> None:
        """Answer nothing any more."""
        self._stop()
        self._worker.close(_CLOSING_S)


def _was_interrupted(error: Exception) -> bool:
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
