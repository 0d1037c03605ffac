"""Word errors of the starter for natural voices it never heard: plain, over a telephone, among others, in a room."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.engine import Engine
from engine.events import Samples
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from tests.quality.natural_recordings import (
    across_a_room,
    among_others,
    over_the_telephone,
    spoken_by_another_engine,
    spoken_naturally,
)
from tests.quality.recordings import STARTER, heard, sentences, word_errors

COUNT = 100


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(Engine.load(STARTER), Options())


def heard_wrong(recogniser: Recogniser, changed: Callable[[Samples, int], Samples]) -> float:
    pairs = []
    for number, text in enumerate(sentences(COUNT)):
        pairs.append((text, heard(recogniser, changed(spoken_naturally(text, number), number))))
    errors = word_errors(pairs)
    halves = word_errors(pairs[: COUNT // 2]), word_errors(pairs[COUNT // 2 :])
    print(f"\nword errors {errors:.1f} % (open vocabulary {halves[0]:.1f} %, questions {halves[1]:.1f} %)")
    return errors


def _babbled(samples: Samples, number: int) -> Samples:
    texts = sentences(COUNT)
    others = [(number + step) % COUNT for step in (7, 19, 41, 67)]
    return among_others(samples, [spoken_naturally(texts[other], other) for other in others])


def test_natural_voices_are_understood(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, lambda samples, _: samples) <= 6


def test_natural_voices_are_understood_over_the_telephone(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, lambda samples, _: over_the_telephone(samples)) <= 12


def test_natural_voices_are_understood_among_others(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, _babbled) <= 15


def test_natural_voices_are_understood_across_a_room(recogniser: Recogniser) -> None:
    assert heard_wrong(recogniser, across_a_room) <= 12


def test_an_engine_that_no_training_heard_is_understood(recogniser: Recogniser) -> None:
    pairs = []
    for text in sentences(COUNT):
        pairs.append((text, heard(recogniser, spoken_by_another_engine(text))))
    errors = word_errors(pairs)
    print(f"\nan engine of another kind: word errors {errors:.1f} %")
    assert errors <= 10
