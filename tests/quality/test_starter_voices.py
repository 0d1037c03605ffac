"""The starter's built-in voices beside the recordings they learned from: how clear they are, and how alike.

The recordings are made here by Kokoro-82M; how alike two voices are is asked of Resemblyzer's network (Apache-2.0, the
Python package `resemblyzer`), which learned nothing of Earshot and of which Earshot learned nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.engine import Engine
from engine.events import Samples, Speech, Turn
from engine.samples import resample
from engine.session import Session, SessionSettings
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options
from starter.speech.natural_voices import BUILT_IN, NAMES
from tests.quality.natural_recordings import spoken_by
from tests.quality.recordings import STARTER, dialogues, heard, heard_by_pocketsphinx, sentences, word_errors
from tests.quality.test_starter_speaking import READ

COUNT = 30
COMPARED = 10
_LOUDNESS = 0.05  # root mean square where something is said, as Kokoro speaks
SAID = [pytest.param(who, id=NAMES[who]) for who in BUILT_IN]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(STARTER)


def _speech(session: Session, text: str) -> Samples:
    pieces = [event.samples_24k for event in session.ask(Turn(text=text)) if isinstance(event, Speech)]
    return np.concatenate([np.zeros(2400, np.float32), *pieces])


def _settings(engine: Engine, who: str, **more: Any) -> SessionSettings:
    return SessionSettings(voice=engine.speaking.voice(NAMES[who]), **more)


def read_aloud(engine: Engine, who: str, count: int = COUNT) -> list[tuple[str, Samples]]:
    """Held-out sentences, read in a voice."""
    return [(text, _speech(Session(engine, _settings(engine, who, persona=READ)), text)) for text in sentences(count)]


def replies(engine: Engine, who: str) -> list[tuple[str, Samples]]:
    """Answers to typed questions, given in a voice."""
    found = []
    for dialogue in dialogues(COUNT):
        session = Session(engine, _settings(engine, who))
        samples = _speech(session, dialogue.turns[0].typed or dialogue.turns[0].question)
        if len(samples) > 2400 and session.turns[0].answer:
            found.append((session.turns[0].answer, samples))
    assert len(found) > COUNT / 2
    return found


def _clear(said: list[tuple[str, Samples]]) -> float:
    """Word errors of pocketsphinx, which hears faint speech better than loud: so all are equally loud."""
    pairs = []
    for text, samples in said:
        loud = samples[np.abs(samples) > 0.02 * np.abs(samples).max()]
        pairs.append((text, heard_by_pocketsphinx(samples * (_LOUDNESS / loud.std()), 24_000)))
    return word_errors(pairs)


@pytest.mark.parametrize("who", SAID)
@pytest.mark.parametrize("kind", [read_aloud, replies])
def test_it_is_nearly_as_clear_as_its_target(engine: Engine, who: str, kind: Any) -> None:
    said = kind(engine, who)
    ours = _clear(said)
    theirs = _clear([(text, spoken_by(BUILT_IN[who], text)) for text, _ in said])
    recogniser = Recogniser(engine, Options())
    own = word_errors([(text, heard(recogniser, resample(samples, 24_000, 16_000))) for text, samples in said])
    print(f"\n{NAMES[who]}, {kind.__name__}: pocketsphinx {ours:.1f} %, its target {theirs:.1f} %, own ear {own:.1f} %")
    assert ours <= theirs + 6
    assert own <= 6


@pytest.mark.parametrize("who", SAID)
def test_it_sounds_like_its_target(engine: Engine, who: str) -> None:
    resemblyzer = pytest.importorskip("resemblyzer", reason="tells voices apart; nothing else needs it")
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def voice_of(sounds: list[Samples]) -> np.ndarray:
        return encoder.embed_speaker([resemblyzer.preprocess_wav(resample(s, 24_000, 16_000)) for s in sounds])

    said = read_aloud(engine, who, COMPARED)
    alike = {
        other: float(voice_of([samples for _, samples in said]) @ voice_of([spoken_by(name, t) for t, _ in said]))
        for other, name in BUILT_IN.items()
    }
    own = alike.pop(who)
    print(f"\n{NAMES[who]}: similarity to its target {own:.2f}, to the other voice {alike.popitem()[1]:.2f}")
    assert own >= 0.8
