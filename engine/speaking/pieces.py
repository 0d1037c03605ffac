"""How many speech tokens a piece of a stream may take.

The sizes are few, for each is traced once; the last piece of a stream, which may be of any length, is padded to one of
them. When a piece is made, and which of its sizes it takes, is decided by whoever speaks: see
`engine.conversation.speaking_along.schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass

STEADY = 25  # tokens of a piece in the middle of a stream, at least
LONGEST_WORK_S = 0.25  # on a piece that is larger than it must be, for a piece cannot be broken off;
HARDLY_LONGER = 1.5  # or so many times what the least piece takes
# The sizes of a piece from so many spoken tokens on.
_SIZES = (
    (0, (10,)),
    (10, (10, 20, 50)),
    (20, (15, 50, 100)),
    (30, (20, 50, 100)),
    (35, (STEADY, 50, 100, 200)),
)
_EAGER_SIZES = ((0, (10, 50, 100, 200)), *_SIZES[1:], (50, (*_SIZES[-1][1], 400)))


@dataclass(frozen=True)
class Pieces:
    """Sizes of pieces. `fixed` are those of the first pieces, the last one for all that follow, and no others, so that
    the same tokens sound the same however they arrive. `eager`: where a piece of two hundred tokens takes little longer
    than one of ten, the first may take more. `longest`: no larger size was made beforehand, 0 where that is not needed.
    `padded`: the last piece is padded to the next larger size.
    """

    fixed: tuple[int, ...] = ()
    eager: bool = False
    longest: int = 0
    padded: bool = False

    def sizes(self, pieces: int, spoken: int) -> tuple[int, ...]:
        """Sizes that the next piece may have after so many pieces of `spoken` tokens, the least one first."""
        if self.fixed:
            return (self.fixed[min(pieces, len(self.fixed) - 1)],)
        sizes = next(sizes for start, sizes in reversed(self._table) if spoken >= start)
        return tuple(size for size in sizes if self._was_made(size))

    def padded_size(self, tokens: int) -> int:
        """The least size that holds a last piece of so many tokens, 0 when there is none to which it is padded."""
        if not self.padded:
            return 0
        known = self.fixed or tuple(size for _, sizes in self._table for size in sizes if self._was_made(size))
        return min((size for size in known if size >= tokens), default=0)

    def shapes(self, remembered: int) -> list[tuple[int, int]]:
        """Every size that a piece can have, the last one of a stream where it is not padded left out, with the tokens
        spoken before it, counted as far as that makes another shape. What comes before a size comes before it in the
        list, and small sizes first.
        """
        found: list[tuple[int, int]] = []
        reached, coming = {(0, 0)}, [(0, 0)]
        most = max(remembered, _EAGER_SIZES[-1][0])
        while coming:
            pieces, spoken = coming.pop(0)
            for size in self.sizes(pieces, spoken):
                shape = (min(spoken, remembered), size)
                following = (min(pieces + 1, len(self.fixed)), min(spoken + size, most))
                if shape not in found:
                    found.append(shape)
                if following not in reached:
                    reached.add(following)
                    coming.append(following)
        return found if self.fixed else sorted(found, key=lambda shape: (shape[1], shape[0]))

    @property
    def _table(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        return _EAGER_SIZES if self.eager else _SIZES

    def _was_made(self, size: int) -> bool:
        return not self.longest or size <= max(self.longest, STEADY)
