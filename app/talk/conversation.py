"""The conversation in front: its turns as they are shown, kept in the store as they settle."""

from __future__ import annotations

import bisect
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.settings import Settings
from app.shown import ConversationView, TurnView
from app.talk.searcher import Searcher
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn, version_of, view_of
from engine.errors import StorageError

log = logging.getLogger(__name__)


class Conversation(QObject):
    """Turns by id. A conversation is created in the store with its first turn. What cannot be saved is reported by
    `trouble`, stays in memory and is saved as soon as that works.
    """

    turns_reset = Signal()
    turn_changed = Signal(TurnView)
    turn_removed = Signal(str)
    changed = Signal(ConversationView)
    list_changed = Signal()
    trouble = Signal(str)

    def __init__(self, store: Store, settings: Settings, searcher: Searcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._settings, self._searcher = store, settings, searcher
        self._turns: dict[str, StoredTurn] = {}
        self._versions: dict[str, tuple[str, ...]] = {}
        self._spoken: tuple[str, tuple[int, int] | None] = "", None  # the turn that sounds, and its characters
        self._unsaved: set[str] = set()
        self._query = ""
        self._closed = False  # news that come after it change nothing
        self.view = ConversationView("", "", time.time(), preset=settings.now.preset)
        self._all = list(store.conversations())  # newest first
        self.listed: tuple[ConversationView, ...] = tuple(self._all)
        searcher.found.connect(self._on_found)

    def start(self) -> None:
        """Say what is damaged, erase what was removed, apply the retention setting."""
        self._attempt(self._store.purge)
        self.expire()

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """What is shown, oldest first."""
        return tuple(self._view(turn) for turn in self._turns.values())

    def _view(self, turn: StoredTurn) -> TurnView:
        spoken = self._spoken[1] if self._spoken[0] == turn.id else None
        return view_of(turn, spoken, *version_of(turn.id, self._versions.get(turn.id, ())))

    @property
    def stored(self) -> Sequence[StoredTurn]:
        """The same with what only the app needs."""
        return tuple(self._turns.values())

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.folder_of(self.view.key)

    def folder_of(self, key: str) -> Path:
        """Where a conversation's files lie."""
        return self._store.folder(key)

    def find(self, key: str) -> StoredTurn | None:
        """The turn with this id."""
        return self._turns.get(key)

    def after(self, key: str) -> Sequence[StoredTurn]:
        """The turns that follow the one with this id."""
        turns = list(self._turns.values())
        return turns[list(self._turns).index(key) + 1 :]

    def gone(self, key: str) -> bool:
        """Whether a conversation was deleted."""
        return not self._closed and key != self.view.key and self._store.conversation(key) is None

    def begin(self) -> None:
        """Make sure that the conversation exists in the store."""
        if not self.view.key:
            self.view = self._store.create(self._settings.now.preset)
            self.changed.emit(self.view)

    def add(self, turn: StoredTurn) -> StoredTurn:
        """Append a turn. One of another conversation is not shown."""
        if self._closed:
            return turn
        self._unsaved.add(turn.id)
        if turn.conversation == self.view.key:
            self._turns[turn.id] = turn
            self.turn_changed.emit(self._view(turn))
        self._save(turn)
        return turn

    def put(self, turn: StoredTurn) -> None:
        """Show another state of a turn, in memory only."""
        self._put(turn, None if self._spoken[0] != turn.id else self._spoken[1])

    def show(self, key: str, **fields: Any) -> None:
        """Change fields of a turn, or which characters of it are `spoken`, in memory only."""
        if (turn := self._turns.get(key)) is not None:
            now = self._spoken[1] if self._spoken[0] == key else None
            spoken = fields.pop("spoken", now)
            self._put(replace(turn, **fields), spoken)

    def _put(self, turn: StoredTurn, spoken: tuple[int, int] | None) -> None:
        if (before := self._turns.get(turn.id)) is not None:
            shown = self._view(before)
            self._turns[turn.id] = turn
            if spoken is not None or self._spoken[0] == turn.id:
                self._spoken = turn.id, spoken
            if (view := self._view(turn)) != shown:
                self.turn_changed.emit(view)

    def give_files(self, key: str, **names: str) -> None:
        """Note other files of a turn (`recording`, `sound`); those it had are removed."""
        if (turn := self._turns.get(key)) is not None:
            for field, name in names.items():
                old = getattr(turn, field)
                if old and old != name:
                    (self.folder / old).unlink(missing_ok=True)
            self.show(key, **names)

    def keep(self, key: str) -> None:
        """Write a turn into the store."""
        turn = self._turns.get(key)
        if turn is not None and not self._closed:
            self._save(turn)

    def _save(self, turn: StoredTurn) -> None:
        if turn.id not in self._unsaved:
            self._attempt(self._store.save, turn, about=turn.conversation)
        elif self._attempt(self._store.add, turn, self._before(turn), about=turn.conversation):
            self._unsaved.discard(turn.id)

    def _before(self, turn: StoredTurn) -> str | None:
        """The turn that it follows, unless that could not be saved."""
        if turn.conversation == self.view.key:
            ids = [id for id in self._turns if id == turn.id or id not in self._unsaved]
            return ids[ids.index(turn.id) - 1] if ids and ids[0] != turn.id else None
        return next((other.id for other in reversed(self._store.path(turn.conversation))), None)

    def remove(self, key: str) -> None:
        """Take a turn out; the places of later ones in the engine's session move up."""
        later = self.after(key)
        turn = self._turns.pop(key)
        for other in later:
            if turn.place is not None and other.place is not None and other.place > turn.place:
                self.show(other.id, place=other.place - 1)
                self.keep(other.id)
        self._attempt(self._store.remove_turn, key, about=turn.conversation)
        self.turn_removed.emit(key)

    def remove_after(self, key: str) -> None:
        """Take out everything later than this turn."""
        later = self.after(key)
        for turn in reversed(later):
            del self._turns[turn.id]
            self._attempt(self._store.remove_turn, turn.id, about=turn.conversation)
        if later:
            self.turns_reset.emit()

    def open(self, key: str) -> None:
        """Show a saved conversation."""
        view = self._store.conversation(key)
        if view is not None:
            self.view = view
            self._turns = {turn.id: turn for turn in self._store.path(key)}
            self._versions = self._store.all_versions(key)
            self._announce()

    def new(self) -> None:
        """Show an empty one."""
        self.view = ConversationView("", "", time.time(), preset=self._settings.now.preset)
        self._turns, self._versions = {}, {}
        self._announce()

    def _announce(self) -> None:
        self.changed.emit(self.view)
        self.turns_reset.emit()

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        if title.strip():
            self._attempt(self._store.rename, key, title, about=key)

    def delete(self, key: str) -> None:
        """Remove a conversation with its recordings."""
        self._attempt(self._store.remove_conversation, key, about=key)
        if key == self.view.key:
            self.new()

    def set_preset(self, preset: str) -> None:
        """Remember who answers."""
        if self.view.key:
            self._attempt(self._store.set_preset, self.view.key, preset, about=self.view.key)

    def search(self, query: str) -> None:
        """List only conversations in which this was said, as soon as they are found; "" lists all."""
        self._query = query.strip()
        if self._query:
            self._searcher.search(self._query)
        else:
            self._list(tuple(self._all))

    def _on_found(self, query: str, found: tuple[ConversationView, ...]) -> None:
        if query == self._query and not self._closed:
            self._list(found)

    def _list(self, conversations: tuple[ConversationView, ...]) -> None:
        if conversations != self.listed:
            self.listed = conversations
            self.list_changed.emit()

    def expire(self) -> None:
        """Apply the retention setting; the conversation in front stays while it is shown."""
        self._expire(self.view.key)

    def _expire(self, spared: str) -> None:
        now = self._settings.now
        self._attempt(self._store.expire, now.retention, now.retention_days, spared)

    def close(self) -> None:
        """Apply the retention setting once more, erase what was removed, and close the store."""
        if not self._closed:
            self._expire("")
            self._attempt(self._store.purge)
            self._closed = True
            self._searcher.close()
            self._store.close()

    def _attempt(self, command: Any, *arguments: Any, about: str = "") -> bool:
        """Whether the store could do it; else why not is said. `about` is the only conversation that it changes."""
        try:
            command(*arguments)
            self._refresh(about)
        except StorageError as error:
            self.trouble.emit(str(error))
            return False
        return True

    def _refresh(self, about: str = "") -> None:
        if self._closed:
            return
        for sentence in self._store.take_troubles():
            self.trouble.emit(sentence)
            about = ""
        if about:
            self._sort_in(about)
        else:
            self._all = list(self._store.conversations())
        if self._query:
            self._searcher.search(self._query)
        else:
            self._list(tuple(self._all))
        view = self._store.conversation(self.view.key) if self.view.key else None
        if view is not None and (view.title, view.preset) != (self.view.title, self.view.preset):
            self.view = view
            self.changed.emit(view)

    def _sort_in(self, key: str) -> None:
        """List one conversation as it is now; thousands of others stay as they are."""
        view = self._store.conversation(key)
        self._all = [each for each in self._all if each.key != key]
        if view is not None and view.turns:
            place = bisect.bisect_left(self._all, -view.when, key=lambda each: -each.when)
            self._all.insert(place, view)
