from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from engine.transcription.agglomeration import groups_of_points, groups_within


def pairs(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which two things lie in the same group, whatever the groups are called."""
    return labels[:, None] == labels[None, :]


def clouds(seed: int, count: int, spread: float) -> NDArray[np.float64]:
    """Points (count, 8) around five places."""
    chance = np.random.default_rng(seed)
    places = chance.normal(size=(5, 8))
    return places[chance.integers(5, size=count)] + spread * chance.normal(size=(count, 8))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("spread", [0.1, 0.6, 2.0])
def test_groups_are_those_that_scipy_makes(seed: int, spread: float) -> None:
    points = clouds(seed, 5 + 9 * seed, spread)
    distances = pdist(points)
    for limit in np.quantile(distances, [0.02, 0.3, 0.7]):
        expected = fcluster(linkage(distances, "average"), limit, "distance")
        assert (pairs(groups_within(squareform(distances), limit)) == pairs(expected)).all()
    for count in (1, 2, 5):
        expected = fcluster(linkage(points, "ward"), count, "maxclust")
        assert (pairs(groups_of_points(points, count)) == pairs(expected)).all()


def test_equal_points_are_one_group_and_one_point_is_one() -> None:
    assert len(np.unique(groups_within(np.zeros((4, 4)), 0.0))) == 1
    assert len(np.unique(groups_of_points(np.ones((4, 3)), 1))) == 1
    assert groups_within(np.zeros((1, 1)), 0.5).tolist() == [0]
    assert groups_of_points(np.ones((1, 3)), 3).tolist() == [0]
    assert len(np.unique(groups_of_points(np.eye(3), 7))) == 3


def test_two_that_are_as_near_to_a_third_do_not_go_round_for_ever() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] * 8)
    assert len(np.unique(groups_of_points(corners, 4))) == 4
