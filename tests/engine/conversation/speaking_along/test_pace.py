"""When speech is made, and how long a player must wait for it; checked against simulated machines."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest

from engine.conversation.speaking_along.pace import Pace


@dataclass(frozen=True)
class Machine:
    """Seconds for an id, for every piece and for each of its tokens; `noise` is their deviation, as a share."""

    write_s: float
    piece_s: float
    token_s: float
    beside: bool = False
    noise: float = 0.1

    def writes(self, chance: random.Random) -> float:
        return self.write_s * math.exp(chance.gauss(0, self.noise))

    def speaks(self, tokens: int, chance: random.Random) -> float:
        return (self.piece_s + self.token_s * tokens) * math.exp(chance.gauss(0, self.noise))


MACHINES = {
    "own kernels": Machine(0.0038, 0.04, 0.0004),
    "plain, four bits": Machine(0.0085, 0.16, 0.001),
    "two cores": Machine(0.004, 0.03, 0.0035, beside=True, noise=0.2),
}
SLOW = {"text first": Machine(0.025, 0.2, 0.03), "one core": Machine(0.01, 0.1, 0.045)}


@dataclass(frozen=True)
class Reply:
    """When each piece was ready, from the first on, how long it sounds, and how long the player was told to wait."""

    ready: list[float]
    sound: list[float]
    wait_s: list[float]

    @property
    def waited_s(self) -> float:
        """From the first piece to the first sound that is heard."""
        until = self.ready[0]
        for when, wait_s in zip(self.ready, self.wait_s, strict=True):
            if when > until:
                break
            until = when + wait_s
        return min(until, self.ready[-1])

    @property
    def least_s(self) -> float:
        """The shortest wait with which nothing would have come late."""
        before = [sum(self.sound[:place]) for place in range(len(self.sound))]
        return max(when - played for when, played in zip(self.ready, before, strict=True))

    @property
    def late(self) -> bool:
        return self.least_s > self.waited_s + 1e-9


def speak(pace: Pace, machine: Machine, tokens: int, chance: random.Random) -> Reply:
    """One reply: ids in bursts of text and speech, pieces as soon as they can be made, the rest at the end."""
    now = free = 0.0  # of the writing, and of the thread that speaks beside it
    written = spoken = 0
    ready: list[float] = []
    sizes: list[int] = []
    waits: list[float] = []
    pace.beside = machine.beside

    def make(size: int, sound: int, writing: bool) -> None:
        nonlocal now, free, spoken
        seconds = machine.speaks(size, chance)
        start = max(now, free) if machine.beside else now
        free = start + seconds
        if not machine.beside:
            now = free
        pace.spoke(seconds, sound)
        spoken += size
        ready.append(free)
        sizes.append(sound)
        waits.append(pace.wait_s(writing=writing, made=sum(sizes), waiting=written - sum(sizes)))

    while written < tokens:
        text = chance.randint(1, 4) if chance.random() < 0.95 else chance.randint(8, 14)
        for id in range(text + min(4 * text, 16)):
            seconds = machine.writes(chance)
            pace.wrote(seconds)
            now += seconds
            written += id >= text
            size = (10, 15)[len(ready)] if len(ready) < 2 else 25
            if pace.speaks_along() and written - spoken >= size + 3 and (not machine.beside or free <= now):
                make(size, size - 4 if not ready else size, True)
    while spoken < written:
        size = (10, 15)[len(ready)] if len(ready) < 2 else 25
        last = written - spoken <= size + 3
        sound = written - sum(sizes) if last else size - 4 if not ready else size
        make(written - spoken if last else size, sound, False)
    return Reply([when - ready[0] for when in ready], [size / 25 for size in sizes], waits)


def conversations(machine: Machine, count: int = 50, replies: int = 20) -> list[Reply]:
    chance, made = random.Random(7), []
    for _ in range(count):
        pace = Pace()
        pace.learn([(size, machine.speaks(size, chance)) for size in (10, 15, 25, 25, 50)])
        made += [speak(pace, machine, chance.randint(5, 400), chance) for _ in range(replies)]
    return made


@pytest.mark.parametrize("name", MACHINES)
def test_where_a_machine_keeps_up_hardly_a_reply_waits_longer_than_it_must_and_none_is_torn(name: str) -> None:
    replies = conversations(MACHINES[name])
    assert sum(reply.late for reply in replies) <= len(replies) / 1000
    least_s = sorted(reply.least_s for reply in replies)[round(0.999 * len(replies)) - 1]  # for as many untorn ones
    assert sum(reply.waited_s for reply in replies) / len(replies) <= 1.2 * least_s + 0.005
    assert name == "plain, four bits" or all(reply.waited_s == 0.0 for reply in replies)


@pytest.mark.parametrize("name", SLOW)
def test_where_it_does_not_playing_waits_and_hardly_a_reply_is_torn(name: str) -> None:
    replies = conversations(SLOW[name])
    assert sum(reply.late for reply in replies) <= 2 * len(replies) / 1000
    waited, least = (sum(getattr(reply, what) for reply in replies) for what in ("waited_s", "least_s"))
    assert least < waited <= 2.5 * least


def test_a_machine_not_yet_measured_speaks_along() -> None:
    assert Pace().speaks_along()


def test_speaking_along_needs_writing_and_speaking_to_fit_together() -> None:
    pace = Pace(write_s=0.02)
    pace.spoke(0.3, 25)
    assert pace.speaks_along()
    pace.spoke(0.6, 25)
    assert not pace.speaks_along()
    pace.beside = True
    assert pace.speaks_along()
    pace.write_s = 0.04
    assert not pace.speaks_along()


def test_what_every_piece_takes_is_told_from_what_its_tokens_take() -> None:
    pace = Pace()
    assert pace.piece_s(25) == 0.0
    pace.spoke(0.2, 10)
    assert pace.piece_s(25) == pytest.approx(0.5)  # one piece tells nothing about the other part
    pace.spoke(0.23, 25)
    assert pace.piece_s(10) == pytest.approx(0.2)
    assert pace.piece_s(50) == pytest.approx(0.28)
    assert pace.spread == pytest.approx(0.0)
    pace.spoke(0.4, 25)
    assert pace.spread > 0.1


def test_what_was_measured_elsewhere_counts_until_something_is_measured_here() -> None:
    pace = Pace()
    pace.learn([(10, 0.1), (20, 0.2)])
    assert pace.piece_s(30) == pytest.approx(0.3)
    pace.spoke(0.15, 15)
    pace.learn([(10, 9.0)])
    assert pace.piece_s(30) == pytest.approx(0.3)


def test_a_fast_machine_waits_for_nothing_and_a_slow_one_for_all_that_it_must() -> None:
    fast = Pace(write_s=0.01)
    fast.learn([(10, 0.05), (25, 0.06)])
    assert fast.wait_s(writing=True, made=6, waiting=7) == pytest.approx(0.1053, abs=1e-3)
    fast.write_s = 0.005
    assert fast.wait_s(writing=True, made=6, waiting=7) == 0.0
    slow = Pace()
    slow.learn([(25, 2.0)])
    assert slow.wait_s(writing=False, made=25, waiting=250) == pytest.approx(10 * 2.0 - 10 * 1.0)
    assert slow.wait_s(writing=False, made=25, waiting=0) == 0.0
