"""Texts as people type them, read aloud: no stop, capitals, numbers, one word, addresses, three hundred words."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.conversation.prompting.plain_english import written_out
from engine.conversation.replying.single_tasks import read_aloud
from engine.engine import Engine
from engine.events import Samples
from engine.samples import resample
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from starter.texts.everyday_sentences import everyday_sentence
from tests.quality.recordings import STARTER, heard, word_errors

TYPED = (
    *("yes", "No", "OK", "Thursday", "help", "Kettle", "umbrella", "Good night", "thanks!", "WHY?"),
    *("anna.smith@example.com", "to bob@mail.example.org", "www.example.com/help", "jo_1@example.net"),
    *("Call me at 555-0123", "It costs $5.20", "Meet at 5:30 pm", "12 times 7 is 84", "3 dogs in 1984", "50% off"),
    *("The 21st of May", "It is -5 °C outside", "Room 12b", "Add 250 g of flour", "Version 2.0.1", "He ran 5.5 km"),
    *("Dr. Smith is here", "Mr. and Mrs. Brown", "apples, pears, etc.", "e.g. a spoon", "FBI and NASA", "at 7am"),
    *("hello there, how are you", "what time is it", "turn off the light", "i can't find it"),
    *("GOOD MORNING", "PLEASE CLOSE THE DOOR", "I AM VERY HAPPY TODAY", "THE TRAIN IS LATE"),
)  # fmt: skip
_SAMPLES_PER_TOKEN = 960


def texts() -> list[str]:
    """A hundred; the last has three hundred words."""
    chance = random.Random(31)
    made = [*TYPED]
    while len(made) < 99:
        sentence = everyday_sentence(chance, test=True).rstrip(".?!")
        made.append(chance.choice((sentence, sentence.lower(), sentence.upper())))
    words: list[str] = []
    while len(words) < 300:
        words += everyday_sentence(chance, test=True).split()
    return [*made, " ".join(words[:300])]


@pytest.fixture(scope="module")
def said() -> list[tuple[str, Samples]]:
    """What is to be said, in words, and how it sounds."""
    engine = Engine.load(STARTER)
    synthesizer = engine.speaking.synthesizer(engine.speaking.voices()[0])
    found = []
    for text in texts():
        tokens = list(read_aloud(engine, text, None, lambda: False))
        found.append((written_out(text), synthesizer(tokens)))
    return found


def test_no_text_takes_twice_or_half_as_long_as_it_should(said: list[tuple[str, Samples]]) -> None:
    letters = np.array([len(text) for text, _ in said], float)
    seconds = np.array([len(sound) / 24_000 for _, sound in said])
    slope, around = np.polyfit(letters[letters < 200], seconds[letters < 200], 1)
    predicted = np.maximum(slope * letters + around, 0.4)
    wrong = [
        (text[:40], round(took, 1), round(should, 1))
        for (text, _), took, should in zip(said, seconds, predicted, strict=True)
        if not should / 2 <= took <= 2 * should
    ]
    print(f"\n{slope:.3f} s a letter and {around:.2f} s; wrong: {wrong}")
    assert not wrong


def test_the_starter_understands_what_it_says(said: list[tuple[str, Samples]]) -> None:
    recogniser = Recogniser(Engine.load(STARTER), Options())
    pairs = []
    for text, sound in said[:-1]:
        pairs.append((text, heard(recogniser, resample(sound, 24_000, 16_000))))
    errors = word_errors(pairs)
    print(f"\nsaid, heard by itself: {errors:.1f} %")
    assert errors <= 8
