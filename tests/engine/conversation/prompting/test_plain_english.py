"""Texts as people type them are written out in plain words for a model that reads only those."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conversation.prompting.numbers_in_words import amount_words, ordinal, words, year_words
from engine.conversation.prompting.plain_english import check_readable, typed_for, written_out
from engine.errors import RequestError

READS_ENGLISH = {"reads": {"language": "en"}}
EXAMPLES = [
    ("hello there, how are you", "Hello there, how are you."),
    ("GOOD MORNING", "Good morning."),
    ("I AM HERE. WHERE ARE YOU?", "I am here. Where are you?"),
    ("yes", "Yes."),
    ("Is it?", "Is it?"),
    ("meet ANNA at 5:30 pm, $4", "Meet Anna at five thirty P M, four dollars."),
    ("It is NOT the FBI, NASA says OK", "It is not the F B I, Nasa says okay."),
    ("in the U.S.A.", "In the U S A."),
    ("Dr. Smith is anna.smith@mail.example.com.", "Doctor Smith is anna dot smith at mail dot example dot com."),
    ("See https://www.example.com/help.", "See W W W dot example dot com slash help."),
    ("Call 555-0123", "Call five five five, zero one two three."),
    ("$5.20, £1.01, €3 million", "Five dollars and twenty cents, one pound and one penny, three million euros."),
    ("The 21st, 1984 and 2005", "The twenty-first, nineteen eighty-four and two thousand five."),
    ("on 2024-05-17", "On May seventeenth, twenty twenty-four."),
    ("-5 °C, 5.5 km, 1 kg, 6 ft", "Minus five degrees Celsius, five point five kilometers, one kilogram, six feet."),
    ("50% of 1,234.50", "Fifty percent of one thousand two hundred thirty-four point five zero."),
    ("007 & version 2.0.1", "Zero zero seven and version two point zero point one."),
    ("1/2 cup, 9-5, 3 x 4 = 12", "One half cup, nine to five, three times four equals twelve."),
    ("10:05 or 7am", "Ten oh five or seven A M."),
    ("café naïve — “quoted” … end", "Cafe naive, quoted. end."),
    ("one\n\ntwo", "One. two."),
    ("hi 😀", "Hi."),
    ("!!!", ""),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "said"), EXAMPLES)
def test_a_text_is_written_out_in_words(typed: str, said: str) -> None:
    assert written_out(typed) == said


@given(st.text(st.sampled_from("aB 1.,?!-/@$%:\n😀é你'"), max_size=40))
def test_what_is_written_out_has_only_words_and_stays_as_it_is(text: str) -> None:
    said = written_out(text)
    assert not any(letter.isdigit() or not letter.isascii() for letter in said)
    assert "  " not in said
    assert not said or said[-1] in ".!?"


def test_only_a_model_that_asks_for_it_gets_words() -> None:
    assert typed_for({})("GOOD MORNING, 你好") == "GOOD MORNING, 你好"
    assert typed_for({"reads": "all"})("5") == "5"
    assert typed_for(READS_ENGLISH)("5") == "Five."


def test_letters_that_cannot_be_read_are_refused_in_a_sentence() -> None:
    check_readable("Café — 5 €, “yes” 😀", "Small", READS_ENGLISH)
    check_readable("你好", "Large", {})
    with pytest.raises(RequestError, match="Small reads only English, and cannot read “你好”: write it in English"):
        check_readable("Say 你好!", "Small", READS_ENGLISH)


def test_numbers_have_their_words() -> None:
    assert words(-7) == "minus seven"
    assert words(1692) == "one thousand six hundred ninety-two"
    assert [ordinal(value) for value in (1, 12, 21, 30)] == ["first", "twelfth", "twenty-first", "thirtieth"]
    assert [year_words(year) for year in (1900, 1905, 1969)] == [
        "nineteen hundred",
        "nineteen oh five",
        "nineteen sixty-nine",
    ]
    assert amount_words("1,000,000") == "one million"
    assert amount_words("1234567890123") == "one two three four five six seven eight nine zero one two three"


@pytest.mark.parametrize(
    "text",
    [
        "Guten Morgen, wie geht es dir?",
        "Bonjour, comment allez-vous ?",
        "Hola, ¿cómo estás?",
        "Ciao, come stai oggi?",
        "Olá, como está você?",
        "Hoe gaat het met je?",
        "Das ist ein Test, und er ist nicht sehr lang.",
    ],
)
def test_other_languages_in_latin_letters_cannot_be_read(text: str) -> None:
    with pytest.raises(RequestError, match="Small reads only English, and cannot read “"):
        check_readable(text, "Small", READS_ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "Los Angeles and Las Vegas are far apart.",
        "How do you say “wie geht es dir” in English?",
        "Café au lait, please.",
        "Van Gogh met Gauguin in Arles.",
        "What does que sera mean?",
        "Die hard.",
        "Kangaroos!",
        "",
    ],
)
def test_english_with_foreign_words_can_be_read(text: str) -> None:
    check_readable(text, "Small", READS_ENGLISH)
