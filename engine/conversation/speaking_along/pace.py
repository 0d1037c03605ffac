"""Decides when speech is made while the language model still writes, and how long playing must wait.

One thread does both, or on a CPU two beside each other. When writing and speaking together keep up with the sound,
speech is made as soon as it can be, so that the first sound comes early. When they cannot, speaking along would only
tear the sound apart: text goes first, and once the length of the reply is known the wait that makes the rest arrive in
time is computed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat

TOKENS_PER_SECOND = 25  # speech tokens in one second of sound
WRITTEN_PER_SECOND = 32  # ids the model writes for one second of sound, text included
_SMOOTHING = 0.1
_REMEMBERED = 16  # pieces whose work is known
_STEADY = 25  # tokens of a piece in the middle of a reply
_SECOND = 15  # tokens of a reply's second piece
_FORESEEN = 20  # pieces of a reply whose length is not known yet
_NOT_YET = 7  # tokens that must be written beyond those that sound: four to fade, three to look ahead
_MARGIN = 0.2  # slower than usual everything may be where playing begins at once
_BURST = 10  # ids of text that may come before the next one of speech
_WIDTH = 4.0  # deviations that are waited for where it does not


@dataclass
class Pace:
    """Running measurements, kept from turn to turn. All in seconds of work, 0 while unknown (taken as fast).

    `write_s` is the work for an id written; `beside` says that two threads work.
    """

    write_s: float = 0.0
    beside: bool = False
    _pieces: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _each_piece_s: float = 0.0
    _each_token_s: float = 0.0

    def wrote(self, seconds: float) -> None:
        """An id took this long."""
        self.write_s = seconds if not self.write_s else self.write_s + _SMOOTHING * (seconds - self.write_s)

    def spoke(self, seconds: float, tokens: int) -> None:
        """A piece of so many speech tokens took this long to make."""
        if tokens > 0:
            self._pieces.append((tokens, seconds))
            self._fit()

    def learn(self, pieces: Sequence[tuple[int, float]]) -> None:
        """Take over what was measured elsewhere, unless something was measured here."""
        if pieces and not self._pieces:
            self._pieces.extend(pieces)
            self._fit()

    def piece_s(self, tokens: int) -> float:
        """The work for a piece of so many tokens: a part that every piece takes, and one for each of its tokens."""
        return self._each_piece_s + self._each_token_s * tokens

    def _fit(self) -> None:
        """Tell the two parts apart: a line through what was measured, of which neither part is negative."""
        count = len(self._pieces)
        size, work = (sum(values) / count for values in zip(*self._pieces, strict=True))
        differing = sum((each - size) ** 2 for each, _ in self._pieces)
        together = sum((each - size) * (seconds - work) for each, seconds in self._pieces)
        self._each_token_s = min(max(together / differing, 0.0), work / size) if differing else work / size
        self._each_piece_s = work - self._each_token_s * size

    @property
    def spread(self) -> float:
        """How far pieces were from `piece_s`, as a share of it: their standard deviation."""
        shares = [seconds / expected - 1 for tokens, seconds in self._pieces if (expected := self.piece_s(tokens)) > 0]
        return math.sqrt(sum(share * share for share in shares) / max(len(shares) - 2, 1)) if shares else 0.0

    @property
    def work_per_second(self) -> float:
        """Seconds of work for one second of sound while the model still writes; above 1 it cannot keep up."""
        write_s, speak_s = WRITTEN_PER_SECOND * self.write_s, self.piece_s(_STEADY) * TOKENS_PER_SECOND / _STEADY
        return max(write_s, speak_s) if self.beside else write_s + speak_s

    def speaks_along(self) -> bool:
        """Whether speech is made between the ids, or only once everything is written."""
        return self.work_per_second <= 1.0

    def wait_s(self, *, writing: bool, made: int, waiting: int) -> float:
        """Seconds that playing should wait from now on, so that no later piece comes late.

        `made` tokens sound in what is ready, of which nothing was played yet, and `waiting` tokens more were written;
        those are all, unless the model is still `writing`. 0 when everything might take a fifth longer than is usual
        here and the sound would still be without a gap; else as long as is usual, and the usual deviations, ask for.
        """
        first = _SECOND if made < _SECOND else _STEADY
        sizes = [first, *repeat(_STEADY, _FORESEEN)] if writing else list(_cut(waiting, first))
        if not writing:
            waiting = sum(sizes) + _NOT_YET
        sound_s = [tokens / TOKENS_PER_SECOND for tokens in accumulate(sizes[:-1], initial=made)]
        slower = zip(self._ready_s(sizes, waiting, _MARGIN), sound_s, strict=False)
        if max((ready - played for ready, played in slower), default=0.0) <= 0:
            return 0.0
        burst_s = _BURST * self.write_s if writing else 0.0
        usual = zip(self._ready_s(sizes, waiting, 0.0), self._deviations_s(sizes), sound_s, strict=False)
        return max(0.0, *(ready + _WIDTH * deviation + burst_s - played for ready, deviation, played in usual))

    def _deviations_s(self, sizes: Sequence[int]) -> Iterator[float]:
        """How far the work for the coming pieces together may be from what is usual: theirs, and of what is known."""
        works = [self.piece_s(size) for size in sizes]
        squares, totals = accumulate(work * work for work in works), accumulate(works)
        for square, total in zip(squares, totals, strict=True):
            yield self.spread * math.sqrt(square + total * total / max(len(self._pieces), 1))

    def _ready_s(self, sizes: Sequence[int], waiting: int, margin: float) -> Iterator[float]:
        """When each of the coming pieces is ready, from now on, if everything takes longer by a share of `margin`."""
        token_s = self.write_s * WRITTEN_PER_SECOND / TOKENS_PER_SECOND
        spoken_s = 0.0
        for size, needed in zip(sizes, accumulate(sizes), strict=True):
            written_s = max(0, needed + _NOT_YET - waiting) * token_s
            if self.beside:
                spoken_s = max(spoken_s, written_s)
            spoken_s += self.piece_s(size)
            yield (1 + margin) * (spoken_s if self.beside else written_s + spoken_s)


def _cut(tokens: int, size: int) -> Iterator[int]:
    """Sizes of the pieces that so many tokens become, the first one given."""
    while tokens > 0:
        yield min(size, tokens)
        tokens -= size
        size = _STEADY
