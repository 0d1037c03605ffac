"""Which texts are spoken in natural voices, by whom, and that the tests' own are not among them."""

from __future__ import annotations

import itertools
import random

from starter.speech.natural_texts import Script, reply_texts
from starter.speech.natural_voices import Casting
from starter.speech.spoken_corpus import answers
from starter.texts.mingled_sentences import Mingled, mingled
from starter.texts.open_sentences import texts
from starter.texts.typed_texts import said_text, typed_text

NAMES = ["af_bella", "af_heart", "am_echo", "bf_emma", "ff_siwis"]


class Letters:
    """Phonemes that are the letters themselves."""

    def __call__(self, text: str, british: bool = False) -> str:
        return text


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


def test_every_answer_is_among_the_replies_and_no_text_comes_twice() -> None:
    dealt = reply_texts(60, 3)
    made = [next(dealt) for _ in range(400)]
    assert set(answers(60)) <= set(made[:200])
    assert len(set(made)) == 400
    read = [text for text in made if text not in set(answers(60))]
    assert len(read) > 200
    assert not [text for text in read if any(letter.isdigit() for letter in text)]


def test_what_is_heard_is_written_in_words_and_said_by_many() -> None:
    vocab = {chr(code): code for code in range(32, 127)}
    script = Script(60, Casting(NAMES, random.Random(2)), Letters(), vocab, 3)  # type: ignore[arg-type]
    lines = [line for group in script.groups(200) for line in group]
    assert not [line.text for line in lines if any(letter.isdigit() for letter in line.text)]
    assert len({line.speaker for line in lines}) > 50
    assert all(line.symbols == (0, *map(ord, line.text), 0) for line in lines if line.text.isascii())
