"""Replies on machines that are only computed: the real schedule, told when ids and pieces of speech would be ready."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.conversation.speaking_along.pace import TOKENS_PER_SECOND, Pace
from engine.conversation.speaking_along.schedule import Schedule
from engine.speaking.pieces import HARDLY_LONGER, LONGEST_WORK_S, Pieces

LOOK_AHEAD = 3
_FADED = 4  # tokens of what was made that sound only with the next piece
_SIZES = (10, 15, 20, 25, 50, 100, 200)


@dataclass(frozen=True)
class Machine:
    """Seconds for an id, for every piece and for each of its tokens; `noise` is their deviation, as a share.

    A slow disk makes an id in five hundred and a piece in two hundred wait for `disk_s`. Pieces are made one after the
    other with the ids, or `beside` them; then they take `slower` times as long while ids are written, and the first is
    made alone where `first_alone` says so. Where they are `traced` every size was made beforehand and ends are padded.
    """

    write_s: float
    piece_s: float
    token_s: float
    beside: bool = False
    noise: float = 0.1
    eager: bool = False
    disk_s: float = 0.0
    slower: float = 1.0
    first_alone: bool = False
    traced: bool = False

    def writes(self, chance: random.Random) -> float:
        """Seconds for an id."""
        waits = self.disk_s if self.disk_s and chance.random() < 1 / 500 else 0.0
        return self.write_s * math.exp(chance.gauss(0, self.noise)) + waits

    def speaks(self, tokens: int, chance: random.Random) -> float:
        """Seconds for a piece."""
        waits = self.disk_s if self.disk_s and chance.random() < 1 / 200 else 0.0
        return (self.piece_s + self.token_s * tokens) * math.exp(chance.gauss(0, self.noise)) + waits

    def warmed_up(self, chance: random.Random) -> list[tuple[int, float]]:
        """Pieces that were made beforehand, all alone: of a CPU two sizes."""
        longest_s = max(LONGEST_WORK_S, HARDLY_LONGER * (self.piece_s + self.token_s * _SIZES[0]))
        fitting = [size for size in _SIZES if size <= 25 or self.piece_s + self.token_s * size <= longest_s]
        return [
            (size, self.speaks(size, chance)) for size in (fitting[:2] if self.beside and not self.traced else fitting)
        ]


# As measured: the published model on an H200, by kernels of its own and as plain MLX in four bits; the starter, where
# pieces take as long beside the writing, and on two cores of which each slows the other down.
MACHINES = {
    "own kernels": Machine(0.0040, 0.04, 0.0002, beside=True, eager=True, slower=1.7, first_alone=True, traced=True),
    "plain, four bits": Machine(0.0085, 0.16, 0.001),
    "two cores": Machine(0.004, 0.03, 0.0035, beside=True, noise=0.2),
    "two slower cores": Machine(0.009, 0.02, 0.0025, beside=True, noise=0.15, slower=1.3),
}
SLOW = {"text first": Machine(0.025, 0.2, 0.03), "one core": Machine(0.01, 0.1, 0.045)}


@dataclass
class Reply:
    """When each piece was ready, how long it sounds, how long the player was told to wait, and when all was made."""

    ready: list[float] = field(default_factory=list)
    sound: list[float] = field(default_factory=list)
    wait_s: list[float] = field(default_factory=list)
    whole_s: float = 0.0

    @property
    def held_s(self) -> float:
        """From the first piece to the first sound that is heard."""
        until = self.ready[0]
        for when, wait_s in zip(self.ready, self.wait_s, strict=True):
            if when > until:
                break
            until = when + wait_s
        return min(until, self.ready[-1]) - self.ready[0]

    @property
    def spare_s(self) -> float:
        """Before the sound would have stopped at the tightest piece; negative if it did."""
        begun = self.ready[0] + self.held_s
        played = [sum(self.sound[:place]) for place in range(1, len(self.sound))]
        return min((begun + heard - when for when, heard in zip(self.ready[1:], played, strict=True)), default=math.inf)

    @property
    def torn(self) -> bool:
        return self.spare_s < -1e-9


class _Speaking:
    """One reply while it is made."""

    def __init__(self, pace: Pace, machine: Machine, chance: random.Random, hold_s: float | None) -> None:
        self.now = 0.0
        self.reply = Reply()
        self._pace, self._machine, self._chance = pace, machine, chance
        pace.beside, pace.shared = machine.beside, machine.first_alone
        self.schedule = Schedule(pace, Pieces(eager=machine.eager, padded=machine.traced), LOOK_AHEAD, lambda: self.now)
        if hold_s is not None:
            self.schedule._hold_s = lambda: hold_s  # type: ignore[method-assign]
        self._taken = self._sounding = 0
        self._ends = False
        self._running: tuple[float, int, float] | None = None  # until when, tokens, seconds

    def write(self, spoken: bool, seconds: float) -> None:
        """An id."""
        self._pace.wrote(seconds)
        self.now += seconds
        if spoken:
            self.schedule.write()
        self._make(wait=False)

    def end(self) -> Reply:
        """The rest."""
        self.schedule.end()
        self._ends = True
        self._make(wait=True)
        self.reply.whole_s = self.now
        return self.reply

    def _make(self, *, wait: bool) -> None:
        while True:
            if self._running is None and (size := self.schedule.take()):
                self._taken += size
                seconds = self._machine.speaks(size, self._chance)
                if not (wait or self._alone):
                    seconds *= self._machine.slower
                self._running = self.now + seconds, self._taken, seconds
            if self._running is None:
                return
            until, taken, seconds = self._running
            if self._machine.beside and until > self.now and not (wait or self._alone):
                return
            self._running = None
            self.now = max(self.now, until)
            self._note(taken, seconds)

    @property
    def _alone(self) -> bool:
        return self._machine.first_alone and not self.reply.ready

    def _note(self, taken: int, seconds: float) -> None:
        last = self._ends and taken == self.schedule.written
        tokens = taken - (0 if last else _FADED) - self._sounding
        self._sounding += tokens
        self.schedule.made(tokens, seconds)
        self.reply.ready.append(self.now)
        self.reply.sound.append(tokens / TOKENS_PER_SECOND)
        self.reply.wait_s.append(self.schedule.wait_s)


def speak(
    pace: Pace, machine: Machine, ids: int, chance: random.Random, hold_s: float | None = None, stall_s: float = 0.0
) -> Reply:
    """A reply of so many ids, text and speech in bursts; one id waits for `stall_s`. `hold_s` prescribes the hold."""
    speaking = _Speaking(pace, machine, chance, hold_s)
    stalls_at = chance.randrange(ids)
    for number, spoken in zip(range(ids), _bursts(chance), strict=False):
        speaking.write(spoken, machine.writes(chance) + (stall_s if number == stalls_at else 0.0))
    return speaking.end()


def _bursts(chance: random.Random) -> Iterator[bool]:
    """Whether an id is one of speech: a few of text, then four times as many of speech, or what is left of them."""
    while True:
        text = chance.randint(1, 4) if chance.random() < 0.95 else chance.randint(8, 14)
        yield from [False] * text
        yield from [True] * min(4 * text, 16)


def conversations(
    machine: Machine, count: int, replies: int = 20, *, hold_s: float | None = None, stall_s: float = 0.0, seed: int = 7
) -> list[Reply]:
    """Replies of many conversations. One of all stalls, in the middle of the first conversation."""
    made = []
    for conversation in range(count):
        chance = random.Random(1000 * seed + conversation)
        pace = Pace()
        pace.learn(machine.warmed_up(chance))
        for number in range(replies):
            stalls = stall_s if conversation == 0 and number == replies // 2 else 0.0
            made.append(speak(pace, machine, chance.randint(20, 500), chance, hold_s, stalls))
    return made


def least_hold_s(machine: Machine, count: int, *, stall_s: float = 0.0, exact_s: float = 0.005) -> float:
    """The shortest hold, the same for all replies, with which at most one in a thousand is torn."""
    shortest, longest = -exact_s, 1.0
    while longest - shortest > exact_s:
        hold_s = max((shortest + longest) / 2, 0.0)
        replies = conversations(machine, count, hold_s=hold_s, stall_s=stall_s)
        if sum(reply.torn for reply in replies) <= len(replies) / 1000:
            longest = hold_s
        else:
            shortest = hold_s
        if longest <= 0:
            break
    return longest
