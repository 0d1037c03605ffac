"""How fast this machine writes and speaks: what was measured, kept from turn to turn.

One wait for a disk or another program must not look like a slow machine, and a machine that became slow must be known
soon: so medians count, and what the newest pieces have in common.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median
from time import perf_counter

TOKENS_PER_SECOND = 25  # speech tokens in one second of sound
BURST = 10  # ids of text that may come before the next one of speech, where the model does not say
_IDS_PER_TOKEN = 1.28  # that the model writes for one speech token, text included
_STEADY = 25  # tokens of a piece in the middle of a reply
_SMOOTHING = 0.1
_MOST_SURPRISING = 4.0  # times what is usual is the most that one id counts
_REMEMBERED = 16  # pieces whose work is known
_UNKNOWN = 0.5  # the most deviation; divided by the number of pieces the least, for few pieces say little of it
_SLOWER_ALONG = 1.7  # times as long a piece takes along with the writing, on an H200, where both share a device
_DEVIATION = 1.4826  # times the median distance: the standard deviation, if there are no surprises


@dataclass
class Pace:
    """Running measurements. All in seconds of work, 0 while unknown (taken as fast).

    `write_s` is the work for an id written; `beside` says that speech is made on a thread of its own, and `shared` that
    writing and speech slow each other down much then, for both need the same device. `burst` are the ids of text that
    may come before the next one of speech.
    """

    write_s: float = 0.0
    beside: bool = False
    shared: bool = False
    burst: int = BURST
    _ids: int = 0
    _pieces: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _newest: deque[float] = field(default_factory=lambda: deque(maxlen=2))  # shares of what was expected
    _along: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED // 2))  # times the work alone
    _each_piece_s: float = 0.0
    _each_token_s: float = 0.0
    _spread: float = 0.0

    def wrote(self, seconds: float) -> None:
        """An id took this long."""
        self._ids += 1
        if self.write_s:
            seconds = min(seconds, _MOST_SURPRISING * self.write_s)
        self.write_s += max(_SMOOTHING, 1 / self._ids) * (seconds - self.write_s)

    def writing(self, ids: Iterator[int]) -> Iterator[int]:
        """The ids as they are written, but for the first of them measured."""
        for id in ids:
            yield id
            break
        began = perf_counter()
        for id in ids:
            self.wrote(perf_counter() - began)
            yield id
            began = perf_counter()

    def spoke(self, seconds: float, tokens: int, *, along: bool = False) -> None:
        """A piece of so many speech tokens took this long to make, alone or `along` with the writing."""
        if tokens > 0:
            if along and self.beside and self._each_piece_s + self._each_token_s > 0:
                self._along.append(seconds / (self._each_piece_s + self._each_token_s * tokens))
            seconds /= self._slower(along)
            if (expected := self.piece_s(tokens)) > 0:
                self._newest.append(seconds / expected)
            self._pieces.append((tokens, seconds))
            self._fit()

    def learn(self, pieces: Sequence[tuple[int, float]]) -> None:
        """Take over what was measured elsewhere, unless something was measured here."""
        if pieces and not self._pieces:
            self._pieces.extend(pieces)
            self._fit()

    def piece_s(self, tokens: int, *, along: bool = False) -> float:
        """The work for a piece of so many tokens, alone or `along` with the writing: a part that every piece takes, and
        one for each of its tokens.

        Longer than usual if the newest pieces were.
        """
        slower = self._slower(along) * (max(1.0, min(self._newest)) if self._newest else 1.0)
        return slower * (self._each_piece_s + self._each_token_s * tokens)

    def _slower(self, along: bool) -> float:
        """Times the work alone that a piece takes. Two cores of a processor get in each other's way as well."""
        if not (along and self.beside):
            return 1.0
        unknown = _SLOWER_ALONG if self.shared else 1.0
        return max(1.0, median(self._along)) if self._along else unknown

    @property
    def token_s(self) -> float:
        """The work for writing one speech token and the text that belongs to it."""
        return _IDS_PER_TOKEN * self.write_s

    @property
    def known(self) -> int:
        """Of how many pieces that is known."""
        return len(self._pieces)

    @property
    def spread(self) -> float:
        """How far pieces usually are from what is expected, as a share of it: their standard deviation."""
        return self._spread

    @property
    def work_per_second(self) -> float:
        """Seconds of work for one second of sound while the model still writes; above 1 it cannot keep up."""
        write_s, speak_s = (
            TOKENS_PER_SECOND * self.token_s,
            self.piece_s(_STEADY, along=True) * TOKENS_PER_SECOND / _STEADY,
        )
        return max(write_s, speak_s) if self.beside else write_s + speak_s

    def _fit(self) -> None:
        """Tell the two parts apart: a line through what was measured, of which neither part is negative.

        Its slope is the median of all slopes between two pieces (Theil and Sen's).
        """
        slopes = [
            (one_s - other_s) / (one - other)
            for (one, one_s), (other, other_s) in combinations(self._pieces, 2)
            if one != other
        ]
        least = min(seconds / tokens for tokens, seconds in self._pieces)
        self._each_token_s = min(max(median(slopes), 0.0), least) if slopes else least
        self._each_piece_s = max(median(s - self._each_token_s * tokens for tokens, s in self._pieces), 0.0)
        usual = [self._each_piece_s + self._each_token_s * tokens for tokens, _ in self._pieces]
        shares = [abs(s / each - 1) for (_, s), each in zip(self._pieces, usual, strict=True) if each > 0]
        if shares:
            self._spread = min(max(_DEVIATION * median(shares), _UNKNOWN / len(shares)), _UNKNOWN)
