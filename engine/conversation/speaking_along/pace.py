"""Decides when speech is made while the language model still writes, and how long the player must hold back.

One thread does both, or on a CPU two beside each other. When writing and speaking together keep up with the sound,
speech is made as soon as it can be, so that the first sound comes early. When they cannot, speaking along would only
tear the sound apart: text goes first, and once the length of the reply is known the wait that makes the rest arrive in
time is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TOKENS_PER_SECOND = 25  # speech tokens in one second of sound
WRITTEN_PER_SECOND = 32  # ids the model writes for one second of sound, text included
_SMOOTHING = 0.1


@dataclass
class Pace:
    """Running measurements, kept from turn to turn. All in seconds of work.

    `write_s` per id written, `speak_s` per second of sound made; 0 while unknown (taken as fast). `pieces_s` are the
    lengths of a reply's first, second, … piece of sound as they were last time. `beside` says that two threads work.
    """

    write_s: float = 0.0
    speak_s: float = 0.0
    pieces_s: list[float] = field(default_factory=list)
    beside: bool = False

    def wrote(self, seconds: float) -> None:
        """An id took this long."""
        self.write_s = seconds if not self.write_s else self.write_s + _SMOOTHING * (seconds - self.write_s)

    def spoke(self, seconds: float, sound_s: float, place: int = 0) -> None:
        """A piece of sound, the `place`th of its reply, took this long to make."""
        self.pieces_s[place : place + 1] = [sound_s]
        if sound_s > 0:
            rate = seconds / sound_s
            self.speak_s = rate if not self.speak_s else self.speak_s + 0.3 * (rate - self.speak_s)

    def piece_s(self, place: int) -> float:
        """How long the `place`th piece of a reply will be; a second if no reply had so many."""
        return self.pieces_s[place] if place < len(self.pieces_s) else 1.0

    @property
    def work_per_second(self) -> float:
        """Seconds of work for one second of sound while the model still writes; above 1 it cannot keep up."""
        write_s = WRITTEN_PER_SECOND * self.write_s
        return max(write_s, self.speak_s) if self.beside else write_s + self.speak_s

    def speaks_along(self) -> bool:
        """Whether speech is made between the ids, or only once everything is written."""
        return self.work_per_second <= 1.0

    def hold_s(self, *, writing: bool, made_s: float, left_s: float, next_s: float) -> float:
        """Seconds of sound to have before playing starts, so that no later piece comes late.

        `made_s` of sound is ready, `left_s` is known to be still to make (0 while the model writes), `next_s` is the
        length of a piece: the next one takes work × its length, and the last one is late by all the work that is left
        less all the sound before it. What is made during the wait is part of what is held.
        """
        work = self.work_per_second if writing else self.speak_s
        # The next piece is written first and spoken then, also where other pieces are written and spoken meanwhile.
        first = WRITTEN_PER_SECOND * self.write_s + self.speak_s if writing else self.speak_s
        until_next = first * next_s - made_s if left_s or writing else 0.0
        until_last = work * left_s - (made_s + left_s - min(next_s, left_s))
        wait_s = max(until_next, until_last)
        if wait_s <= 0:
            return 0.0
        held_s = made_s + wait_s / work
        return held_s if writing else min(held_s, made_s + left_s)
