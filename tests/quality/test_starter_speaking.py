"""Whether the starter's speech is understood by ears: pocketsphinx, measured against flite, and its own."""

from __future__ import annotations

import numpy as np
import pytest

from engine.engine import Engine
from engine.events import Samples, Speech, Turn
from engine.samples import resample
from engine.session import Session, SessionSettings
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from tests.quality.recordings import STARTER, dialogues, flite, heard, heard_by_pocketsphinx, sentences, word_errors

READ = "Read this paragraph at a natural pace."
COUNT = 30
READ_TO_ITSELF = 100


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(STARTER)


def read_aloud(engine: Engine, text: str) -> Samples:
    session = Session(engine, SessionSettings(persona=READ))
    pieces = [event.samples_24k for event in session.ask(Turn(text=text)) if isinstance(event, Speech)]
    return np.concatenate([np.zeros(2400, np.float32), *pieces])


def test_read_sentences_are_nearly_as_clear_to_pocketsphinx_as_flite(engine: Engine) -> None:
    texts = sentences(COUNT)
    ours = word_errors([(text, heard_by_pocketsphinx(read_aloud(engine, text), 24_000)) for text in texts])
    theirs = word_errors(
        [(text, heard_by_pocketsphinx(sound, 16_000)) for text, sound in zip(texts, flite(texts), strict=True)]
    )
    print(f"\nread aloud: ours {ours:.1f} %, flite {theirs:.1f} %")
    assert ours <= theirs + 10


@pytest.fixture(scope="module")
def replies(engine: Engine) -> list[tuple[str, Samples]]:
    """Answers to typed questions, and how they sound."""
    found = []
    for dialogue in dialogues(COUNT):
        session = Session(engine, SessionSettings())
        question = dialogue.turns[0].typed or dialogue.turns[0].question
        pieces = [event.samples_24k for event in session.ask(Turn(text=question)) if isinstance(event, Speech)]
        if pieces and session.turns[0].answer:
            found.append((session.turns[0].answer, np.concatenate(pieces)))
    assert len(found) > COUNT / 2
    return found


def test_replies_are_nearly_as_clear_to_pocketsphinx_as_flite(replies: list[tuple[str, Samples]]) -> None:
    ours = word_errors([(text, heard_by_pocketsphinx(sound, 24_000)) for text, sound in replies])
    recordings = flite([text for text, _ in replies])
    spoken = zip(replies, recordings, strict=True)
    theirs = word_errors([(text, heard_by_pocketsphinx(sound, 16_000)) for (text, _), sound in spoken])
    print(f"\n{len(replies)} replies: ours {ours:.1f} %, flite {theirs:.1f} %")
    assert ours <= theirs + 10


def heard_by_itself(engine: Engine, said: list[tuple[str, Samples]]) -> float:
    recogniser = Recogniser(engine, Options())
    pairs = []
    for text, sound in said:
        pairs.append((text, heard(recogniser, resample(sound, 24_000, 16_000))))
    return word_errors(pairs)


def test_the_starter_understands_what_it_reads(engine: Engine) -> None:
    errors = heard_by_itself(engine, [(text, read_aloud(engine, text)) for text in sentences(READ_TO_ITSELF)])
    print(f"\nread aloud, heard by itself: {errors:.1f} %")
    assert errors <= 10


def test_the_starter_understands_its_replies(engine: Engine, replies: list[tuple[str, Samples]]) -> None:
    errors = heard_by_itself(engine, replies)
    print(f"\nreplies, heard by itself: {errors:.1f} %")
    assert errors <= 10
