"""The turns of a conversation by id, and the path of those that the next prompt is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.conversation.remembering.records import TurnRecord
from engine.errors import RequestError
from engine.events import Samples


class Memory:
    """A bag of turns, each under its id, and `path`: those in use, oldest first. What is not on the path stays."""

    def __init__(self, records: Iterable[TurnRecord] = (), path: Iterable[str] = ()) -> None:
        self._records = {record.id: record for record in records}
        self.path: tuple[str, ...] = tuple(path)

    def __contains__(self, turn_id: object) -> bool:
        return turn_id in self._records

    def __iter__(self) -> Iterator[TurnRecord]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def copy(self) -> Memory:
        """The same turns and path, to go back to."""
        return Memory(self, self.path)

    def go_back(self, copy: Memory) -> None:
        """Be as at the time of the copy."""
        self._records, self.path = dict(copy._records), copy.path

    def record(self, turn_id: str) -> TurnRecord:
        """The turn of this id. Raises RequestError for an unknown one."""
        if turn_id not in self._records:
            raise RequestError("There is no turn of this id in the conversation.")
        return self._records[turn_id]

    def on_path(self) -> tuple[TurnRecord, ...]:
        """The turns of the path, oldest first."""
        return tuple(self._records[turn_id] for turn_id in self.path)

    def transcript_of(self, sound: Samples | None) -> str | None:
        """What was said in a sound, if a turn with the same one knows."""
        known = (record.transcript for record in self if sound is not None and record.samples_16k is sound)
        return next((transcript for transcript in known if transcript is not None), None)

    def path_before(self, turn_id: str) -> tuple[str, ...]:
        """The path up to a turn. Raises RequestError for one that is not on it."""
        self.record(turn_id)
        if turn_id not in self.path:
            raise RequestError("This turn belongs to another branch of the conversation: go there first.")
        return self.path[: self.path.index(turn_id)]

    def refuse_known(self, turn_id: str) -> None:
        """Raise RequestError for an id that a turn has already."""
        if turn_id in self._records:
            raise RequestError("A turn of this id is in the conversation already: a new turn needs a new id.")

    def put(self, record: TurnRecord) -> None:
        """Add a turn to the bag, or put it in the place of the one with its id. The path stays as it is."""
        self._records[record.id] = record

    def follow(self, path: Sequence[str]) -> None:
        """Make another path the one in use. Raises RequestError if it names an unknown turn, or one twice."""
        for turn_id in path:
            self.record(turn_id)
        if len(set(path)) != len(path):
            raise RequestError("A path names each turn once.")
        self.path = tuple(path)

    def forget(self, turn_ids: Iterable[str]) -> None:
        """Drop turns for good; unknown ones are gone already."""
        gone = set(turn_ids)
        self._records = {turn_id: record for turn_id, record in self._records.items() if turn_id not in gone}
        self.path = tuple(turn_id for turn_id in self.path if turn_id not in gone)
