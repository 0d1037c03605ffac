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
        sizes = _EAGER_SIZES if self.eager else _SIZES
        most = min(_GROWTH * spoken, _JOINED * sizes[0])
        if not pieces:
            most = _EAGER_TOKENS if self.eager else least
        fitting = [size for size in sizes if least < size <= min(most, waiting) and (not pieces or in_time(size))]
        size = fitting[0] if fitting else least
        grows = self.eager if not pieces else in_time(waiting)
        joins = finished and grows and size < waiting <= max(_JOINED * size, most)
        return waiting if joins else size
