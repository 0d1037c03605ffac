"""What the benchmark of the window makes of the moments that it noted."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.taking_turns import Stretch, done_by, losses, middle_mean, with_interval

STRETCHES = [Stretch(n * 0.5, n * 0.5 + 0.499, n % 2 == 0) for n in range(60)]


def _steps_at(lost: float, slower: float = 0.0) -> list[float]:
    """Of a hundred steps a second, so many percent fewer while the other one works; each step may take longer."""
    moments, now = [0.0], 0.0
    while now < 30:
        works = int(now / 0.5) % 2 == 0
        now += 0.01 * (1 + slower * now) / (1 - lost / 100 if works else 1)
        moments.append(now)
    return moments


def test_a_step_under_way_counts_in_part() -> None:
    assert done_by(2.5, [1.0, 2.0, 4.0]) == 2.25
    assert done_by(0.5, [1.0, 2.0]) == 0
    assert done_by(9.0, [1.0, 2.0]) == 2


@pytest.mark.parametrize("slower", [0.0, 0.01])
def test_the_loss_is_found_while_the_steps_become_slower_or_not(slower: float) -> None:
    assert middle_mean(losses(_steps_at(8.0, slower), STRETCHES)) == pytest.approx(8.0, abs=0.5)
    assert middle_mean(losses(_steps_at(0.0, slower), STRETCHES)) == pytest.approx(0.0, abs=0.5)


def test_stretches_of_different_answers_are_not_compared() -> None:
    apart = [Stretch(0.0, 0.5, True), Stretch(5.0, 5.5, False)]
    assert losses(_steps_at(0.0), apart) == []


def test_the_middle_half_does_not_heed_what_happened_to_a_few() -> None:
    assert middle_mean([1.0, 2.0, 2.0, 3.0, 400.0, -400.0, 2.0, 2.0]) == 2.0


def test_the_interval_holds_the_truth_nearly_always() -> None:
    chance = random.Random(3)
    held = 0
    for _ in range(40):
        low, middle, high = with_interval([chance.gauss(3.0, 10.0) for _ in range(60)], middle_mean)
        assert low < middle < high
        held += low < 3.0 < high
    assert held >= 34
