"""Texts compared word by word."""

from __future__ import annotations

import pytest

from engine.word_errors import edits, words_of


@pytest.mark.parametrize(
    ("truth", "made", "count"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "b c", 1),
        ("a c", "a b c", 1),
        ("", "a b", 2),
        ("a", "", 1),
    ],
)
def test_edits_are_the_fewest_insertions_deletions_and_substitutions(truth: str, made: str, count: int) -> None:
    assert edits(truth.split(), made.split()) == count


def test_chinese_is_counted_by_characters_and_other_words_as_such() -> None:
    assert words_of("下午，我们用 Earshot’s 2 次！") == [*"下午我们用", "earshots", "2", "次"]
