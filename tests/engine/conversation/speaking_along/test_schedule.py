"""When pieces of speech are made, how large they are, and when playing begins; checked on simulated machines."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.schedule import Schedule
from engine.speaking.pieces import Pieces
from tests.simulated_speech import MACHINES, SLOW, Machine, conversations, least_hold_s, speak

STEADY = Machine(0.004, 0.05, 0.0005, noise=0.0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def measured(machine: Machine = STEADY) -> Pace:
    pace = Pace(beside=machine.beside)
    for _ in range(4):
        pace.learn(machine.warmed_up(random.Random(1)) * 2)
    pace.wrote(machine.write_s)
    return pace


def begun(pace: Pace, clock: Clock, pieces: Pieces | None = None) -> Schedule:
    """A schedule whose first piece has just been made."""
    schedule = Schedule(pace, pieces or Pieces(), 3, clock)
    for _ in range(12):
        schedule.write()
        assert schedule.take() == 0
    schedule.write()
    assert schedule.take() == 10
    clock.now += 0.055
    schedule.made(6, 0.055)
    return schedule


def test_after_the_first_piece_one_is_made_as_late_as_is_safe_of_all_that_waits() -> None:
    clock = Clock()
    schedule = begun(measured(), clock)
    plays_until = clock.now + 6 / 25
    size = 0
    while not size:
        clock.now += 0.005
        schedule.write()
        size = schedule.take()
    assert size == 20
    assert 0.02 < plays_until - clock.now - 0.06 < 0.08


def test_the_rest_is_one_piece_if_playing_has_time_for_it() -> None:
    clock = Clock()
    schedule = begun(measured(), clock)
    for _ in range(40):
        schedule.write()
    schedule.end()
    assert schedule.take() == 43
    assert schedule.take() == 0


def test_the_rest_is_cut_where_playing_has_no_time() -> None:
    clock = Clock()
    schedule = begun(measured(), clock)
    for _ in range(200):
        schedule.write()
    clock.now += 0.23
    schedule.end()
    assert schedule.take() == 10  # the sound ends before anything could be ready


def test_beside_the_writing_a_piece_is_made_as_soon_as_enough_waits() -> None:
    clock = Clock()
    schedule = begun(measured(replace(STEADY, beside=True)), clock)
    for _ in range(9):
        schedule.write()
        assert schedule.take() == 0
    schedule.write()
    assert schedule.take() == 10


def test_beside_the_writing_on_a_gpu_a_piece_is_made_late_and_large_for_it_takes_from_the_writing() -> None:
    clock = Clock()
    schedule = begun(measured(replace(STEADY, beside=True)), clock, Pieces(padded=True))
    size = 0
    while not size:
        clock.now += 0.005
        schedule.write()
        size = schedule.take()
    assert size == 20


def test_beside_the_writing_text_holds_up_only_a_piece_whose_tokens_are_still_to_be_written() -> None:
    machine = Machine(0.009, 0.05, 0.0095, noise=0.0, beside=True)
    waits = []
    for tokens in (13, 23):  # for the first piece alone, and for the second as well
        clock = Clock()
        schedule = Schedule(measured(machine), Pieces(), 3, clock)
        for _ in range(tokens):
            schedule.write()
        assert schedule.take() == 10
        schedule.made(6, machine.piece_s + 10 * machine.token_s)
        waits.append(schedule.wait_s)
    assert waits[0] > 0.05
    assert waits[1] == 0.0


def test_a_padded_rest_is_one_piece_if_a_size_holds_it() -> None:
    for waiting, first in ((60, 63), (97, 100), (130, 50)):
        clock = Clock()
        schedule = begun(measured(), clock, Pieces(padded=True, longest=100))
        for _ in range(waiting):
            schedule.write()
        schedule.made(25 * 40, 0.05)  # there is time enough
        schedule.end()
        assert schedule.take() == first


def test_what_was_never_measured_is_not_put_off() -> None:
    class Forgetful(Pace):
        def spoke(self, seconds: float, tokens: int, *, along: bool = False) -> None:
            pass

    schedule = begun(Forgetful(), Clock())
    for _ in range(10):
        schedule.write()
    assert schedule.take() == 10


def test_fixed_sizes_are_kept_and_the_last_piece_takes_what_is_left() -> None:
    clock = Clock()
    schedule = begun(measured(), clock, Pieces((10, 25)))
    for _ in range(60):
        schedule.write()
    schedule.end()
    assert [schedule.take(), schedule.take(), schedule.take(), schedule.take()] == [25, 25, 13, 0]


def test_a_machine_that_cannot_keep_up_writes_everything_first() -> None:
    reply = speak(measured(SLOW["text first"]), SLOW["text first"], 200, random.Random(3))
    written_s = 200 * SLOW["text first"].write_s
    assert reply.ready[0] > 0.7 * written_s
    assert reply.held_s > 0.5
    assert not reply.torn


def test_an_eager_first_piece_takes_more_only_where_that_takes_hardly_longer() -> None:
    for token_s, size in ((0.001, 10), (0.0, 300)):
        schedule = Schedule(measured(replace(STEADY, token_s=token_s)), Pieces(eager=True), 3, Clock())
        for _ in range(300):
            schedule.write()
        schedule.end()
        assert schedule.take() == size


def test_when_playing_had_stopped_the_next_piece_is_due_from_there_on() -> None:
    clock = Clock()
    schedule = begun(measured(), clock)
    clock.now += 5.0
    for _ in range(10):
        schedule.write()
    assert schedule.take() == 10
    schedule.made(10, 0.055)
    for _ in range(30):
        schedule.write()
    assert schedule.take() == 0  # 0.4 s are to be played
    clock.now += 0.35
    assert schedule.take() > 0


@pytest.mark.parametrize("name", MACHINES)
def test_hardly_a_reply_is_held_longer_than_it_must_and_none_is_torn(name: str) -> None:
    """See tests/quality/test_speech_in_time.py for thousands of replies."""
    replies = conversations(replace(MACHINES[name], disk_s=0.02), 6)
    assert sum(reply.torn for reply in replies) == 0
    held_s = sum(reply.held_s for reply in replies) / len(replies)
    assert held_s <= {"plain, four bits": 0.26, "two slower cores": 0.01}.get(name, 0.001)


def test_one_stall_makes_no_later_reply_wait() -> None:
    replies = conversations(MACHINES["own kernels"], 1, stall_s=2.0)
    assert sum(reply.held_s for reply in replies) == 0.0
    assert sum(reply.torn for reply in replies) <= 1


def test_a_long_reply_is_made_in_few_pieces() -> None:
    pace = measured()
    sizes = {ids: len(speak(pace, STEADY, ids, random.Random(5)).ready) for ids in (85, 160, 315, 1000)}
    assert sizes == {85: 3, 160: 3, 315: 4, 1000: 6}


def test_the_least_hold_of_a_machine_that_keeps_up_is_none() -> None:
    assert least_hold_s(MACHINES["two cores"], 2) <= 0.005


@pytest.mark.parametrize(("burst", "waits"), [(10, True), (1, False)])
def test_playing_waits_for_no_more_text_than_may_come(burst: int, waits: bool) -> None:
    pace = measured(replace(STEADY, write_s=0.009, piece_s=0.04, token_s=0.0015, beside=True))
    pace.burst = burst
    assert (begun(pace, Clock()).wait_s > 0) == waits
