"""What was traced is used again, and does not pile up."""

from __future__ import annotations

import mlx.core as mx

from engine.traced import Traced


def test_a_shape_is_traced_once_and_all_are_forgotten_when_there_are_too_many() -> None:
    traces: list[int] = []

    def doubled(x: mx.array) -> mx.array:
        traces.append(x.size)
        return 2 * x

    traced = Traced(doubled, most=3)
    for size in (1, 2, 1, 3, 4, 4, 1):
        assert traced(mx.ones(size)).tolist() == [2.0] * size
    assert traces == [1, 2, 3, 4, 1]
