"""Whether the starter's speech is understood by ears: pocketsphinx, measured against flite, and its own."""

from __future__ import annotations

import numpy as np
import pytest

from engine.engine import Engine
from engine.events import Samples, Speech, Turn
from engine.session import Session, SessionSettings
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from tests.quality.recordings import STARTER, dialogues, flite, heard_by_pocketsphinx, sentences, word_errors

READ = "Read this paragraph at a natural pace."
COUNT = 30


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


def test_replies_are_nearly_as_clear_to_pocketsphinx_as_flite(engine: Engine) -> None:
    pairs, texts = [], []
    for dialogue in dialogues(COUNT):
        session = Session(engine, SessionSettings())
        question = dialogue.turns[0].typed or dialogue.turns[0].question
        pieces = [event.samples_24k for event in session.ask(Turn(text=question)) if isinstance(event, Speech)]
        if pieces and session.turns[0].answer:
            texts.append(session.turns[0].answer)
            pairs.append((session.turns[0].answer, heard_by_pocketsphinx(np.concatenate(pieces), 24_000)))
    theirs = [(text, heard_by_pocketsphinx(sound, 16_000)) for text, sound in zip(texts, flite(texts), strict=True)]
    print(f"\n{len(pairs)} replies: ours {word_errors(pairs):.1f} %, flite {word_errors(theirs):.1f} %")
    assert len(pairs) > COUNT / 2
    assert word_errors(pairs) <= word_errors(theirs) + 10


def test_the_starter_understands_itself(engine: Engine) -> None:
    recogniser = Recogniser(engine, Options())
    pairs = []
    for text in sentences(COUNT):
        spoken = read_aloud(engine, text)
        from engine.samples import resample

        ((_, heard),) = recogniser([resample(spoken, 24_000, 16_000)])
        pairs.append((text, heard))
    print(f"\nheard by itself: {word_errors(pairs):.1f} %")
    assert word_errors(pairs) <= 10
