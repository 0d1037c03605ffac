"""Sentences without sense, full of words of the list, numbers, dates, times, letters and names.

They are for open vocabulary: the ear is to spell, and the mouth to say, nearly every word, whatever stands beside it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from starter.texts.spoken_numbers import DAYS, MONTHS, clock_words, decimal_words, ordinal, sentence, words, year_words

FRAMES = (
    "The {w} {w} was near the {w}.", "Please put the {w} on the {w} before {t}.", "This {w} is called {w}.",
    "I think that {w} and {w} are not the same as {w}.", "Do you know why the {w} is so {w}?", "Is it {w} or {w}?",
    "It takes {n} minutes to {w} the {w}.", "We saw {n} {w} in the {w} yesterday, and then we went home.",
    "She said the {w} would {w} again on {d}.", "There are {n} {w}, {n} {w} and one {w} in the box.",
    "He could not {w} the {w} because of the {w}.", "Tell me more about {w} and {w}, please.", "A {w} {w} and a {w}.",
    "If you {w} it now, you will have {w} by {d}.", "My {w} likes {w} very much.", "No, that was {n} years ago in {p}.",
    "How many {w} does it take to {w} a {w}?", "Yes, of course, the {w} is {w}.", "{W} is a kind of {w}.",
    "You should read the {w} about {w} first.", "{W} and {w}.", "{W}, {w}, {w}.", "{W}, {w}, {w}, {w} and {w}.",
    "{W} {w} {w}.", "{W} {w} {w} {w}.", "{W} {w} {w} {w} {w}.", "{W} {w} {w} {w} {w} {w}.", "Their {w} was {w}.",
    "{W} {w} {w} {w} {w} {w} {w}.", "{W} {w} {w} {w} {w} {w} {w} {w} {w}.", "The {w} of {w} and the {w} of {w}.",
    "On {d}, {m} {o}, the weather will be {w}.", "The {w} costs {x}.", "It was {y} when the {w} came to {p}.",
    "Where can I find a {w} with a {w} {w}?", "They have been {w} since {m}.", "{P} was born on {m} {o}, {y}.",
    "{P} and {p} live in {p}.", "Is {p} in {p}?", "{P} {w} the {w} at {t}.", "My number is {n}, {n}, {n}.",
    "{P} met {p} at the {w} in {y}.", "The letters are {l}.", "It is spelled {l}.", "About {c} of the {w} are {w}.",
    "The {w} is {f} meters long.", "The train to {p} leaves at {t}.", "{N} people live in {p}.", "{P}'s {w} is {w}.",
    "Chapter {n}, page {n}.", "We meet on {d} at {t}.", "From {t} to {t} the {w} is {w}.", "Dear {p}, I am {w}.",
    "Not {w}, but {w}.", "To {w} or to {w}, that is the {w}.", "{W} the {w}.", "Never {w} a {w} {w} without {w}.",
)  # fmt: skip
_TWO = 0.1
_IN_DIGITS = 0.6
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Sentences:
    """Fills frames; `word` and `name` deal the words. In digits numbers may be written as people type them."""

    def __init__(self, chance: random.Random, word: Callable[[], str], name: Callable[[], str], digits: bool) -> None:
        self._chance, self._word, self._name, self._digits = chance, word, name, digits

    def any(self) -> str:
        """A sentence, or two short ones."""
        made = self._one()
        if len(made.split()) < 9 and self._chance.random() < _TWO:
            made += " " + self._one()
        return made

    def _one(self) -> str:
        first, *pieces = self._chance.choice(FRAMES).split("{")
        return first + "".join(self._filled(piece[0]) + piece[2:] for piece in pieces)

    def _filled(self, kind: str) -> str:
        if kind in "wp":
            return self._word() if kind == "w" else self._name()
        if kind in "WP":
            return sentence(self._word() if kind == "W" else self._name())
        if kind in "dml":
            return self._named(kind)
        digits, said = self._counted(kind.lower())
        if self._digits and self._chance.random() < _IN_DIGITS:
            return digits
        return sentence(said) if kind.isupper() else said

    def _named(self, kind: str) -> str:
        c = self._chance
        if kind == "l":
            return ", ".join(c.choice(_LETTERS) for _ in range(c.randint(2, 6)))
        return c.choice(DAYS if kind == "d" else MONTHS)

    def _counted(self, kind: str) -> tuple[str, str]:
        """In digits and in words: a number, a time, a year, a day of the month, a price, a share, a fraction."""
        c = self._chance
        if kind == "t":
            moment = datetime(2024, 1, 1) + timedelta(minutes=c.randrange(24 * 60))
            return f"{moment.hour % 12 or 12}:{moment:%M}", clock_words(moment)
        if kind in "yo":
            value = c.randint(1500, 2030) if kind == "y" else c.randint(1, 31)
            return str(value), year_words(value) if kind == "y" else f"the {ordinal(value)}"
        value = c.randint(0, c.choice((12, 99, 99, 999, 9999)))
        if kind == "x":
            return f"${value}", f"{words(value)} dollars"
        if kind == "c":
            return f"{value % 101}%", f"{words(value % 101)} percent"
        if kind == "f":
            fraction = f"{value % 100}.{c.randint(1, 9)}"
            return fraction, decimal_words(fraction)
        return str(value), words(value)
