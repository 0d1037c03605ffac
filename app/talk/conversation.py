"""The conversation in front: the branch of its turns that is shown, kept in the store as they settle."""

from __future__ import annotations

import bisect
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from app.engine_side.memory import Branch, KnownTurn
from app.settings import Settings
from app.shown.talk import ConversationView, TurnState, TurnView
from app.talk.archive import ArchivedConversation
from app.talk.searcher import Searcher
from app.talk.spoken_words import Span, character_at, word_at
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn, version_of, view_of
from app.translations import told
from engine.errors import StorageError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_SETTLED = (TurnState.DONE, TurnState.INTERRUPTED)


class Conversation(QObject):
    """Turns by id. A conversation has its key from the beginning, and its row in the store with its first turn. What
    cannot be saved is reported by `trouble`, stays in memory and is saved as soon as that works.
    """

    turns_reset = Signal()  # another conversation is shown
    branch_shown = Signal()  # another branch of the same one is
    turn_changed = Signal(TurnView)
    turn_removed = Signal(str)
    changed = Signal(ConversationView)
    list_changed = Signal()
    search_answered = Signal()
    branch_changed = Signal()  # turns were removed, brought back, or others are shown
    trouble = Signal(str)

    def __init__(self, store: Store, settings: Settings, searcher: Searcher) -> None:
        super().__init__()
        self._store, self._settings, self._searcher = store, settings, searcher
        self._turns: dict[str, StoredTurn] = {}
        self._versions: dict[str, tuple[str, ...]] = {}
        self._spoken: tuple[str, tuple[int, int] | None] = "", None  # the turn that sounds, and its characters
        self._unsaved: set[str] = set()
        self._aside: dict[str, int] = {}  # turns that were removed before they could be saved: where they were
        self._query = self.answered_query = ""
        self._gathered: list[str] | None = None
        self._closed = False  # news that come after it change nothing
        self._begin_new()
        self._all = list(store.conversations())  # newest first
        self.listed: tuple[ConversationView, ...] = tuple(self._all)
        searcher.found.connect(self._on_found)

    def _begin_new(self) -> None:
        self.key = uuid.uuid4().hex
        self.view = ConversationView("", "", time.time(), preset=self._settings.now.preset)
        self._turns, self._versions = {}, {}

    def start(self) -> None:
        """Say what is damaged, erase what was removed, apply the retention setting."""
        self._gathered = self._settings.take_troubles()
        self._attempt(self._store.purge)
        self.expire()
        troubles, self._gathered = self._gathered, None
        if troubles:
            self.trouble.emit(" ".join(troubles))

    def _tell(self, trouble: str) -> None:
        """While Earshot starts, all of them are told at once: there is one line for them."""
        if self._gathered is None:
            self.trouble.emit(trouble)
        elif trouble not in self._gathered:
            self._gathered.append(trouble)

    # What is shown.

    @property
    def turns(self) -> tuple[TurnView, ...]:
        """The turns of the branch that is shown, oldest first."""
        return tuple(self._view(turn) for turn in self._turns.values())

    @property
    def last_turn(self) -> TurnView | None:
        """The newest of them."""
        return self._view(next(reversed(self._turns.values()))) if self._turns else None

    def _view(self, turn: StoredTurn) -> TurnView:
        spoken = self._spoken[1] if self._spoken[0] == turn.id else None
        return view_of(turn, spoken, *version_of(turn.id, self._versions.get(turn.id, ())))

    @property
    def stored(self) -> Sequence[StoredTurn]:
        """The same, with what only the app needs."""
        return tuple(self._turns.values())

    def find(self, id: str) -> StoredTurn | None:
        """A turn that is shown."""
        return self._turns.get(id)

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.folder_of(self.key)

    def folder_of(self, key: str) -> Path:
        """Where a conversation's files lie."""
        return self._store.folder(key)

    def branch(self) -> Branch:
        """What the model's memory has to be."""
        known = [self._known(turn) for turn in self._turns.values() if turn.state is not TurnState.FAILED]
        ids = self._read(self._store.ids, self.key) or frozenset()
        return Branch(self.key, self.folder, tuple(known), ids | self._turns.keys())

    def _known(self, turn: StoredTurn) -> KnownTurn:
        spoken = bool(turn.recording) and not turn.attachment
        recording = self.folder / turn.recording if turn.recording else None
        text, transcript = ("", turn.text) if spoken else (turn.text, "")
        answer = turn.answer if turn.state in _SETTLED else ""
        return KnownTurn(turn.id, text, transcript, recording, answer, turn.heard_24k)

    # New and changed turns.

    def add(self, turn: StoredTurn) -> StoredTurn:
        """Append a turn. One of another conversation is not shown."""
        if not self._closed:
            self._unsaved.add(turn.id)
            if turn.conversation == self.key:
                self._turns[turn.id] = turn
                self.turn_changed.emit(self._view(turn))
            self._save(turn)
        return turn

    def take_back(self, turn: StoredTurn) -> bool:
        """Append a turn that may have been stored before; whether it is."""
        if self._closed:
            return False
        if self._read(self._store.turn, turn.id) is None:
            self.add(turn)
        return self.is_saved(turn.id)

    def add_version(self, turn: StoredTurn, other: str) -> StoredTurn:
        """Show a turn in place of another one, which becomes its other version with all that followed it."""
        self._turns = dict(list(self._turns.items())[: list(self._turns).index(other)])
        self._turns[turn.id] = turn
        self._unsaved.add(turn.id)
        self._save(turn)
        self._note_versions()
        self.branch_shown.emit()
        return turn

    def put(self, turn: StoredTurn) -> None:
        """Show another state of a turn, in memory only."""
        self._put(turn, None if self._spoken[0] != turn.id else self._spoken[1])

    def show(self, id: str, **fields: Any) -> None:
        """Change fields of a turn, or which characters of it are `spoken`, in memory only."""
        if (turn := self._turns.get(id)) is not None:
            now = self._spoken[1] if self._spoken[0] == id else None
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

    def show_spoken(self, id: str, spans: Sequence[Span], made_24k: int, played_24k: int) -> None:
        """Show which word of an answer sounds, after so many samples of it."""
        turn = self._turns.get(id)
        if turn is not None and spans:
            self.show(id, spoken=word_at(turn.answer, character_at(spans, made_24k, played_24k)))

    def take_transcript(self, id: str, text: str) -> None:
        """Show what was said in a turn, unless that is known."""
        turn = self._turns.get(id)
        if turn is not None and turn.recording and not turn.text:
            self.show(id, text=text)
            self.keep(id)

    def give_files(self, id: str, **names: str) -> None:
        """Note other files of a turn (`recording`, `sound`); those it had are removed."""
        if (turn := self._turns.get(id)) is not None:
            for field, name in names.items():
                old = getattr(turn, field)
                if old and old != name:
                    (self.folder / old).unlink(missing_ok=True)
            self.show(id, **names)

    def keep(self, id: str, **fields: Any) -> None:
        """Write a turn into the store, with other `fields` than it is shown with."""
        turn = self._turns.get(id)
        if turn is not None and not self._closed:
            self._save(replace(turn, **fields))

    def _save(self, turn: StoredTurn) -> None:
        if turn.id not in self._unsaved:
            self._attempt(self._store.save, turn, about=turn.conversation)
        elif self._create(turn.conversation):
            parent = self._before(turn)
            if self._attempt(self._store.add, turn, parent, about=turn.conversation) is not None:
                self._unsaved.discard(turn.id)

    def _create(self, key: str) -> bool:
        """Make sure that a conversation has its row."""
        known = self._read(self._store.knows, key)
        if known is not False:
            return bool(known)
        view = self._attempt(self._store.create, self._settings.now.preset, key, about=key)
        if view is not None and key == self.key:
            self.view = view
            self.changed.emit(view)
        return view is not None

    def _before(self, turn: StoredTurn) -> str | None:
        """The turn that it follows, unless that could not be saved."""
        if turn.conversation == self.key:
            ids = [id for id in self._turns if id == turn.id or id not in self._unsaved]
            return ids[ids.index(turn.id) - 1] if ids and ids[0] != turn.id else None
        return next((other.id for other in reversed(self._store.path(turn.conversation))), None)

    def is_saved(self, id: str) -> bool:
        """Whether everything that is to be stored of a turn is."""
        return id not in self._unsaved

    # Versions, removal.

    def version_beside(self, id: str, step: int) -> str:
        """The version so many further than a turn that is shown; "" where there is none."""
        versions = self._versions.get(id, (id,))
        place = versions.index(id) + step
        return versions[place] if 0 <= place < len(versions) else ""

    def show_version(self, id: str) -> None:
        """Show a version in place of the others, with what was shown below it last."""
        self._attempt(self._store.show_version, id, about=self.key)
        self._reload()

    def has_versions(self, id: str) -> bool:
        """Whether a turn that is shown has others in its place."""
        return len(self._versions.get(id, ())) > 1

    def remove(self, id: str) -> None:
        """Hide a turn, until it is restored or erased for good."""
        versions = self._versions.get(id, ())
        if id in self._unsaved:
            self._unsaved.discard(id)
            self._aside[id] = list(self._turns).index(id)
        else:
            self._attempt(self._store.remove_turn, id, about=self.key)
        if len(versions) > 1:
            self._reload()
            return
        self._turns.pop(id, None)
        self.turn_removed.emit(id)
        self.branch_changed.emit()

    def restore(self, turn: StoredTurn) -> None:
        """Show a removed turn again."""
        if (place := self._aside.pop(turn.id, None)) is None:
            self._attempt(self._store.restore_turn, turn.id, about=turn.conversation)
        else:
            self._put_back(turn, place)
        if turn.conversation == self.key:
            self._reload()

    def _put_back(self, turn: StoredTurn, place: int) -> None:
        """Show a turn that was removed before it could be saved, and try to save it again."""
        if turn.conversation == self.key:
            turns = list(self._turns.items())
            self._turns = dict([*turns[:place], (turn.id, turn), *turns[place:]])
        self._unsaved.add(turn.id)
        self._save(turn)

    def _reload(self) -> None:
        """Show the branch that the store says; turns that live are as they are shown."""
        path = self._read(self._store.path, self.key)
        if path is not None:
            unsaved = [turn for turn in self._turns.values() if turn.id in self._unsaved]
            self._turns = {turn.id: self._turns.get(turn.id, turn) for turn in [*path, *unsaved]}
        self._note_versions()
        self.branch_shown.emit()
        self.branch_changed.emit()

    def _note_versions(self) -> None:
        self._versions = self._read(self._store.all_versions, self.key) or {}

    # Conversations.

    def open(self, key: str) -> None:
        """Show a saved conversation."""
        view = self._store.conversation(key)
        if view is not None:
            self.key, self.view = key, view
            self._turns = {turn.id: turn for turn in self._store.path(key)}
            self._versions = self._store.all_versions(key)
            self._announce()

    def new(self) -> None:
        """Show an empty one."""
        self._begin_new()
        self._announce()

    def _announce(self) -> None:
        self.changed.emit(self.view)
        self.turns_reset.emit()

    def title(self, key: str) -> str | None:
        """What a conversation is called; None when it is not saved, or removed."""
        view = self._read(self._store.conversation, key)
        return view.title if view is not None else None

    def rename(self, key: str, title: str) -> None:
        """Give a conversation a name."""
        self._attempt(self._store.rename, key, title, about=key)

    def remove_conversation(self, key: str) -> None:
        """Hide a conversation with its recordings, until it is restored or erased for good."""
        self._attempt(self._store.remove_conversation, key, about=key)
        if key == self.key:
            self.new()

    def is_removed(self, key: str) -> bool:
        """Whether a conversation is hidden."""
        return bool(self._read(self._store.knows, key)) and self._read(self._store.conversation, key) is None

    def restore_conversation(self, key: str) -> None:
        """List a removed conversation again."""
        self._attempt(self._store.restore_conversation, key, about=key)

    def archive(self, key: str) -> ArchivedConversation | None:
        """A saved conversation as it is exported."""
        return self._read(self._store.archive, key)

    def make_room(self, archive: ArchivedConversation) -> ArchivedConversation | None:
        """An exported conversation under ids that are free here."""
        return self._read(self._store.make_room, archive)

    def take_in(self, archive: ArchivedConversation) -> bool:
        """Keep an exported conversation for which room was made; whether that could be done."""
        return not self._closed and self._attempt(self._store.add_archive, archive, about=archive.key) is not None

    def set_preset(self, preset: str) -> None:
        """Remember who answers."""
        if self.view.key:
            self._attempt(self._store.set_preset, self.view.key, preset, about=self.view.key)

    # The list.

    def search(self, query: str) -> None:
        """List only conversations in which this was said, as soon as they are found; "" lists all."""
        self._query = query.strip()
        if self._query:
            self._searcher.search(self._query)
        else:
            self._list(tuple(self._all))
            self._tell_answered("")

    def _on_found(self, query: str, found: tuple[ConversationView, ...]) -> None:
        if query == self._query and not self._closed:
            self._list(found)
            self._tell_answered(query)

    def _tell_answered(self, query: str) -> None:
        self.answered_query = query
        self.search_answered.emit()

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

    def _attempt(self, command: Callable[..., Any], *arguments: Any, about: str = "") -> Any:
        """What the store answers, True for nothing; None when it cannot, and why is said. `about` is the only
        conversation that it changes.
        """
        try:
            result = command(*arguments)
            self._refresh(about)
        except StorageError as error:
            self._tell(told(error))
            return None
        return True if result is None else result

    def _read(self, command: Callable[..., Answer], *arguments: Any) -> Answer | None:
        """The same for what changes nothing."""
        try:
            return command(*arguments)
        except StorageError as error:
            self._tell(told(error))
            return None

    def _refresh(self, about: str = "") -> None:
        if self._closed:
            return
        for sentence in self._store.take_troubles():
            self._tell(sentence)
            about = ""
        if about:
            self._sort_in(about)
        else:
            self._all = list(self._store.conversations())
        if self._query:
            self._searcher.search(self._query)
        else:
            self._list(tuple(self._all))
            self._tell_answered("")
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
