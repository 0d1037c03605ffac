"""Which words of an answer sound at a moment. `spans` are (first sample at 24 kHz, first and last character)."""

from __future__ import annotations

import re
from collections.abc import Sequence

Span = tuple[int, int, int]

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


def character_at(spans: Sequence[Span], made_24k: int, played_24k: int) -> int:
    """How many characters of the answer have been spoken after so many samples."""
    spoken = 0
    for index, (start, first, last) in enumerate(spans):
        if start > played_24k:
            break
        end = spans[index + 1][0] if index + 1 < len(spans) else made_24k
        share = min((played_24k - start) / max(end - start, 1), 1.0)
        spoken = round(first + share * (last - first))
    return spoken


def word_at(text: str, character: int) -> tuple[int, int] | None:
    """The word that holds a character, or the next one."""
    found = next((word for word in _WORD.finditer(text) if word.end() > character), None)
    return found.span() if found else None


def heard_part(text: str, character: int) -> str:
    """The text up to the last word that was heard whole."""
    if character >= len(text):
        return text
    ends = [word.end() for word in _WORD.finditer(text) if word.end() <= character]
    return text[: ends[-1]] if ends else ""
