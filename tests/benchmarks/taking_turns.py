"""What one work costs another on a machine whose speed wanders: one goes on, the other one works by turns beside it."""

from __future__ import annotations

import random
import statistics
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_NEIGHBOURS_S = 0.1  # apart at most
_RESAMPLES = 2000


@dataclass(frozen=True)
class Stretch:
    """Some time through which the other one worked, or stood still; by the same clock, in seconds."""

    began_at: float
    ended_at: float
    works: bool

    @property
    def middle(self) -> float:
        """The moment in its middle."""
        return (self.began_at + self.ended_at) / 2


def done_by(moment: float, steps_at: Sequence[float]) -> float:
    """How many steps were done by a moment, with the part of the one under way; `steps_at` says when each was done."""
    place = bisect_right(steps_at, moment)
    if place in (0, len(steps_at)):
        return float(place)
    before, after = steps_at[place - 1], steps_at[place]
    return place + (moment - before) / (after - before)


def rate(steps_at: Sequence[float], start: float, end: float) -> float:
    """Steps a second between two moments."""
    return (done_by(end, steps_at) - done_by(start, steps_at)) / (end - start)


def losses(steps_at: Sequence[float], stretches: Sequence[Stretch]) -> list[float]:
    """What the steps lose to the other one's work, in percent: one value for each change between work and standstill.

    The last half of a stretch is compared with the first half of the next. As work follows on standstill as often as
    the other way round, steps that become slower and slower do not count as a loss.
    """
    found = []
    for earlier, later in pairwise(stretches):
        if earlier.works == later.works or later.began_at - earlier.ended_at > _NEIGHBOURS_S:
            continue
        rates = {
            earlier.works: rate(steps_at, earlier.middle, earlier.ended_at),
            later.works: rate(steps_at, later.began_at, later.middle),
        }
        found.append(100 * (1 - rates[True] / rates[False]))
    return found


def middle_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: what other programs do to a few of the values does not count."""
    quarter = len(values) // 4
    return statistics.fmean(sorted(values)[quarter : len(values) - quarter])


def with_interval(values: Sequence[float], estimate: Callable[[Sequence[float]], float]) -> tuple[float, float, float]:
    """An estimate between the ends of its interval of 95 %, found by drawing the values anew (bootstrap)."""
    chance = random.Random(0)
    drawn = sorted(estimate(chance.choices(values, k=len(values))) for _ in range(_RESAMPLES))
    return drawn[round(0.025 * _RESAMPLES)], estimate(values), drawn[round(0.975 * _RESAMPLES)]
