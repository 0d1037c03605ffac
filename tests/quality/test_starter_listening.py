"""Word errors of the starter's transcripts on sentences it never saw. Targets: the issue that asked for the model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.engine import Engine
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from tests.quality.recordings import (
    KNOWN_VOICES,
    NEW_VOICES,
    STARTER,
    heard,
    heard_by_pocketsphinx,
    sentences,
    spoken,
    word_errors,
)

COUNT = 100


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(Engine.load(STARTER), Options())


def heard_wrong(recogniser: Recogniser, voices: Sequence[object], noise_db: float | None = None) -> float:
    pairs = []
    for number, text in enumerate(sentences(COUNT)):
        pairs.append((text, heard(recogniser, spoken(text, number, voices, noise_db))))
    errors = word_errors(pairs)
    halves = word_errors(pairs[: COUNT // 2]), word_errors(pairs[COUNT // 2 :])
    print(f"\nword errors {errors:.1f} % (open vocabulary {halves[0]:.1f} %, questions {halves[1]:.1f} %)")
    return errors


def test_known_voices_are_understood(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, KNOWN_VOICES) <= 6  # since natural voices share the ear with them; before, 5


def test_new_voices_are_understood(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, NEW_VOICES) <= 10


def test_noise_of_10_db_does_not_hide_the_words(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, KNOWN_VOICES, noise_db=10) <= 25


@pytest.mark.parametrize("voices", [KNOWN_VOICES, NEW_VOICES], ids=["known", "new"])
def test_it_mishears_no_more_than_pocketsphinx_does(recogniser: Recogniser, voices: Sequence[object]) -> None:
    said = list(enumerate(sentences(COUNT)))
    theirs = word_errors([(text, heard_by_pocketsphinx(spoken(text, n, voices), 16_000)) for n, text in said])
    print(f"\npocketsphinx: word errors {theirs:.1f} %")
    assert heard_wrong(recogniser, voices) <= theirs
