"""How many speech tokens the next piece of a stream takes.

A piece costs little more than a whole sentence where launching kernels is what takes the time, so pieces should be few;
but the first must be short, and none may take longer than what was made before it takes to play. Sizes follow from the
tokens that wait and those that were spoken; the clock is asked only whether a larger piece would come too late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CHUNK_TOKENS = (10, 15, 25)
_SIZES = (200, 100, 50)
_EAGER_SIZES = (400, 200, 100, 50)
_GROWTH = 4  # times what was spoken so far is the most that the next piece takes
_JOINED = 2  # times a size may a remainder make the last piece longer
_EAGER_TOKENS = 200


@dataclass(frozen=True)
class Pieces:
    """Plans pieces. `sizes` are the least sizes of the first pieces, the last one for all that follow.

    `fixed`: never more than these, so that the same tokens sound the same however they arrive. `eager`: where a piece
    of two hundred tokens takes little longer than one of ten, the first takes all that wait, and all are larger.
    """

    sizes: tuple[int, ...] = CHUNK_TOKENS
    fixed: bool = False
    eager: bool = False

    def least(self, pieces: int) -> int:
        """Tokens that must wait, beside the look-ahead, before the next piece is made after so many."""
        return self.sizes[min(pieces, len(self.sizes) - 1)]

    def next(self, pieces: int, spoken: int, waiting: int, finished: bool, in_time: Callable[[int], bool]) -> int:
        """Tokens of the next piece after so many pieces of `spoken` tokens, of `waiting` tokens that can be taken.

        `in_time(size)` says whether a piece larger than the least would be made before playback needs it; at the start
        nobody knows.
        """
        least = self.least(pieces)
        if self.fixed:
            return least
        fitting = [size for size in self._larger(pieces, spoken) if size <= waiting and (not pieces or in_time(size))]
        size = fitting[0] if fitting else least
        grows = self.eager if not pieces else in_time(waiting)
        joins = finished and grows and size < waiting <= max(_JOINED * size, self._most(pieces, spoken))
        return waiting if joins else size

    def shapes(self, remembered: int) -> list[tuple[int, int]]:
        """Every size that a piece can have but the last one of a stream, with the tokens spoken before it, counted as
        far as a stream remembers them. What comes before a size comes before it in the list.
        """
        found: list[tuple[int, int]] = []
        reached, coming = set(), [(0, 0)]
        while coming:
            pieces, spoken = coming.pop(0)
            for size in (self.least(pieces), *reversed(self._larger(pieces, spoken))):
                shape = (min(spoken, remembered), size)
                following = (min(pieces + 1, len(self.sizes)), min(spoken + size, _EAGER_SIZES[0]))
                if shape not in found:
                    found.append(shape)
                if following not in reached:
                    reached.add(following)
                    coming.append(following)
        return found

    def _most(self, pieces: int, spoken: int) -> int:
        """Tokens that a piece may take of those that wait, if it is made in time."""
        if not pieces:
            return _EAGER_TOKENS if self.eager else self.least(pieces)
        return min(_GROWTH * spoken, _JOINED * self._known_sizes[0])

    def _larger(self, pieces: int, spoken: int) -> list[int]:
        """Sizes beyond the least, largest first."""
        if self.fixed:
            return []
        return [size for size in self._known_sizes if self.least(pieces) < size <= self._most(pieces, spoken)]

    @property
    def _known_sizes(self) -> tuple[int, ...]:
        return _EAGER_SIZES if self.eager else _SIZES
