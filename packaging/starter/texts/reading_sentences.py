"""Open-vocabulary sentences: everyday frames filled with words of a word list, numbers and times.

They need no sense, only every sound in every neighbourhood and the melody of statements, questions and lists.
The word list is a file of one word a line, such as Debian's wamerican-small (SCOWL, permissive licence).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

FRAMES = (
    "The {w} {w} was near the {w}.",
    "Please put the {w} on the {w} before {n} o'clock.",
    "I think that {w} and {w} are not the same as {w}.",
    "Do you know why the {w} is so {w}?",
    "What is {n} plus {n}?",
    "The answer is {n} point {n}.",
    "It takes {n} minutes to {w} the {w}.",
    "We saw {n} {w} in the {w} yesterday, and then we went home.",
    "She said the {w} would {w} again on {d}.",
    "There are {n} {w}, {n} {w} and one {w} in the box.",
    "He could not {w} the {w} because of the {w}.",
    "Tell me more about {w} and {w}, please.",
    "If you {w} it now, you will have {w} by {d}.",
    "My {w} likes {w} very much.",
    "How many {w} does it take to {w} a {w}?",
    "This {w} is called {w}, and that one is {w}.",
    "Yes, of course, the {w} is {w}.",
    "No, that was {n} years ago in {w}.",
    "You should read the {w} about {w} first.",
    "{W} is a kind of {w}.",
    "{W}, {w}, {w}, {w} and {w}.",
    "{W} {w} {w} {w} {w} {w}.",
    "{W} {w} {w} {w}.",
    "{W} {w} {w} {w} {w} {w} {w} {w} {w}.",
    "On {d} the {n} of {m}, the weather will be {w}.",
    "The timer is set for {n} minutes and {n} seconds.",
    "{N} times {n} is {n}.",
    "{N} degrees is quite {w} for {m}.",
    "Where can I find a {w} with a {w} {w}?",
    "They have been {w} since {m}.",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(value: int) -> str:
    """A number from 0 to 999999 in words, as it is read aloud in American English."""
    if value < 20:
        return ONES[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")
    unit, name = (100, "hundred") if value < 1000 else (1000, "thousand")
    high, low = divmod(value, unit)
    return f"{number_words(high)} {name}" + (f" {number_words(low)}" if low else "")


@dataclass(frozen=True)
class Sentences:
    """Makes sentences from a list of words."""

    words: tuple[str, ...]

    @classmethod
    def from_word_list(cls, path: Path) -> Sentences:
        """Words of plain lower-case letters, 2 to 12 long, of a file with one word a line."""
        words = path.read_text(encoding="utf-8").split()
        plain = (word for word in words if word.isascii() and word.islower() and word.isalpha())
        return cls(tuple(word for word in plain if 2 <= len(word) <= 12))

    def any(self, chance: random.Random) -> str:
        """One sentence; words, numbers, days and months are drawn with `chance`."""
        frame = chance.choice(FRAMES)
        pieces = frame.split("{")
        return pieces[0] + "".join(self._filled(piece[0], chance) + piece[2:] for piece in pieces[1:])

    def _filled(self, kind: str, chance: random.Random) -> str:
        if kind in "nN":
            words = number_words(chance.choice((chance.randint(0, 20), chance.randint(0, 99), chance.randint(0, 9999))))
        elif kind in "dm":
            words = chance.choice(DAYS if kind == "d" else MONTHS)
        else:
            words = chance.choice(self.words)
        return words.capitalize() if kind.isupper() else words
