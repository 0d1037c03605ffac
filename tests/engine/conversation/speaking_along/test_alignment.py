"""Which characters are spoken when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.conversation.speaking_along.alignment import Alignment, word_boundary


def test_a_complete_passage_ends_with_its_last_token() -> None:
    alignment = Alignment()
    alignment.add_text("Twelve times seven is eighty four.")
    alignment.end(100)
    assert alignment.character_at(0) == 0
    assert alignment.character_at(50) in range(13, 24)
    assert alignment.character_at(100) == 34


@given(st.text(max_size=60), st.lists(st.integers(0, 300), max_size=20), st.integers(0, 300))
def test_the_position_never_goes_back_nor_beyond_the_text(text: str, tokens: list[int], total: int) -> None:
    alignment = Alignment()
    alignment.add_text(text)
    places = [alignment.character_at(token) for token in sorted(tokens)]
    alignment.end(total)
    places += [alignment.character_at(token) for token in sorted(tokens)]
    places.append(alignment.character_at(max(total, *tokens, 0)))
    assert places == sorted(places)
    assert places[-1] == len(text)


def test_the_scale_of_a_slow_voice_is_learned() -> None:
    text = "a slow voice takes its time over every single word that it says"
    first = Alignment()
    first.add_text(text)
    expected = first._weights[-1]
    first.end(round(expected * 2))
    assert 1.9 < first.learned_scale() < 2.1
    second = Alignment(first.learned_scale())
    second.add_text(text)
    assert abs(second.character_at(round(expected)) - len(text) / 2) < 4


def test_a_cut_does_not_split_a_word() -> None:
    assert word_boundary("Hello there, you", 8) == 6
    assert word_boundary("Hello there, you", 11) == 11
    assert word_boundary("don't go", 4) == 0
    assert word_boundary("你好世界", 3) == 3
    assert word_boundary("abc", 9) == 3
