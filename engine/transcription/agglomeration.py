"""Agglomerative clustering: the two nearest groups become one, again and again.

By nearest-neighbour chains (Murtagh 1983), which find the same tree as comparing all pairs each time, with n² instead
of n³ comparisons. Groups of one recording are few enough for a matrix of all distances, so that no library of SciPy's
size has to come along for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float64]
Labels = NDArray[np.int32]
# Distances of a union to every group: from those of both parts, the distance and the sizes of these, and all sizes.
_Rule = Callable[[Distances, Distances, float, float, float, Distances], Distances]


class _Merge(NamedTuple):
    height: float
    first: int  # each group goes by its first member
    second: int


def groups_within(distances: Distances, limit: float) -> Labels:
    """A label (n,) for each of n things whose distances (n, n) are given: groups are joined while their members are
    `limit` apart on average, or nearer.
    """
    joined = [merge for merge in _merges(distances, _average) if merge.height <= limit]
    return _labels(len(distances), joined)


def groups_of_points(points: NDArray[np.floating], count: int) -> Labels:
    """A label (n,) for each of the points (n, D), in `count` groups: each time those two are joined that scatter least
    afterwards (Ward's rule). Fewer points than groups are a group each.
    """
    exact = points.astype(np.float64)
    squares = (exact**2).sum(axis=1)
    squared = np.maximum(squares[:, None] + squares[None, :] - 2 * exact @ exact.T, 0)
    return _labels(len(points), _merges(squared, _ward)[: max(0, len(points) - count)])


def _merges(distances: Distances, rule: _Rule) -> list[_Merge]:
    """All n - 1 of them, the nearest first."""
    between = np.array(distances, np.float64)
    np.fill_diagonal(between, np.inf)
    sizes = np.ones(len(between))
    alone = np.ones(len(between), bool)  # goes by its own number: not taken into another group
    chain: list[int] = []
    merges: list[_Merge] = []
    while len(merges) < len(between) - 1:
        chain = chain or [int(np.argmax(alone))]
        nearest = int(np.argmin(between[chain[-1]]))
        if len(chain) < 2 or between[chain[-1], nearest] < between[chain[-1], chain[-2]]:
            chain.append(nearest)
            continue
        first, second = sorted((chain.pop(), chain.pop()))
        height = float(between[first, second])
        union = rule(between[first], between[second], height, sizes[first], sizes[second], sizes)
        union[first] = np.inf
        between[first], between[:, first] = union, union
        between[second], between[:, second] = np.inf, np.inf
        sizes[first] += sizes[second]
        alone[second] = False
        merges.append(_Merge(height, first, second))
    return sorted(merges, key=lambda merge: merge.height)


def _average(
    first: Distances, second: Distances, between: float, first_size: float, second_size: float, sizes: Distances
) -> Distances:
    return (first_size * first + second_size * second) / (first_size + second_size)


def _ward(
    first: Distances, second: Distances, between: float, first_size: float, second_size: float, sizes: Distances
) -> Distances:
    """Of squared distances."""
    weighted = (sizes + first_size) * first + (sizes + second_size) * second - sizes * between
    return weighted / (sizes + first_size + second_size)


def _labels(count: int, merges: list[_Merge]) -> Labels:
    group = np.arange(count)
    for merge in merges:
        group[group == group[merge.second]] = group[merge.first]
    return np.unique(group, return_inverse=True)[1].astype(np.int32)
