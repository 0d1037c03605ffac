"""How much speech a text takes, and how one that is too long to be read aloud at once is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Ids that a character takes, written and spoken, with room to spare: a Chinese one or a digit, and any other.
_MANY, _FEW = 10, 4
_FIRST_WIDE = "\u2e80"
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?…])\s+|\n\s*")
_SPACE = re.compile(r"\s+")
SPOKEN_AT_LEAST = 200  # speech tokens
_SPOKEN_FOR_A_CHARACTER = 20  # generously: a Chinese character takes about seven


def most_speech_tokens(characters: int) -> int:
    """More speech tokens than a text of so many characters ever takes: what is longer is no speech of this text."""
    return SPOKEN_AT_LEAST + _SPOKEN_FOR_A_CHARACTER * characters


def portions(text: str, most_ids: int) -> Iterator[str]:
    """`text` as it is, or in portions that take about `most_ids` ids at most, none of them blank.

    They end with a sentence, or with a word where there is none, or anywhere.
    """
    start, end = 0, _reach(text, 0, most_ids)
    if end == len(text):
        yield text
        return
    while start < len(text):
        if end < len(text):
            end = _last(_SENTENCE_END, text, start, end) or _last(_SPACE, text, start, end) or end
        if portion := text[start:end].strip():
            yield portion
        start, end = end, _reach(text, end, most_ids)


def _reach(text: str, start: int, most_ids: int) -> int:
    """How far one portion may go, by a character at least."""
    taken = 0
    for place in range(start, len(text)):
        taken += _MANY if text[place] >= _FIRST_WIDE or text[place].isdigit() else _FEW
        if taken > most_ids and place > start:
            return place
    return len(text)


def _last(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Behind the last match that leaves something before it; 0 if there is none."""
    ends = [found.end() for found in pattern.finditer(text, start, end)]
    return ends[-1] if ends and text[start : ends[-1]].strip() else 0
