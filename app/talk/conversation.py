"""The conversation in front: its turns as they are shown, kept in the store as they settle."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.settings import Settings
from app.shown import ConversationView, TurnView
from app.talk.store import Store, StoredTurn
from engine.errors import StorageError

log = logging.getLogger(__name__)


class Conversation(QObject):
    """Turns by key. A conversation is created in the store with its first turn. What cannot be saved is reported once
    by `trouble` and stays in memory.
    """

    turns_reset = Signal()
    turn_changed = Signal(TurnView)
    turn_removed = Signal(int)
    changed = Signal(ConversationView)
    list_changed = Signal()
    trouble = Signal(str)

    def __init__(self, store: Store, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._settings = store, settings
        self._turns: dict[int, StoredTurn] = {}
        self._next_unsaved = -1
        self._query = ""
        self._closed = False  # news that come after it change nothing
        self.view = ConversationView("", "", time.time(), preset=settings.now.preset)
        self.listed: tuple[ConversationView, ...] = store.conversations()

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """What is shown, oldest first."""
        return tuple(turn.view for turn in self._turns.values())

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

    def find(self, key: int) -> StoredTurn | None:
        """The turn of this key."""
        return self._turns.get(key)

    def gone(self, key: str) -> bool:
        """Whether a conversation was deleted."""
        return not self._closed and key != self.view.key and self._store.conversation(key) is None

    def begin(self) -> None:
        """Make sure that the conversation exists in the store."""
        if not self.view.key:
            self.view = self._store.create(self._settings.now.preset)
            self.changed.emit(self.view)

    def add(self, turn: StoredTurn) -> StoredTurn:
        """Append a turn; returns it with its key. One of another conversation is not shown."""
        if self._closed:
            return turn
        try:
            turn = self._store.add(turn)
        except StorageError as error:
            turn = replace(turn, view=replace(turn.view, key=self._next_unsaved))
            self._next_unsaved -= 1
            self.trouble.emit(str(error))
        if turn.conversation == self.view.key:
            self._turns[turn.view.key] = turn
            self.turn_changed.emit(turn.view)
        self._refresh()
        return turn

    def show(self, key: int, **view: Any) -> None:
        """Change what is shown of a turn, in memory only."""
        if (turn := self._turns.get(key)) is not None:
            changed = replace(turn.view, **view)
            if changed != turn.view:
                self._turns[key] = replace(turn, view=changed)
                self.turn_changed.emit(changed)

    def note(self, key: int, **fields: Any) -> None:
        """Change what only the app needs of a turn, in memory only."""
        if (turn := self._turns.get(key)) is not None:
            self._turns[key] = replace(turn, **fields)

    def give_files(self, key: int, **names: str) -> None:
        """Note other files of a turn (`recording`, `sound`); those it had are removed."""
        if (turn := self._turns.get(key)) is not None:
            for field, name in names.items():
                old = getattr(turn, field)
                if old and old != name:
                    (self.folder / old).unlink(missing_ok=True)
            self.note(key, **names)

    def keep(self, key: int) -> None:
        """Write a turn into the store."""
        turn = self._turns.get(key)
        if turn is None or key < 0 or self._closed:
            return
        try:
            self._store.save(replace(turn, view=replace(turn.view, spoken=None)))
        except StorageError as error:
            self.trouble.emit(str(error))
        self._refresh()

    def remove(self, key: int) -> None:
        """Take a turn out; the places of later ones in the engine's session move up."""
        turn = self._turns.pop(key)
        for later in self._turns.values():
            if turn.place is not None and later.place is not None and later.place > turn.place:
                self.note(later.view.key, place=later.place - 1)
                self.keep(later.view.key)
        self._forget([turn])
        self.turn_removed.emit(key)

    def remove_after(self, key: int) -> None:
        """Take out everything later than this turn."""
        later = [turn for turn in self._turns.values() if turn.view.key > key]
        for turn in later:
            del self._turns[turn.view.key]
        if later:
            self._forget(later)
            self.turns_reset.emit()

    def _forget(self, turns: list[StoredTurn]) -> None:
        try:
            self._store.delete_turns([turn.view.key for turn in turns])
        except StorageError as error:
            self.trouble.emit(str(error))
        for turn in turns:
            for name in (turn.recording, turn.sound):
                if name:
                    (self.folder / name).unlink(missing_ok=True)
        self._refresh()

    def open(self, key: str) -> None:
        """Show a saved conversation."""
        view = self._store.conversation(key)
        if view is not None:
            self.view = view
            self._turns = {turn.view.key: turn for turn in self._store.turns(key)}
            self._announce()

    def new(self) -> None:
        """Show an empty one."""
        self.view = ConversationView("", "", time.time(), preset=self._settings.now.preset)
        self._turns = {}
        self._announce()

    def _announce(self) -> None:
        self.changed.emit(self.view)
        self.turns_reset.emit()

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        if title.strip():
            self._attempt(self._store.rename, key, title)

    def delete(self, key: str) -> None:
        """Remove a conversation with its recordings."""
        self._attempt(self._store.delete, key)
        if key == self.view.key:
            self.new()

    def set_preset(self, preset: str) -> None:
        """Remember who answers."""
        if self.view.key:
            self._attempt(self._store.set_preset, self.view.key, preset)

    def search(self, query: str) -> None:
        """List only conversations in which this was said; "" lists all."""
        self._query = query
        self._refresh()

    def expire(self) -> None:
        """Apply the retention setting; the conversation in front stays while it is shown."""
        self._expire(self.view.key)

    def _expire(self, spared: str) -> None:
        now = self._settings.now
        try:
            self._store.expire(now.retention, now.retention_days, spared)
        except StorageError as error:
            self.trouble.emit(str(error))
        self._refresh()

    def close(self) -> None:
        """Apply the retention setting once more and close the store."""
        if not self._closed:
            self._expire("")
            self._closed = True
            self._store.close()

    def _attempt(self, command: Any, *arguments: Any) -> None:
        try:
            command(*arguments)
        except StorageError as error:
            self.trouble.emit(str(error))
        self._refresh()

    def _refresh(self) -> None:
        if self._closed:
            return
        listed = self._store.conversations(self._query)
        if listed != self.listed:
            self.listed = listed
            self.list_changed.emit()
        view = self._store.conversation(self.view.key) if self.view.key else None
        if view is not None and (view.title, view.preset) != (self.view.title, self.view.preset):
            self.view = view
            self.changed.emit(view)
