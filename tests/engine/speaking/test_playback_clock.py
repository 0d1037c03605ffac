"""The clock holds back as much speech as a slow machine needs."""

from __future__ import annotations

import pytest

from engine.speaking import PlaybackClock


class _Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _made(rate: float, pieces: int = 5, piece_s: float = 1.0) -> tuple[PlaybackClock, _Hand]:
    hand = _Hand()
    clock = PlaybackClock(hand)
    for _ in range(pieces):
        hand.now += piece_s / rate
        clock.add(piece_s, piece_s / rate)
    return clock, hand


def test_a_fast_machine_holds_nothing_back() -> None:
    clock, _ = _made(rate=3.0)
    assert clock.speed == pytest.approx(3.0)
    assert clock.buffer_s() == 0


def test_nothing_is_known_before_the_first_piece() -> None:
    clock = PlaybackClock(_Hand())
    assert (clock.speed, clock.pace, clock.ahead_s, clock.buffer_s()) == (0.0, None, 0.0, 0.0)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9, 1.0])
def test_playback_after_the_buffer_never_runs_dry(rate: float) -> None:
    clock, _ = _made(rate)
    buffered = clock.buffer_s(expected_s=12.0)
    left_s = 12.0 - buffered
    assert left_s / rate <= 12.0 + 1e-6, "the rest is made before playback gets to it"


def test_waiting_for_the_language_model_counts_as_well() -> None:
    hand = _Hand()
    clock = PlaybackClock(hand)
    for _ in range(4):
        hand.now += 2.0
        clock.add(1.0, 0.1)
    assert clock.speed == pytest.approx(10.0)
    assert clock.pace == pytest.approx(0.5)
    assert clock.buffer_s(10.0) > 5.0


def test_ahead_says_how_much_is_left_to_play() -> None:
    clock, hand = _made(rate=2.0)
    assert clock.ahead_s == pytest.approx(3.0)
    hand.now += 4.0
    assert clock.ahead_s == pytest.approx(-1.0)
