"""Which texts are spoken in natural voices, by whom, and that the tests' own are not among them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from mingled_sentences import Mingled, mingled
from natural_texts import Script, Share
from natural_voices import Casting
from open_sentences import texts
from spoken_corpus import answers
from typed_texts import said_text, typed_text

NAMES = ["af_bella", "af_heart", "am_echo", "bf_emma", "ff_siwis"]


class Letters:
    """Phonemes that are the letters themselves."""

    def __call__(self, text: str, british: bool = False) -> str:
        return text


@pytest.fixture
def script() -> Callable[..., Script]:
    def made(replies: float, share: Share | None = None, before: frozenset[str] = frozenset()) -> Script:
        vocab = {chr(code): code for code in range(32, 127)}
        casting = Casting(NAMES, random.Random(2))
        return Script(60, casting, Letters(), vocab, 3, replies, ["af_heart"], share or Share(), before)  # type: ignore[arg-type]

    return made


def test_mingled_sentences_follow_real_ones_but_are_new_and_none_of_the_tests() -> None:
    chance = random.Random(5)
    made = [mingled().sentence(chance) for _ in range(400)]
    known = {*texts().training, *texts().definitions}
    assert len(set(made)) > 380
    assert sum(text in known for text in made) < 120
    assert not set(made) & set(texts().testing)
    assert all(text[-1] in ".?!" and 3 <= len(text.split()) <= 16 for text in made)


def test_each_word_followed_its_neighbour_somewhere() -> None:
    source = Mingled(("One two three four.", "Five two three six.", "Zero three seven eight nine."))
    pairs = {("One", "two"), ("two", "three"), ("three", "four"), ("Five", "two"), ("three", "six"), ("Zero", "three")}
    pairs |= {("three", "seven"), ("seven", "eight"), ("eight", "nine")}
    made = {source.sentence(random.Random(seed)) for seed in range(60)}
    assert "One two three six." in made
    for text in made:
        words = text.rstrip(".").split()
        assert set(itertools.pairwise(words)) <= pairs


def test_typed_texts_are_read_in_words() -> None:
    chance = random.Random(6)
    typed, said = [typed_text(chance) for _ in range(400)], [said_text(chance) for _ in range(400)]
    assert any("@" in text for text in typed)
    assert any(text.isupper() for text in typed)
    assert any(len(text.split()) == 1 for text in typed)
    assert any(" at " in text and " dot " in text for text in said)
    assert not [text for text in said if any(sign in "0123456789@$€£%°{}" for sign in text) or text[-1] not in ".?!"]


def test_replies_are_said_by_one_voice_and_once(script: Callable[..., Script]) -> None:
    dealt = script(0.5)
    lines = [dealt.line() for _ in range(300)]
    said = [line for line in lines if line.kind == "reply"]
    assert 100 < len(said) < 200
    assert {line.speaker.look for line in said} == {(("af_heart", 1.0),)}
    assert len({line.text for line in said}) == len(said)
    assert len({line.speaker for line in lines if line.kind == "heard"}) > 20


def test_programs_beside_each_other_say_every_answer_between_them_once(script: Callable[..., Script]) -> None:
    wanted = set(answers(60)[:20])
    found = []
    for number in (0, 1):
        dealt = script(1.0, Share(number, 2))
        found += [text for text in (dealt.line().text for _ in range(200)) if text in wanted]
    assert sorted(found) == sorted(wanted)


def test_what_was_said_before_is_not_said_again(script: Callable[..., Script]) -> None:
    before = frozenset(answers(60))
    dealt = script(1.0, before=before)
    assert not {dealt.line().text for _ in range(100)} & before
