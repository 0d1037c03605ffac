"""The pieces of a stream: few, the first short, none too late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.speaking.pieces import Pieces


def _all(plan: Pieces, tokens: int, in_time: Callable[[int], bool] = lambda size: True) -> list[int]:
    """Sizes of all pieces when all tokens wait from the start."""
    sizes: list[int] = []
    while sum(sizes) < tokens:
        waiting = tokens - sum(sizes)
        sizes.append(min(waiting, plan.next(len(sizes), sum(sizes), waiting, True, in_time)))
    return sizes


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [(8, [8]), (10, [10]), (18, [10, 8]), (68, [10, 15, 43]), (252, [10, 15, 100, 127]), (420, [10, 15, 100, 295])],
)
def test_a_short_first_piece_and_few_that_follow(tokens: int, sizes: list[int]) -> None:
    assert _all(Pieces(), tokens) == sizes


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [(68, [68]), (252, [252]), (820, [200, 620]), (5000, [200] + [400] * 10 + [800])],
)
def test_an_eager_first_piece_takes_what_waits(tokens: int, sizes: list[int]) -> None:
    assert _all(Pieces(eager=True), tokens) == sizes


def test_no_larger_piece_when_it_would_come_too_late() -> None:
    assert _all(Pieces(), 120, lambda size: False) == [10, 15, 25, 25, 25, 20]
    assert _all(Pieces(), 420, lambda size: size <= 60) == [10, 15] + [50] * 7 + [45]


def test_fixed_sizes_never_change() -> None:
    assert _all(Pieces((10, 25), fixed=True, eager=True), 90) == [10, 25, 25, 25, 5]


def test_tokens_that_come_one_by_one_make_the_least_pieces() -> None:
    plan = Pieces(eager=True)
    assert [plan.least(pieces) for pieces in range(5)] == [10, 15, 25, 25, 25]
    assert plan.next(0, 0, 10, False, lambda size: True) == 10
    assert plan.next(3, 50, 25, False, lambda size: True) == 25
