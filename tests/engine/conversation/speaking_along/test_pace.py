"""What is learned of a machine's speed, and what no single surprise changes."""

from __future__ import annotations

import pytest

from engine.conversation.speaking_along.pace import Pace


def test_what_every_piece_takes_is_told_from_what_its_tokens_take() -> None:
    pace = Pace()
    assert pace.piece_s(25) == 0.0
    pace.spoke(0.2, 10)
    assert pace.piece_s(25) == pytest.approx(0.5)  # one piece tells nothing about the other part
    pace.spoke(0.23, 25)
    pace.spoke(0.23, 25)
    assert pace.piece_s(10) == pytest.approx(0.2)
    assert pace.piece_s(50) == pytest.approx(0.28)


def test_what_was_measured_elsewhere_counts_until_something_is_measured_here() -> None:
    pace = Pace()
    pace.learn([(10, 0.1), (20, 0.2)])
    assert pace.piece_s(30) == pytest.approx(0.3)
    pace.spoke(0.15, 15)
    pace.learn([(10, 9.0)])
    assert pace.piece_s(30) == pytest.approx(0.3)


def test_few_pieces_say_little_of_how_far_others_may_be_from_them() -> None:
    pace = Pace()
    pace.learn([(10, 0.1), (25, 0.1)])
    assert pace.spread == pytest.approx(0.25)
    for _ in range(14):
        pace.spoke(0.1, 25)
    assert 0.0 < pace.spread < 0.05


def test_one_slow_piece_is_no_slow_machine_and_two_are() -> None:
    pace = Pace()
    pace.learn([(size, 0.1 + 0.001 * size) for size in (10, 20, 25, 50, 100)])
    for seconds, expected in ((0.125, 0.125), (0.9, 0.125), (0.125, 0.125), (0.25, 0.125), (0.25, 0.25)):
        pace.spoke(seconds, 25)
        assert pace.piece_s(25) == pytest.approx(expected, rel=0.05)


def test_one_slow_id_is_no_slow_machine() -> None:
    pace = Pace()
    for _ in range(50):
        pace.wrote(0.01)
    pace.wrote(5.0)
    assert pace.write_s < 0.014
    for _ in range(50):
        pace.wrote(0.03)
    assert pace.write_s == pytest.approx(0.03, rel=0.05)


def test_ids_are_measured_as_they_are_written_but_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("engine.conversation.speaking_along.pace.perf_counter", lambda: now[0])

    def ids() -> object:
        for id in range(4):
            now[0] += 9.0 if id == 0 else 0.02
            yield id

    pace, seen = Pace(), []
    for id in pace.writing(ids()):  # type: ignore[arg-type]
        seen.append(id)
        now[0] += 7.0  # what the reader of the ids does is no writing
    assert seen == [0, 1, 2, 3]
    assert pace.write_s == pytest.approx(0.02)


@pytest.mark.parametrize(("beside", "work_s"), [(False, 1.24), (True, 0.64)])
def test_writing_and_speaking_must_fit_into_the_sound_together_unless_two_threads_do_them(
    beside: bool, work_s: float
) -> None:
    pace = Pace(beside=beside)
    pace.wrote(0.02)
    pace.spoke(0.6, 25)
    assert pace.work_per_second == pytest.approx(work_s)


def test_pieces_made_along_with_the_writing_take_longer_where_both_share_a_device() -> None:
    pace = Pace(beside=True, shared=True)
    pace.learn([(10, 0.042), (50, 0.050)])
    alone_s = pace.piece_s(25)
    assert pace.piece_s(25, along=True) > 1.5 * alone_s  # until it is known better
    for _ in range(3):
        pace.spoke(1.2 * pace.piece_s(25), 25, along=True)
    assert pace.piece_s(25) == pytest.approx(alone_s)
    assert pace.piece_s(25, along=True) == pytest.approx(1.2 * alone_s)


def test_where_a_core_of_its_own_speaks_pieces_take_as_long_along_with_the_writing_until_they_took_longer() -> None:
    pace = Pace(beside=True)
    pace.learn([(10, 0.042), (50, 0.050)])
    alone_s, spread = pace.piece_s(25), pace.spread
    assert pace.piece_s(25, along=True) == alone_s
    for _ in range(4):
        pace.spoke(2 * alone_s, 25, along=True)
    assert pace.piece_s(25) == pytest.approx(alone_s)
    assert pace.piece_s(25, along=True) == pytest.approx(2 * alone_s)
    assert pace.spread < spread
