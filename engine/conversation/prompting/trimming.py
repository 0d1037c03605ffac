"""Makes room when a conversation outgrows the context: old sounds become their transcripts, then old turns go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from engine.conversation.remembering.records import TurnRecord
from engine.events import ContextTrimmed

_KEPT_SHARE = 0.75  # trimming goes further than it must, so that not every turn has to trim again


class Trimmer:
    """Trims records until their prompt fits `limit` places.

    `size_of` builds and measures a prompt; `transcript_of` writes down a turn's sound.
    """

    def __init__(
        self,
        limit: int,
        size_of: Callable[[Sequence[TurnRecord]], int],
        transcript_of: Callable[[TurnRecord], str],
    ) -> None:
        self.limit = limit
        self._size_of = size_of
        self._transcript_of = transcript_of

    def trim(self, records: Sequence[TurnRecord]) -> tuple[list[TurnRecord], ContextTrimmed | None]:
        """The records that fit, and what was done to them; the last one is the present turn and goes last of all."""
        kept = list(records)
        before = size = self._size_of(kept)
        if size <= self.limit:
            return kept, None
        sounds = turns = 0
        wanted = int(self.limit * _KEPT_SHARE)
        for place, trimmed in self._steps(kept):
            if size <= wanted:
                break
            sounds += trimmed.sound_left_out and not trimmed.left_out
            turns += trimmed.left_out
            kept[place] = trimmed
            size = self._size_of(kept)
        while size > self.limit and (shorter := _shortened(kept[-1], self.limit / size)) is not None:
            kept[-1] = shorter
            sounds += 1
            size = self._size_of(kept)
        return kept, ContextTrimmed(sounds, turns, before - size)

    def _steps(self, records: list[TurnRecord]) -> Iterator[tuple[int, TurnRecord]]:
        """What can be given up, in order. `records` is the live list, so that later steps see earlier ones."""
        for place in range(len(records) - 1):
            record = records[place]
            if record.samples_16k is not None and not record.sound_left_out and not record.left_out:
                transcript = record.transcript if record.transcript is not None else self._transcript_of(record)
                yield place, dataclasses.replace(record, transcript=transcript, sound_left_out=True)
        for place in range(len(records) - 1):
            if not records[place].left_out:
                yield place, dataclasses.replace(records[place], left_out=True)


def _shortened(record: TurnRecord, share: float) -> TurnRecord | None:
    """A turn too long on its own, with about `share` of it, from the end; None when nothing is left to cut."""
    request = record.request
    if request.samples_16k is not None and len(request.samples_16k) > 16_000:
        kept = max(16_000, int(len(request.samples_16k) * share * 0.9))
        shorter = dataclasses.replace(request, samples_16k=request.samples_16k[-kept:])
    elif len(request.text) > 20:
        shorter = dataclasses.replace(request, text=request.text[-max(20, int(len(request.text) * share * 0.9)) :])
    elif record.passages:
        return dataclasses.replace(record, passages=())
    else:
        return None
    return dataclasses.replace(record, request=shorter)
