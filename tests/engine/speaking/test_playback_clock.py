"""The clock tells how much of the speech is still to be played."""

from __future__ import annotations

import pytest

from engine.speaking import PlaybackClock


def test_ahead_says_how_much_is_left_to_play() -> None:
    times = iter((101.0, 102.0, 106.0))  # asked by the first piece, and by each `ahead_s` from then on
    clock = PlaybackClock(lambda: next(times))
    assert clock.ahead_s == 0.0
    for _ in range(3):
        clock.add(1.0)
    assert clock.ahead_s == pytest.approx(2.0)
    assert clock.ahead_s == pytest.approx(-2.0)
    clock.reset()
    assert clock.ahead_s == 0.0
