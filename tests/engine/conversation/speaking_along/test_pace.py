"""When speech is made, and how long a player must wait for it; checked against a simulated machine."""

from __future__ import annotations

import pytest

from engine.conversation.speaking_along.pace import Pace


def late_by(work: float, pieces: list[float], hold_s: float) -> float:
    """How late the latest piece comes when playing starts as soon as `hold_s` seconds of sound are there."""
    ready = [work * sum(pieces[1 : place + 1]) for place in range(len(pieces))]
    began = next(when for place, when in enumerate(ready) if sum(pieces[: place + 1]) >= hold_s - 1e-9)
    played_until, latest = began, 0.0
    for when, length in zip(ready, pieces, strict=True):
        latest = max(latest, when - played_until)
        played_until = max(played_until, when) + length
    return latest


def test_a_machine_not_yet_measured_speaks_along() -> None:
    assert Pace().speaks_along()


def test_speaking_along_needs_writing_and_speaking_to_fit_together() -> None:
    assert Pace(write_s=0.02, speak_s=0.3).speaks_along()
    assert not Pace(write_s=0.02, speak_s=0.4).speaks_along()


def test_beside_each_other_only_the_slower_of_the_two_must_keep_up() -> None:
    assert Pace(write_s=0.02, speak_s=0.9, beside=True).speaks_along()
    assert not Pace(write_s=0.02, speak_s=1.1, beside=True).speaks_along()
    assert not Pace(write_s=0.04, speak_s=0.1, beside=True).speaks_along()


@pytest.mark.parametrize("work", [0.3, 0.9, 1.0, 1.3, 2.0, 5.0])
@pytest.mark.parametrize("pieces", [[0.4, 1, 1, 1, 1], [1, 1], [0.4, 0.4], [1.0], [0.2] + [1.0] * 30])
def test_with_the_computed_sound_in_hand_nothing_comes_late(work: float, pieces: list[float]) -> None:
    pace = Pace(speak_s=work)
    hold = pace.hold_s(writing=False, made_s=pieces[0], left_s=sum(pieces[1:]), next_s=max([0.0, *pieces[1:]]))
    assert hold <= sum(pieces) + 1e-9
    assert late_by(work, pieces, hold) < 1e-9


def test_a_fast_machine_holds_nothing() -> None:
    pace = Pace(write_s=0.01, speak_s=0.1)
    assert pace.hold_s(writing=True, made_s=0.5, left_s=0.0, next_s=1.0) == 0.0


def test_no_more_is_held_than_must_be() -> None:
    pieces = [1.0] * 10
    hold = Pace(speak_s=1.5).hold_s(writing=False, made_s=1.0, left_s=9.0, next_s=1.0)
    assert late_by(1.5, pieces, hold - 1.1) > 0


def test_measurements_settle_on_what_they_see() -> None:
    pace = Pace()
    for _ in range(100):
        pace.wrote(0.01)
        pace.spoke(0.5, 1.0)
    assert pace.work_per_second == pytest.approx(0.82)


def test_the_length_of_the_next_piece_is_what_it_was_last_time() -> None:
    pace = Pace()
    assert pace.piece_s(1) == 1.0
    for place, length in enumerate((0.24, 0.6, 1.0)):
        pace.spoke(0.1, length, place)
    assert [pace.piece_s(place) for place in range(4)] == [0.24, 0.6, 1.0, 1.0]
    assert pace.hold_s(writing=True, made_s=0.24, left_s=0.0, next_s=pace.piece_s(1)) == 0.0
