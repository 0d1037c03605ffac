"""Who speaks in conversations of natural voices that no training heard, as the starter tells it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from engine.events import Samples
from engine.samples import write_wav
from engine.speaking.voice_networks import SpeakerNetwork
from engine.transcription import Finished, Options, Transcript
from engine.transcription.transcriber import run
from tests.quality.natural_recordings import HELD_OUT, spoken_naturally
from tests.quality.recordings import STARTER, sentences
from tests.quality.spoken_conversations import RATE_HZ, conversation, diarisation_error, without_silence

UTTERANCES = 8
CONVERSATIONS = 4
SECONDS = 60.0
ALLOWED = {1: 0.05, 2: 0.15, 3: 0.20, 4: 0.25}


@cache
def voices() -> dict[str, list[Samples]]:
    """Utterances of a few seconds by each held-out voice."""
    texts = [text for text in sentences(400) if len(text) > 45]
    return {
        name: [
            without_silence(spoken_naturally(texts[place * UTTERANCES + number], place)) for number in range(UTTERANCES)
        ]
        for place, name in enumerate(HELD_OUT)
    }


@pytest.fixture(scope="module")
def network() -> SpeakerNetwork:
    return SpeakerNetwork(STARTER / "token2wav")


def words(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
    """A recogniser to whom everything is words: only who speaks is asked."""
    yield from ((row, "words") for row in range(len(windows)))


def told(path: Path, network: SpeakerNetwork, count: int) -> Transcript:
    """What is told of a recording, as `earshot transcribe --speakers` does."""
    *_, last = run(path, words, model_folder=STARTER, options=Options(speakers=count), voice_of=network)
    assert isinstance(last, Finished)
    return last.transcript


def errors(people: int, at_once: bool, known: bool, network: SpeakerNetwork, folder: Path) -> list[float]:
    chance = np.random.default_rng(100 * people + 10 * at_once)
    found: list[float] = []
    for _ in range(CONVERSATIONS):
        who = chance.choice(list(voices()), people, replace=False).tolist()
        talk = conversation({name: voices()[name] for name in who}, chance, SECONDS, at_once)
        write_wav(folder / "talk.wav", talk.samples, RATE_HZ)
        transcript = told(folder / "talk.wav", network, people if known else 0)
        turns = [(start, end, segment.speaker or "") for segment in transcript.segments for start, end in segment.spans]
        found.append(diarisation_error(talk.turns, turns))
        print(f"{people} people: {100 * found[-1]:.1f} % wrong, {len(transcript.speakers)} told")
    return found


@pytest.mark.parametrize("known", [True, False], ids=["number-known", "number-found-out"])
@pytest.mark.parametrize("at_once", [False, True], ids=["in-turn", "at-once"])
@pytest.mark.parametrize("people", [2, 3, 4])
def test_people_are_told_apart(
    people: int, at_once: bool, known: bool, network: SpeakerNetwork, tmp_path: Path
) -> None:
    found = errors(people, at_once, known, network, tmp_path)
    print(f"diarisation error {100 * np.mean(found):.1f} %")
    assert np.mean(found) <= ALLOWED[people]


def test_one_person_stays_one(network: SpeakerNetwork, tmp_path: Path) -> None:
    told_people = []
    for number, name in enumerate(voices()):
        talk = conversation({name: voices()[name]}, np.random.default_rng(number), SECONDS, False)
        write_wav(tmp_path / "talk.wav", talk.samples, RATE_HZ)
        transcript = told(tmp_path / "talk.wav", network, 0)
        told_people.append(len(transcript.speakers))
        print(f"{name}: {told_people[-1]} told")
    assert told_people == [1] * len(told_people)


def test_the_error_counts_what_is_missed_what_nobody_said_and_whom_it_was() -> None:
    spoken = [(0.0, 10.0, "A"), (10.0, 20.0, "B")]
    assert diarisation_error(spoken, [(0.0, 10.0, "x"), (10.0, 20.0, "y")]) == 0
    assert diarisation_error(spoken, [(0.0, 20.0, "x")]) == pytest.approx(0.5)
    assert diarisation_error(spoken, [(0.0, 10.0, "x")]) == pytest.approx(0.5)
    assert diarisation_error(spoken, [(0.0, 10.2, "x"), (10.2, 20.0, "y")]) == 0  # within the collar
    assert diarisation_error([*spoken, (12.0, 16.0, "A")], [(0.0, 10.0, "x"), (10.0, 20.0, "y")]) > 0.1
