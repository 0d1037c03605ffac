"""Says which characters of an answer are spoken while a piece of its speech sounds.

The model gives no alignment, but in its stream the text runs ahead of the speech: nothing is said before it is written.
For the rest, characters are weighted by how long they usually take to say, and the scale between weight and speech
tokens is learned from the reply itself as soon as its length is known, until then from the replies before it.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

_TOKENS_PER_CJK = 5.5
_TOKENS_PER_LETTER = 1.6
_TOKENS_PER_DIGIT = 6.0
_TOKENS_PER_SPACE = 0.8
_TOKENS_PER_PAUSE = 6.0
_TOKENS_PER_STOP = 9.0


def spoken_weight(character: str) -> float:
    """How many speech tokens (of 40 ms) a character usually takes."""
    if character in ".!?…。！？":
        return _TOKENS_PER_STOP
    if character in ",;:，；：、—":
        return _TOKENS_PER_PAUSE
    if character.isspace():
        return _TOKENS_PER_SPACE
    if character.isdigit():
        return _TOKENS_PER_DIGIT
    if "\u2e80" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" or character >= "\U00020000":
        return _TOKENS_PER_CJK
    return _TOKENS_PER_LETTER if character.isalpha() else 0.0


class Alignment:
    """The alignment of one passage while it is made. `scale` is tokens per weight, from the replies before."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self.text = ""
        self._weights: list[float] = []  # running sum after each character
        self._anchor_token = 0
        self._anchor_character = 0
        self._total_tokens: int | None = None
        self._written: list[int] = []  # characters, when each token was

    def add_text(self, text: str) -> None:
        """More of the text."""
        start = self._weights[-1] if self._weights else 0.0
        self.text += text
        self._weights += list(accumulate((spoken_weight(c) for c in text), initial=start))[1:]

    def add_token(self) -> None:
        """One more speech token."""
        self._written.append(len(self.text))

    def end(self, tokens: int) -> None:
        """The passage is complete and has this many speech tokens: from here on the rest is spread over them."""
        self._total_tokens = tokens

    def character_at(self, token: int) -> int:
        """How many characters have been said once `token` speech tokens have sounded. Never goes back."""
        if not self.text:
            return 0
        if self._total_tokens is not None and token >= self._total_tokens:
            place = len(self.text)
        else:
            weight = self._weight_before(self._anchor_character) + (token - self._anchor_token) * self._rate()
            place = bisect_right(self._weights, weight + 1e-9)
            if 0 < token <= len(self._written):
                place = min(place, self._written[token - 1])
        self._anchor_token = max(token, self._anchor_token)
        self._anchor_character = max(place, self._anchor_character)
        return self._anchor_character

    def learned_scale(self) -> float:
        """Tokens per weight of this passage, for the next one; the scale it began with if it is too short to tell."""
        if self._total_tokens is None or not self._weights or self._weights[-1] < 20 or self._total_tokens < 25:
            return self.scale
        return min(4.0, max(0.25, self._total_tokens / self._weights[-1]))

    def _weight_before(self, character: int) -> float:
        return self._weights[character - 1] if character else 0.0

    def _rate(self) -> float:
        """Weight said per token."""
        if self._total_tokens is None:
            return 1.0 / self.scale
        left = self._total_tokens - self._anchor_token
        return (self._weights[-1] - self._weight_before(self._anchor_character)) / max(left, 1)


def word_boundary(text: str, place: int) -> int:
    """The last place at or before `place` that does not split a word; signs after the word stay with it."""
    if place >= len(text):
        return len(text)
    while place > 0 and _same_word(text[place - 1], text[place]):
        place -= 1
    return place


def _same_word(before: str, after: str) -> bool:
    return all((c.isalnum() and spoken_weight(c) != _TOKENS_PER_CJK) or c in "'’-" for c in (before, after))
