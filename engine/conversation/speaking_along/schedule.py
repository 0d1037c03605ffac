"""Decides when a piece of speech is made, how large it is, and when playing begins.

The first piece is made as soon as it can be, and small. From then on a piece that holds up the writing is made as late
as is safe, and takes as much as waits by then; one that is made beside it, on a thread of its own, as soon as enough
waits. Once nothing more is written, the rest is made in as few pieces as playing allows. A machine that writes and
speaks slower than the sound is played writes all of it first.

Playing begins with the first piece, unless some later piece would then come too late: the coming pieces are foreseen
with the work that was measured, by the same rules by which they will be made.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile

from engine.conversation.speaking_along.pace import TOKENS_PER_SECOND, Pace
from engine.speaking.pieces import HARDLY_LONGER, LONGEST_WORK_S, Pieces

_WIDTH = 4.0  # deviations that a piece may take longer than usual
_WIDTH_BEHIND = 5.0  # where speech falls behind the sound: nothing but the hold makes up for what was not foreseen
_MARGIN = 0.2  # of its usual work a piece is begun earlier than it must, at least
_KEPT = 0.15  # of the sound at hand that is still to be played when a piece is begun, for what nobody can foresee
_MEDIAN = math.pi / 2  # times as far as a mean is a median from what it stands for, squared
_EAGER = 1.2  # times the work of the least first piece may a larger one take
_FORESEEN = 20  # pieces
_SAFE_S = 4.0  # of sound at hand: what comes then is not foreseen
_LONGEST_HOLD_S = 600.0
_EXACT_S = 0.005  # to which the hold is found


@dataclass
class _Standing:
    """Where a passage stands: seconds from now on, or on a clock, and speech tokens."""

    now_s: float
    until_s: float  # to which what was made is played
    waiting: float  # tokens that a piece can take
    text_s: float = 0.0  # for which no token is written
    spoken: int = 0  # that pieces took
    pieces: int = 0
    ends: bool = False  # nothing more is written

    @property
    def left_s(self) -> float:
        return self.until_s - self.now_s


@dataclass
class _Deviation:
    """How far the work for pieces together may be from what is expected: theirs, and of what is known of them."""

    spread: float
    known: int
    total_s: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float) -> None:
        """One more piece."""
        self.total_s += seconds
        self.squares += seconds * seconds

    @property
    def seconds(self) -> float:
        """The deviation."""
        return self.spread * math.sqrt(self.squares + _MEDIAN * self.total_s * self.total_s / max(self.known, 1))


class Schedule:
    """The schedule of one passage, told of everything that happens in it."""

    def __init__(
        self, pace: Pace, pieces: Pieces, look_ahead: int, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """`look_ahead` are the tokens after a piece that must be known to make it."""
        self._pace, self._pieces, self._look_ahead, self._clock = pace, pieces, look_ahead, clock
        self._at = _Standing(0.0, 0.0, -look_ahead)
        self._written = 0
        self._sounding = 0  # tokens
        self._begun, self._along = 0, False  # tokens of the piece that was begun last; whether it is made along
        self._begins_s: float | None = None  # when playing does, on the clock
        self._at_hand_s = 0.0  # sound when the newest piece was ready

    @property
    def written(self) -> int:
        """Speech tokens written so far."""
        return self._written

    def write(self) -> None:
        """One more speech token was written."""
        self._written += 1
        self._at.waiting += 1

    def end(self) -> None:
        """Nothing more will be written."""
        if not self._at.ends:
            self._at.ends = True
            self._at.waiting += self._look_ahead

    def take(self) -> int:
        """Tokens of the piece that is to be begun now, which count as taken from here on; 0 for none yet."""
        at, sizes = self._at, self._pieces.sizes(self._at.pieces, self._at.spoken)
        if at.waiting < (1 if at.ends else sizes[0]) or not (at.ends or self.speaks_along):
            return 0
        at.now_s = self._clock()
        if self._waits(at, sizes[-1]) or self._waits(at, size := self._size(at, sizes)):
            return 0
        self._begun, self._along = size, self._is_along(at)
        at.spoken += size
        at.waiting -= size
        at.pieces += 1
        return size

    def made(self, tokens: int, seconds: float) -> None:
        """The piece that was begun last is ready, and so many tokens sound in it; making it took so long."""
        self._pace.spoke(seconds, self._begun, along=self._along)
        now_s = self._clock()
        self._sounding += tokens
        if self._begins_s is None or now_s < self._begins_s:
            self._begins_s = now_s + self._hold_s()
        self._begins_s = max(self._begins_s, now_s - (self._sounding - tokens) / TOKENS_PER_SECOND)  # it had stopped
        self._at.until_s = self._begins_s + self._sounding / TOKENS_PER_SECOND
        self._at_hand_s = self._at.until_s - now_s

    @property
    def wait_s(self) -> float:
        """Seconds that playing should wait from now on, so that no later piece comes late."""
        return 0.0 if self._begins_s is None else max(0.0, self._begins_s - self._clock())

    @property
    def speaks_along(self) -> bool:
        """Whether speech is made between the ids, or only once everything is written."""
        return self._pace.work_per_second <= 1.0

    # How large, and when.

    def _size(self, at: _Standing, sizes: tuple[int, ...]) -> int:
        """The largest size that waits and is made in time, or the least."""
        rest = int(at.waiting + 1e-6)
        kept = self._look_ahead + 1 if at.ends else 0  # fewer than these are not left to a piece of their own
        fitting = [size for size in sizes if size + kept <= rest]
        if at.ends and (not fitting or self._is_one_piece(rest, sizes[-1])):
            fitting.append(rest)
        return max((size for size in fitting if self._in_time(at, size, fitting[0])), default=fitting[0])

    def _is_one_piece(self, rest: int, largest: int) -> bool:
        """Whether the rest may be one piece."""
        if self._pieces.padded:
            return self._pieces.padded_size(rest) > 0
        return rest <= 2 * largest and not self._pieces.fixed

    def _in_time(self, at: _Standing, size: int, least: int) -> bool:
        work_s, least_s = self._work_s(at, size), self._work_s(at, least)
        if not at.pieces:
            return work_s <= _EAGER * least_s
        return work_s <= max(LONGEST_WORK_S, HARDLY_LONGER * least_s) and self._longest_s(at, size) <= at.left_s

    def _is_along(self, at: _Standing) -> bool:
        """Whether a piece that is begun now is made along with the writing: where a device is shared, not the first."""
        return not at.ends and (at.pieces > 0 or not self._pace.shared)

    def _work_s(self, at: _Standing, size: int) -> float:
        return self._pace.piece_s(size, along=self._is_along(at))

    def _waits(self, at: _Standing, size: int) -> bool:
        """Whether a piece of this size is better made later. Nothing is known of one that was never measured."""
        if not at.pieces or at.ends or self._begins_at_once or not self._pace.piece_s(size):
            return False
        return at.now_s < self._latest_s(at, size, self._at_hand_s)

    @property
    def _begins_at_once(self) -> bool:
        """Whether a piece is begun as soon as enough waits: beside the writing, by cores that would do nothing else."""
        return self._pace.beside and not self._pieces.padded

    def _latest_s(self, at: _Standing, size: int, at_hand_s: float) -> float:
        """When a piece must be begun."""
        return at.until_s - self._longest_s(at, size) - _KEPT * at_hand_s

    def _longest_s(self, at: _Standing, size: int) -> float:
        """The longest that a piece takes, and the id that is being written before it."""
        return self._work_s(at, size) * (1 + max(_MARGIN, _WIDTH * self._pace.spread)) + self._pace.write_s

    # When playing begins.

    def _hold_s(self) -> float:
        """Seconds from now on after which playing may begin: as long as usual work and its deviations ask for."""
        shortest, longest = 0.0, max(self._late_s(0.0), 0.0)
        while self._late_s(longest) > 0 and longest < _LONGEST_HOLD_S:
            shortest, longest = longest, 2 * longest + _EXACT_S
        while longest - shortest > _EXACT_S:
            middle = (shortest + longest) / 2
            shortest, longest = (middle, longest) if self._late_s(middle) > 0 else (shortest, middle)
        return longest

    def _late_s(self, hold_s: float) -> float:
        """How late the latest of the coming pieces may be, if playing began after `hold_s`; below 0 if none is.

        There is a burst of text before the next token, and pieces take as much longer than usual as deviations allow.
        """
        burst_s = 0.0 if self._at.ends else self._pace.burst * self._pace.write_s
        deviation = _Deviation(self._pace.spread, self._pace.known)
        width = _WIDTH if self.speaks_along else _WIDTH_BEHIND
        at = replace(self._at, now_s=0.0, text_s=burst_s, until_s=hold_s + self._sounding / TOKENS_PER_SECOND)
        at_hand_s, late_s = at.until_s, -math.inf
        for _ in range(_FORESEEN):
            sizes = self._pieces.sizes(at.pieces, at.spoken)
            if at.ends and at.waiting < 1:
                break
            if not at.ends:
                self._pass_time(at, sizes, at_hand_s)
            size = self._size(at, sizes)
            work_s = self._work_s(at, size)
            at.now_s += work_s
            if not at.ends and self._pace.beside:
                self._write(at, work_s)
            at.waiting, at.spoken, at.pieces = at.waiting - size, at.spoken + size, at.pieces + 1
            if not (at.ends or self._pace.beside):
                deviation = _Deviation(self._pace.spread, self._pace.known)  # what was late before is made up for
            deviation.add(work_s)
            late_s = max(late_s, at.now_s + width * deviation.seconds - at.until_s)
            at.until_s = max(at.until_s, at.now_s) + size / TOKENS_PER_SECOND
            at_hand_s = at.left_s
            if at_hand_s > _SAFE_S and not at.ends:
                break
        return late_s

    def _pass_time(self, at: _Standing, sizes: tuple[int, ...], at_hand_s: float) -> None:
        """Let time pass until the next piece is begun while the model writes."""

        def there_s(size: int) -> float:
            missing = max(0.0, size - at.waiting)
            return at.now_s + (at.text_s + missing * self._token_s if missing else 0.0)

        begins_s = there_s(sizes[0])
        if not self._begins_at_once:
            in_time = takewhile(lambda size: there_s(size) <= self._latest_s(at, size, at_hand_s), sizes)
            size = max(in_time, default=sizes[0])
            begins_s = max(there_s(size), self._latest_s(at, size, at_hand_s))
        self._write(at, begins_s - at.now_s)
        at.waiting = max(at.waiting, sizes[0])
        at.now_s = begins_s

    def _write(self, at: _Standing, seconds: float) -> None:
        """What the model writes in so many seconds: text at first."""
        at.waiting += max(seconds - at.text_s, 0.0) / self._token_s
        at.text_s = max(at.text_s - seconds, 0.0)

    @property
    def _token_s(self) -> float:
        return max(self._pace.token_s, 1e-9)
