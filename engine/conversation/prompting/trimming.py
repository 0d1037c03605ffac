"""Which turns of a path the prompt shows, and how: when they outgrow the context, old sounds become their transcripts,
then old turns are left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.conversation.remembering.records import TurnRecord
from engine.events import ContextTrimmed, Turn

_KEPT_SHARE = 0.75  # trimming goes further than it must, so that not every turn has to trim again


@dataclass(frozen=True, eq=False)
class ShownTurn:
    """A turn as the prompt shows it: with its sound, or with the transcript in its place."""

    record: TurnRecord
    with_sound: bool = True


@dataclass(frozen=True, eq=False)
class Trimming:
    """What the prompt leaves out, by id. It belongs to the path in use; the turns themselves stay whole.

    `shortened` are the requests of turns too long to fit on their own.
    """

    left_out: frozenset[str] = frozenset()
    without_sound: frozenset[str] = frozenset()
    shortened: Mapping[str, Turn] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.left_out or self.without_sound or self.shortened)

    def shown(self, records: Sequence[TurnRecord]) -> list[ShownTurn]:
        """The turns as the prompt shows them."""
        return [self._shown(record) for record in records if record.id not in self.left_out]

    def _shown(self, record: TurnRecord) -> ShownTurn:
        if (request := self.shortened.get(record.id)) is not None:
            record = dataclasses.replace(record, request=request)
        return ShownTurn(record, record.id not in self.without_sound)

    def leaving_out(self, turn_id: str) -> Trimming:
        """The same without a turn."""
        return dataclasses.replace(self, left_out=self.left_out | {turn_id})

    def without_sound_of(self, turn_id: str) -> Trimming:
        """The same with a turn's transcript in place of its sound."""
        return dataclasses.replace(self, without_sound=self.without_sound | {turn_id})

    def shortening(self, request: Turn) -> Trimming:
        """The same with a turn's request cut down to this one."""
        return dataclasses.replace(self, shortened={**self.shortened, request.id: request})


class Trimmer:
    """Trims until the prompt fits `limit` places.

    `size_of` measures the prompt under a trimming; `transcribe` makes sure that a turn's transcript is known.
    """

    def __init__(
        self, limit: int, size_of: Callable[[Trimming], int], transcribe: Callable[[TurnRecord], object]
    ) -> None:
        self.limit = limit
        self._size_of = size_of
        self._transcribe = transcribe

    def trim(self, records: Sequence[TurnRecord], trimming: Trimming) -> tuple[Trimming, ContextTrimmed | None]:
        """The trimming under which `records` fit, and what it newly leaves out; the last turn goes last of all."""
        before = size = self._size_of(trimming)
        if size <= self.limit:
            return trimming, None
        old, wanted = trimming, int(self.limit * _KEPT_SHARE)
        for record, step in self._steps(records, trimming):
            if size <= wanted:
                break
            if step is Trimming.without_sound_of and record.transcript is None:
                self._transcribe(record)
            trimming = step(trimming, record.id)
            size = self._size_of(trimming)
        request: Turn | None = records[-1].request
        while size > self.limit and request and (request := _shortened(request, self.limit / size)) is not None:
            trimming = trimming.shortening(request)
            size = self._size_of(trimming)
        return trimming, _difference(old, trimming, before - size)

    def _steps(
        self, records: Sequence[TurnRecord], trimming: Trimming
    ) -> Iterator[tuple[TurnRecord, Callable[[Trimming, str], Trimming]]]:
        """What can be given up, in order."""
        earlier = [record for record in records[:-1] if record.id not in trimming.left_out]
        for record in earlier:
            if record.samples_16k is not None and record.id not in trimming.without_sound:
                yield record, Trimming.without_sound_of
        for record in earlier:
            yield record, Trimming.leaving_out


def _difference(old: Trimming, new: Trimming, freed: int) -> ContextTrimmed:
    turns = new.left_out - old.left_out
    sounds = new.without_sound - old.without_sound - turns
    shortened = sum(new.shortened.get(turn_id) is not old.shortened.get(turn_id) for turn_id in new.shortened)
    return ContextTrimmed(len(sounds) + shortened, len(turns), freed)


def _shortened(request: Turn, share: float) -> Turn | None:
    """A request too long on its own, with about `share` of it, from the end; None when nothing is left to cut."""
    if request.samples_16k is not None and len(request.samples_16k) > 16_000:
        kept = max(16_000, int(len(request.samples_16k) * share * 0.9))
        return dataclasses.replace(request, samples_16k=request.samples_16k[-kept:])
    if len(request.text) > 20:
        return dataclasses.replace(request, text=request.text[-max(20, int(len(request.text) * share * 0.9)) :])
    return None


def latest(records: Sequence[TurnRecord], most: int | None) -> Sequence[TurnRecord]:
    """The last turn and at most `most` before it; None is all.

    Once there are more, half of them go at once. The beginning of the prompt then stays the same over several turns,
    so that what was read of it is used again.
    """
    earlier = len(records) - 1
    if most is None or earlier <= most:
        return records
    step = most + 1 - (most + 1) // 2  # half of them, rounded up, stay
    return records[-(-(earlier - most) // step) * step :]
