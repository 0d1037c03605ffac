"""Compares a text with what was understood of it, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")


def words_of(text: str) -> list[str]:
    """A text's words in small letters and without signs; of Chinese, its characters."""
    return _WORD.findall(text.lower().replace("’", "'").replace("'", ""))


def edits(truth: Sequence[object], made: Sequence[object]) -> int:
    """The fewest insertions, deletions and substitutions that make the one of the other (Levenshtein)."""
    row = list(range(len(made) + 1))
    for i, wanted in enumerate(truth, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(made, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (wanted != got))
    return row[-1]
