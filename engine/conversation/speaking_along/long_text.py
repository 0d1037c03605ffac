"""How much speech a text takes, and how one that is too long to be read aloud at once is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Ids that a character takes, written and spoken, with room to spare: a Chinese one or a digit, and any other.
_MANY, _FEW = 10, 4
_FIRST_WIDE = "\u2e80"
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?…])\s+|\n\s*")
_SPACE = re.compile(r"\s+")
SPOKEN_AT_LEAST = 200  # speech tokens
_SPOKEN_AROUND = 25  # of a text with a limit per character: the silence around it
_UNLIMITED = 1 << 40
_SPOKEN_FOR_A_CHARACTER = 20  # generously: a Chinese character takes about seven


def most_speech_tokens(characters: int) -> int:
    """More speech tokens than a text of so many characters ever takes: what is longer is no speech of this text."""
    return SPOKEN_AT_LEAST + _SPOKEN_FOR_A_CHARACTER * characters


@dataclass(frozen=True)
class SpeechLimits:
    """What the block "reads" of a model's config.json says of the lengths that it can read aloud.

    `characters_at_once` of a text are read at once, None: as many as the context holds. Speech of more than
    `tokens_per_character` is no speech of the text.
    """

    characters_at_once: int | None = None
    tokens_per_character: float | None = None

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> SpeechLimits:
        """As the model's folder says; what is missing there, or no number above zero, is not limited."""
        said = about.get("reads")
        reads = said if isinstance(said, Mapping) else {}
        at_once, each = (_above_zero(reads.get(name)) for name in ("characters_at_once", "tokens_per_character"))
        return cls(int(at_once) if at_once and at_once >= 1 else None, each)

    @property
    def ids_at_once(self) -> int:
        """The limit of a portion as `portions` counts."""
        return _UNLIMITED if self.characters_at_once is None else _FEW * self.characters_at_once

    def most_speech_tokens(self, characters: int) -> int:
        """More speech tokens than a text of so many characters ever takes."""
        if self.tokens_per_character is None:
            return most_speech_tokens(characters)
        return _SPOKEN_AROUND + round(self.tokens_per_character * characters)


def _above_zero(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _UNLIMITED else None  # type: ignore[operator, arg-type]


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
