"""Sentences that nobody wrote: WordNet's examples and definitions, cut apart and joined where two words agree.

An ear that hears a sentence twenty times knows it by heart and stops to listen. These hardly ever come twice, yet word
follows word as in real ones. They are made of the training's sentences alone, never of those kept for tests.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from starter.texts.open_sentences import texts

_FEWEST, _MOST = 3, 16  # words
_LONGEST = 90  # letters
_LEAP = 0.25  # how often the next word agrees with the last one alone
_END = ""


class Mingled:
    """Draws each word among those that somewhere followed the two words before it, or now and then the one before."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._after_two: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._after_one: dict[str, list[str]] = defaultdict(list)
        self._begun: list[tuple[str, str]] = []
        for sentence in sentences:
            words = [*sentence.rstrip(".").split(), _END]
            if len(words) <= _FEWEST:
                continue
            self._begun.append((words[0], words[1]))
            for first, second, third in zip(words, words[1:], words[2:], strict=False):
                self._after_two[first, second].append(third)
                self._after_one[second].append(third)

    def sentence(self, chance: random.Random) -> str:
        """A new sentence of 3 to 16 words, capital first, a stop or question mark last."""
        while True:
            made = self._drawn(chance)
            text = " ".join(made)
            if _FEWEST <= len(made) <= _MOST and len(text) <= _LONGEST:
                return text if text[-1] in "?!" else text.rstrip(",;:-") + "."

    def _drawn(self, chance: random.Random) -> list[str]:
        words = list(chance.choice(self._begun))
        while len(words) <= _MOST:
            leaps = len(words) > 2 and chance.random() < _LEAP
            follow = self._after_one[words[-1]] if leaps else self._after_two[words[-2], words[-1]]
            word = chance.choice(follow)
            if word == _END:
                break
            words.append(word)
        return words


@cache
def mingled() -> Mingled:
    """Of all sentences of training: made once, in about a second."""
    return Mingled((*texts().training, *texts().definitions))
