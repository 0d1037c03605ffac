"""When speech is made, and how long a player must wait for it; checked against a simulated machine."""

from __future__ import annotations

import pytest

from engine.conversation.pace import Pace


def late_by(work: float, pieces: list[float], wait_s: float) -> float:
    """How late the latest piece comes when playing starts `wait_s` after the first piece is there."""
    ready, played_until, latest = 0.0, wait_s, 0.0
    for number, length in enumerate(pieces):
        ready += work * length if number else 0.0
        latest = max(latest, ready - played_until)
        played_until = max(played_until, ready) + length
    return latest


def test_a_machine_not_yet_measured_speaks_along() -> None:
    assert Pace().speaks_along()


def test_speaking_along_needs_writing_and_speaking_to_fit_together() -> None:
    assert Pace(write_s=0.02, speak_s=0.3).speaks_along()
    assert not Pace(write_s=0.02, speak_s=0.4).speaks_along()


@pytest.mark.parametrize("work", [0.3, 0.9, 1.0, 1.3, 2.0, 5.0])
@pytest.mark.parametrize("pieces", [[0.4, 1, 1, 1, 1], [1, 1], [0.4, 0.4], [1.0], [0.2] + [1.0] * 30])
def test_after_the_computed_wait_nothing_comes_late(work: float, pieces: list[float]) -> None:
    pace = Pace(speak_s=work)
    wait = pace.wait_s(writing=False, made_s=pieces[0], left_s=sum(pieces[1:]), next_s=max([0.0, *pieces[1:]]))
    assert late_by(work, pieces, wait) < 1e-9


def test_a_fast_machine_does_not_wait() -> None:
    pace = Pace(write_s=0.01, speak_s=0.1)
    assert pace.wait_s(writing=True, made_s=0.5, left_s=0.0, next_s=1.0) == 0.0


def test_the_wait_is_not_longer_than_it_must_be() -> None:
    pieces = [1.0] * 10
    wait = Pace(speak_s=1.5).wait_s(writing=False, made_s=1.0, left_s=9.0, next_s=1.0)
    assert late_by(1.5, pieces, wait - 0.1) > 0


def test_measurements_settle_on_what_they_see() -> None:
    pace = Pace()
    for _ in range(100):
        pace.wrote(0.01)
        pace.spoke(0.5, 1.0)
    assert pace.work_per_second == pytest.approx(0.82)
