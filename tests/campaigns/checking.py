"""The start after a kill: window, database, the model's memory and the files are compared by ids."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from app.paths import Paths
from app.shown.talk import State, TurnState
from app.talk.store import Store
from app.talk.stored_turn import StoredTurn
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.records import TurnRecord
from engine.conversation.remembering.saving import Store as SavedTurns
from tests.campaigns.campaign import Findings
from tests.campaigns.expected import Shown, expected_of
from tests.campaigns.person import Person
from tests.campaigns.processes import Watched
from tests.campaigns.running_app import Steps, journal_path
from tests.fakes import small_vocabulary

_SWEPT_WITHIN_S = 10.0
_OURS = ("settings.json", "conversations.sqlite", "conversations.sqlite-wal", "conversations.sqlite-shm", ".lock")
_OUR_FOLDERS = ("logs", "transcriptions", "voices")


class Check(Person):
    """Looks at everything that was shown, and goes on talking in every conversation."""

    def __init__(self, watched: Watched, home: Path, seed: int, label: str) -> None:
        super().__init__(watched, home, seed, label)
        self.expected = expected_of(journal_path(home))
        self.found = Findings()

    def steps(self) -> Steps:
        paths = Paths(self.home, self.home / "logs")
        self.store = Store(paths.store, paths.recordings)
        self.app.settings.change(spoken_answers=False)
        yield from self._files()
        keys = [view.key for view in self.store.conversations()]
        self._conversations(keys)
        for key in keys:
            self.controller.open_conversation(key)
            self._window(key)
            yield from self._go_on(key)
            self._memory(key)
        self.store.close()
        self.watched.report(self.found)

    # Files.

    def _files(self) -> Steps:
        """What no row names goes within a while; what a row names is there."""
        end = time.monotonic() + _SWEPT_WITHIN_S
        yield lambda: not set(_files_in(self.home)) - self._known_files() or time.monotonic() > end
        files, known = set(_files_in(self.home)), self._known_files()
        self.found.left_behind += sorted(files - known)
        for key, turn in self._stored_turns():
            for name in turn.files:
                if f"recordings/{key}/{name}" not in files:
                    self.found.lost.append(f"{name} of turn {turn.id}")

    def _known_files(self) -> set[str]:
        known = set(_OURS)
        for key, turn in self._stored_turns():
            known |= {f"recordings/{key}/{name}" for name in turn.files}
            known |= {f"recordings/{key}/session/{name}" for name in ("index.jsonl", f"{turn.id}.turn")}
        return known

    def _stored_turns(self) -> Iterable[tuple[str, StoredTurn]]:
        for view in self.store.conversations():
            for id in self.store.ids(view.key):
                if (turn := self.store.turn(id)) is not None:
                    yield view.key, turn

    # The database.

    def _conversations(self, keys: list[str]) -> None:
        expected = self.expected
        for key in expected.paths:
            stay = [id for id in expected.paths[key] if expected.stays(id)]
            if stay and key not in keys:
                self.found.lost.append(f"conversation {key}")
        for key in expected.removed_conversations - expected.uncertain_conversations:
            if key in keys or self.store.ids(key):
                self.found.left_behind.append(f"conversation {key}, which was removed")
        for id, shown in expected.turns.items():
            if expected.stays(id):
                self._turn(shown)
            elif id in expected.removed - expected.uncertain and self.store.turn(id) is not None:
                self.found.left_behind.append(f"turn {id}, which was removed")

    def _turn(self, shown: Shown) -> None:
        stored = self.store.turn(shown["id"])
        if stored is None:
            self.found.lost.append(f"turn {shown}")
            return
        for name in ("text", "answer"):
            if shown[name] and getattr(stored, name) != shown[name] and not self._was_changed(shown["id"]):
                self.found.lost.append(f"{name} of turn {shown}: it is now {getattr(stored, name)!r}")
        if shown["seconds"] and not stored.recording:
            self.found.lost.append(f"the recording of turn {shown}")
        if shown["sound"] and not stored.sound and not self._was_changed(shown["id"]):
            self.found.lost.append(f"the sound of turn {shown}")
        if shown["state"] in ("done", "interrupted") and stored.state.value != shown["state"]:
            self.found.lost.append(f"turn {shown} is now {stored.state.value}: {stored.problem}")

    def _was_changed(self, id: str) -> bool:
        return self.expected.unfinished.get("turn") == id

    def _window(self, key: str) -> None:
        path = [turn.id for turn in self.store.path(key)]
        shown = [turn.key for turn in self.controller.turns]
        if shown != path:
            self.found.lost.append(f"the window shows {shown}, the database says {path}")
        before = self.expected.paths.get(key, [])
        if not self.expected.unfinished and path[: len(before)] != before:
            self.found.lost.append(f"the branch {before} is now {path}")

    # The model's memory.

    def _go_on(self, key: str) -> Steps:
        """Ask something, or once more what was broken off."""
        last = self.controller.turns[-1] if self.controller.turns else None
        if last is not None and last.state is TurnState.FAILED:
            self.controller.try_again(last.key)
        else:
            self.controller.ask_text(self._question())
        yield self.until(State.IDLE)
        thread = self.controller._thread
        yield lambda: not thread.working and thread._queue.empty()
        if self.controller.turns[-1].state is not TurnState.DONE:
            turn = self.controller.turns[-1]
            self.found.lost.append(f"the conversation does not go on: {turn.state.value} {turn.problem}")

    def _memory(self, key: str) -> None:
        memory = SavedTurns(small_vocabulary(), "").restore(self.store.folder(key) / "session")
        self.found.add(memory_against(memory, self.store.path(key), self.store.ids(key)))


def memory_against(memory: Memory, stored: list[StoredTurn], ids: frozenset[str]) -> Findings:
    """What the model remembers against the branch that is shown, and against all turns there are."""
    found = Findings()
    records = memory.on_path()
    answered = [turn.id for turn in stored if turn.answer and turn.state in (TurnState.DONE, TurnState.INTERRUPTED)]
    asked = [turn.id for turn in stored if turn.state is not TurnState.FAILED]
    found.lost += [f"the model does not remember turn {id}" for id in answered if id not in memory.path]
    found.doubled += [f"the model remembers turn {id}, which is not shown" for id in memory.path if id not in asked]
    if not found and [id for id in asked if id in memory.path] != list(memory.path):
        found.lost.append(f"the model remembers {memory.path} in another order than {asked}")
    found.left_behind += [f"the memory of turn {record.id}" for record in memory if record.id not in ids]
    for question, count in Counter(map(_question_in, records)).items():
        if count > 1:
            found.doubled.append(f"the question {question!r} in the model's memory")
    by_id = {turn.id: turn for turn in stored}
    for record in records:
        if record.id in by_id and not _agree(record, by_id[record.id]):
            found.lost.append(f"turn {record.id}: memory has {record.answer!r}, shown is {by_id[record.id].answer!r}")
    return found


def _question_in(record: TurnRecord) -> str:
    sound = b"" if record.samples_16k is None else record.samples_16k.tobytes()
    return record.text or hashlib.sha256(sound).hexdigest()


def _agree(record: TurnRecord, stored: StoredTurn) -> bool:
    """A whole answer is the same; one that was interrupted is cut at nearly the same place."""
    spoken = bool(stored.recording) and not stored.attachment
    if not spoken and record.text != stored.text:
        return False
    if stored.state is TurnState.DONE:
        return record.answer == stored.answer
    return record.answer.startswith(stored.answer) or stored.answer.startswith(record.answer)


def _files_in(home: Path) -> Iterable[str]:
    for path in home.rglob("*"):
        name = path.relative_to(home)
        if path.is_file() and name.parts[0] not in _OUR_FOLDERS:
            yield str(name)
