"""The sizes that pieces of a stream may have: few, the first one small."""

from __future__ import annotations

import pytest

from engine.speaking.pieces import Pieces

REMEMBERED = 50


def test_the_first_piece_is_small_and_the_largest_come_last() -> None:
    plan = Pieces()
    assert plan.sizes(0, 0) == (10,)
    assert plan.sizes(1, 10) == (10, 20, 50)
    assert plan.sizes(3, 60) == plan.sizes(30, 2000) == (25, 50, 100, 200)


def test_an_eager_first_piece_may_take_what_waits() -> None:
    plan = Pieces(eager=True)
    assert plan.sizes(0, 0) == (10, 50, 100, 200)
    assert plan.sizes(1, 200) == (25, 50, 100, 200, 400)


def test_no_size_is_larger_than_what_was_made_beforehand() -> None:
    plan = Pieces(eager=True, longest=50)
    assert plan.sizes(0, 0) == (10, 50)
    assert plan.sizes(3, 60) == (25, 50)
    assert Pieces(longest=10).sizes(3, 60) == (25,)


def test_fixed_sizes_never_change() -> None:
    plan = Pieces((10, 25), eager=True)
    assert [plan.sizes(pieces, 0) for pieces in range(4)] == [(10,), (25,), (25,), (25,)]
    assert plan.shapes(REMEMBERED) == [(0, 10), (10, 25), (35, 25), (50, 25)]


def test_a_last_piece_is_padded_to_the_next_size_that_was_made_beforehand() -> None:
    plan = Pieces(padded=True, longest=100)
    assert [plan.padded_size(tokens) for tokens in (1, 10, 11, 26, 51, 100)] == [10, 10, 15, 50, 100, 100]
    assert plan.padded_size(101) == 0
    assert Pieces(eager=True, padded=True).padded_size(399) == 400
    assert Pieces((10, 25), padded=True).padded_size(12) == 25
    assert Pieces(longest=100).padded_size(5) == 0


def test_padded_pieces_have_a_shape_for_each_size_and_another_for_the_first() -> None:
    assert Pieces(padded=True).shapes(1) == [(0, 10), *((1, size) for size in (10, 15, 20, 25, 50, 100, 200))]


@pytest.mark.parametrize("eager", [False, True])
def test_few_shapes_are_traced_each_after_what_comes_before_it(eager: bool) -> None:
    shapes = Pieces(eager=eager).shapes(REMEMBERED)
    assert len(shapes) == len(set(shapes)) <= 22
    known = {0}
    for before, size in shapes:
        assert before in known
        known.add(min(before + size, REMEMBERED))
    assert [size for _, size in shapes] == sorted(size for _, size in shapes)
