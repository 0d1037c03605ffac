"""Who speaks when: voices that are plainly different, made of numbers, and a network that tells them apart by pitch."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.events import Progress, Samples
from engine.resources import resource
from engine.samples import read
from engine.speaking.voice_networks import SpeakerNetwork
from engine.transcription import Finished, Options, Segment, SegmentDone, Transcript
from engine.transcription.speaker_groups import speaker_voices, unit
from engine.transcription.speakers import SpeakerFinder, SpeakerTurn, SpeakerTurns
from engine.transcription.transcriber import run
from tests.sounds import babble, silence, write_with_soundfile

RATE_HZ = 16_000
VOICES = np.eye(4, 16, dtype=np.float32)


def lengths(windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
    for row, window in enumerate(windows):
        yield row, f"{len(window)} samples"


def said_by(who: int, seconds: float) -> Samples:
    """Sound in which `by_level` finds person 0, 1, 2 …"""
    return np.full(round(seconds * RATE_HZ), 0.1 * (who + 1), np.float32)


def by_level(samples: Samples) -> NDArray[np.float32]:
    """A speaker network for `said_by`: shares of the people in a piece, with a little of chance."""
    who = np.clip(np.round(samples * 10).astype(int) - 1, 0, 3)
    shares = np.bincount(who, minlength=4) / len(who)
    stray = np.random.default_rng(len(samples) + int(samples.sum())).normal(scale=0.05, size=16)
    return np.asarray(shares @ VOICES + stray, np.float32)


def told(finder: SpeakerFinder) -> tuple[SpeakerTurn, ...]:
    steps = finder.turns()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            turns: SpeakerTurns = end.value
            return turns.turns


def turns_of(*people: tuple[int, float], count: int = 0) -> list[tuple[float, float, str]]:
    """Everybody speaks after a pause of half a second."""
    finder, at = SpeakerFinder(by_level, count), 0.0
    for who, seconds in people:
        finder.hear(said_by(who, seconds), at)
        at += seconds + 0.5
    return [(turn.start_s, turn.end_s, turn.speaker) for turn in told(finder)]


def test_speakers_are_numbered_as_they_appear() -> None:
    found = turns_of((2, 4.0), (0, 3.0), (2, 5.0), (1, 4.0), (0, 6.0))
    assert [who for *_, who in found] == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 3", "Speaker 2"]
    assert found[0][:2] == (0.0, 4.0)


def test_one_speaker_stays_one() -> None:
    assert {who for *_, who in turns_of(*[(1, 3.0 + n % 4) for n in range(12)])} == {"Speaker 1"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_many_speakers_as_were_named_are_found(count: int) -> None:
    found = turns_of((0, 6.0), (1, 6.0), (2, 6.0), (0, 6.0), (1, 6.0), (2, 6.0), count=count)
    assert len({who for *_, who in found}) == count


def test_more_speakers_than_stretches_are_no_error() -> None:
    assert turns_of((0, 3.0), count=5) == [(0.0, 3.0, "Speaker 1")]


def test_a_change_without_a_pause_is_found_to_half_a_second() -> None:
    finder = SpeakerFinder(by_level)
    finder.hear(np.concatenate([said_by(0, 7.0), said_by(1, 6.0)]), 10.0)
    first, second = told(finder)
    assert (first.start_s, second.end_s) == (10.0, 23.0)
    assert first.end_s == second.start_s == pytest.approx(17.0, abs=0.5)


def test_a_change_lies_in_the_quietest_moment_near_it() -> None:
    sound = np.concatenate([said_by(0, 7.0), said_by(1, 6.0)])
    sound[round(7.15 * RATE_HZ) : round(7.2 * RATE_HZ)] = 0
    finder = SpeakerFinder(by_level)
    finder.hear(sound, 0.0)
    assert told(finder)[1].start_s == pytest.approx(7.175, abs=0.03)


def test_whoever_says_next_to_nothing_is_no_speaker_of_his_own() -> None:
    people = [(0, 9.0), (1, 9.0), (2, 1.5)]
    assert len({who for *_, who in turns_of(*people, *people[:2])}) == 2


def test_nobody_speaks_where_nothing_was_heard() -> None:
    assert told(SpeakerFinder(by_level)) == ()


def spread(chance: np.random.Generator, centre: NDArray[np.float32], wide: float, count: int) -> NDArray[np.float32]:
    """Voices of stretches of one speaker: around his own, so far from it in each direction."""
    return unit(centre + chance.normal(scale=wide / np.sqrt(len(centre)), size=(count, len(centre))))


def test_a_voice_that_varies_much_is_one_speaker() -> None:
    chance = np.random.default_rng(5)
    moods = unit(np.eye(64)[0] + 0.7 * np.eye(64)[1:4])  # a person in three moods
    voices = np.concatenate([spread(chance, mood, 1.0, 12) for mood in moods])
    assert len(speaker_voices(voices, np.full(len(voices), 4.0), 0)) == 1


def test_voices_that_vary_little_are_two_speakers_though_they_are_alike() -> None:
    chance = np.random.default_rng(5)
    people = unit(np.eye(64)[0] + 1.5 * np.eye(64)[1:3])
    voices = np.concatenate([spread(chance, person, 0.3, 12) for person in people])
    assert len(speaker_voices(voices, np.full(len(voices), 4.0), 0)) == 2


def test_thousands_of_stretches_are_grouped_in_bounded_memory() -> None:
    chance = np.random.default_rng(3)
    who = chance.integers(3, size=9000)
    voices = unit(VOICES[who] + chance.normal(scale=0.08, size=(9000, 16)))
    centres = speaker_voices(voices, chance.uniform(0.5, 9.0, 9000), 0)
    nearest = np.argmax(voices @ centres.T, axis=1)
    assert len(centres) == 3
    assert all(len(set(nearest[who == person])) == 1 for person in range(3))


def test_turns_of_a_stretch_have_no_gaps_and_the_nearest_speaks_in_one() -> None:
    turns = SpeakerTurns([SpeakerTurn(1.0, 2.0, "A"), SpeakerTurn(2.5, 4.0, "B"), SpeakerTurn(4.0, 5.0, "B")])
    assert turns.between(1.5, 4.5) == [SpeakerTurn(1.5, 2.5, "A"), SpeakerTurn(2.5, 4.5, "B")]
    assert turns.between(2.1, 2.2) == [SpeakerTurn(2.1, 2.2, "A")]
    assert turns.between(2.4, 2.45) == [SpeakerTurn(2.4, 2.45, "B")]
    assert turns.between(0.0, 0.5) == [SpeakerTurn(0.0, 0.5, "A")]
    assert turns.between(6.0, 7.0) == [SpeakerTurn(6.0, 7.0, "B")]


# A whole recording.


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two people in turn, four times, with pauses of half a second: short enough that one window would hold all."""
    parts = [part for seed in (0, 2, 0, 2) for part in (babble(2.5, seed), silence(0.5))]
    return write_with_soundfile(tmp_path / "two.wav", np.concatenate(parts), RATE_HZ)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def by_time() -> object:
    """A speaker network that hears two people in turn, three seconds each, in the order in which it is asked."""
    asked = iter(range(1000))
    pieces_of_a_turn = 3

    def voice_of(samples: Samples) -> NDArray[np.float32]:
        return VOICES[next(asked) // pieces_of_a_turn % 2]

    return voice_of


def _run(recording: Path, model: Path, **more: object) -> list[object]:
    return list(run(recording, lengths, model_folder=model, **more))  # type: ignore[arg-type]


def _transcript(events: list[object]) -> Transcript:
    assert isinstance(events[-1], Finished)
    return events[-1].transcript


def test_a_segment_is_of_one_speaker(recording: Path, model: Path) -> None:
    voice_of = by_time()
    transcript = _transcript(_run(recording, model, options=Options(speakers=2), voice_of=voice_of))
    assert [each.speaker for each in transcript.segments] == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 2"]
    assert transcript.speakers == ("Speaker 1", "Speaker 2")
    for one, other in zip(transcript.segments, transcript.segments[1:], strict=False):
        assert one.end_s <= other.start_s


def test_without_the_question_nobody_is_named(recording: Path, model: Path) -> None:
    transcript = _transcript(_run(recording, model, options=Options()))
    assert {each.speaker for each in transcript.segments} == {None}
    assert len(transcript.segments) < 4


def test_hearing_for_speakers_can_be_cancelled_at_every_stretch(recording: Path, model: Path) -> None:
    events = run(recording, lengths, model_folder=model, options=Options(speakers=0), voice_of=by_time())  # type: ignore[arg-type]
    before_text = []
    for event in events:
        if isinstance(event, SegmentDone):
            break
        if isinstance(event, Progress) and event.stage == "speakers":
            before_text.append(event.done)
    assert before_text == sorted(before_text)
    assert len(before_text) >= 4


def test_speakers_are_in_the_journal_and_an_interrupted_run_goes_on(
    recording: Path, model: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "two.journal"
    options = Options(speakers=2)
    whole = _transcript(_run(recording, model, options=options, voice_of=by_time()))
    work = run(recording, lengths, model_folder=model, options=options, journal=journal, voice_of=by_time())  # type: ignore[arg-type]
    for event in work:
        if isinstance(event, SegmentDone):
            break
    work.close()
    events = _run(recording, model, options=options, journal=journal, resume=True, voice_of=by_time())
    assert [event.resumed for event in events if isinstance(event, SegmentDone)] == [True, False, False, False]
    assert _transcript(events) == whole


def test_a_folder_without_a_speaker_network_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="speakers cannot be told apart"):
        SpeakerNetwork(tmp_path)


def test_names_take_the_place_of_labels() -> None:
    segments = (Segment(0, 1, "Hi.", speaker="Speaker 1"), Segment(1, 2, "Yes?", speaker="Speaker 2"))
    named = Transcript("x.wav", 2.0, segments).with_speakers_named({"Speaker 2": "Mara"})
    assert named.speakers == ("Speaker 1", "Mara")


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic people in turn."""
    if not (flite := shutil.which("flite")):
        pytest.skip("flite is not installed")
    folder = tmp_path_factory.mktemp("conversation")
    said: list[Samples] = []
    for number, (voice, text) in enumerate(TALK):
        path = folder / f"{number}.wav"
        subprocess.run([flite, "-voice", voice, "-t", text, "-o", str(path)], check=True, timeout=60)
        said += [read(path), silence(0.6)]
    return write_with_soundfile(folder / "both.wav", np.concatenate(said), RATE_HZ)


TALK = (
    ("slt", "Good evening, and thank you for coming all the way out here."),
    ("rms", "It is a pleasure. The train was late, but the view was worth it."),
    ("slt", "Then let us begin with the question that everybody asks you."),
    ("rms", "Why I left the city? Because the rent went up every single year."),
)


@pytest.mark.parametrize("count", [0, 2])
def test_the_starter_tells_two_voices_apart(count: int, conversation: Path) -> None:
    network = SpeakerNetwork(resource("starter", "token2wav"))
    options = Options(speakers=count)
    transcript = _transcript(_run(conversation, resource("starter"), options=options, voice_of=network))
    assert [each.speaker for each in transcript.segments] == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 2"]
