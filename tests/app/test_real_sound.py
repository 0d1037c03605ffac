"""Nothing faked but the sound card: what was said reaches the engine, what is answered leaves the loudspeaker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.shown.talk import State, TurnState
from engine.events import AnswerText, Samples, Speech
from tests.app.fakes import ScriptedEngine, Step, scripted
from tests.app.listening import find, last_sound
from tests.app.real_app import Loader, Person, RealApp
from tests.app.talking import Prescribed
from tests.app.virtual_sound import RATE_HZ, VirtualSound
from tests.checkpoints import tiny_checkpoint

pytestmark = pytest.mark.sound

SPEECH_HZ = 24_000
_FAITHFUL_DB = 15
_TRIES = 4  # a busy machine may hold up one of them, not all
Sit = Callable[..., Person]


@pytest.fixture
def sit(qapp: QApplication, qtbot: QtBot, tmp_path: Path, sound_card: VirtualSound) -> Iterator[Sit]:
    """Somebody before a running app."""
    running: list[RealApp] = []

    def down(loader: Loader, model: Path = Path("scripted"), **choices: Any) -> Person:
        app = RealApp(qapp, tmp_path / "home", model, loader, **choices)
        running.append(app)
        app.begin()
        person = Person(app, sound_card, qtbot)
        person.wait_until_ready()
        return person

    yield down
    for app in running:
        assert app.close()


@pytest.fixture
def patient_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams that forgive a busy machine: these tests are about samples, not about who gets the processor when."""
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, int]:
    """A question spoken by espeak-ng."""
    if not shutil.which("espeak-ng"):
        pytest.skip("espeak-ng is not installed: it asks the question")
    path = tmp_path_factory.mktemp("question") / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(path), "what is twelve times seven"], check=True)
    return soundfile.read(path, dtype="float32")


def voice_like(seconds: float, seed: int = 0) -> Samples:
    """Noise in syllables at 24 kHz: no two stretches are alike, so every sample has one place only."""
    chance = np.random.default_rng(seed)
    times = np.arange(round(seconds * SPEECH_HZ)) / SPEECH_HZ
    sound = np.fft.rfft(chance.normal(0, 1, len(times)))
    sound[np.fft.rfftfreq(len(times), 1 / SPEECH_HZ) > 8000] = 0
    loudness = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * times)
    return (0.15 * loudness * np.fft.irfft(sound, len(times))).astype(np.float32)


def spoken(text: str, samples: Samples) -> list[Step]:
    """The events of a reply: its text, then its sound in pieces of different lengths."""
    cuts = np.cumsum([7_200, 12_000, 12_000, 24_000, 24_000])
    pieces = np.split(samples, cuts[cuts < len(samples)])
    return [AnswerText(text, 0), *(Speech(piece, 0, len(text), 0, 1) for piece in pieces)]


def test_the_reply_leaves_the_loudspeaker_complete_and_without_a_gap(
    patient_card: None, sit: Sit, sound_card: VirtualSound, question: tuple[Samples, int]
) -> None:
    reply = voice_like(3.0)
    engine = scripted(*[spoken("Twelve times seven is eighty four.", reply)] * _TRIES)
    person = sit(engine.loader)
    for _ in range(_TRIES):
        person.app.states.clear()
        with sound_card.recording() as recording:
            person.say(*question)
            person.wait_for(State.SPEAKING)
            person.wait_for(State.IDLE)
            person.listen_on(recording, 1.0)
        assert person.app.newest.state is TurnState.DONE
        assert person.app.states == [
            State.GETTING_READY, State.LISTENING, State.THINKING, State.SPEAKING, State.IDLE,
        ]  # fmt: skip
        heard = recording.samples()
        found = find(reply, SPEECH_HZ, heard, RATE_HZ)
        print(f"reply: SNR {found.snr_db:.1f} dB, worst 20 ms {found.blocks_db.min():.1f} dB, gain {found.gain:.4f}")
        if found.blocks_db.min() > _FAITHFUL_DB:  # every 20 ms of it at its place: complete and without a gap
            break
    assert found.blocks_db.min() > _FAITHFUL_DB
    assert found.snr_db > 2 * _FAITHFUL_DB
    assert found.gain == pytest.approx(1.0, abs=0.02)
    assert last_sound(heard[: max(found.start - 480, 0)]) == -1  # nothing before it
    assert last_sound(heard) < found.start + 3 * RATE_HZ + 480  # and nothing after


def test_what_is_said_while_space_is_held_reaches_the_engine_whole(
    patient_card: None, sit: Sit, question: tuple[Samples, int]
) -> None:
    engine = ScriptedEngine()
    person = sit(engine.loader, spoken_answers=False)
    person.say(*question)
    person.wait(lambda: engine.asked)
    asked = engine.asked[0].samples_16k
    assert asked is not None
    samples, rate_hz = question
    found = find(samples, rate_hz, asked, 16_000)
    print(f"question: SNR {found.snr_db:.1f} dB, worst 20 ms {found.blocks_db.min():.1f} dB")
    assert found.start >= 0
    assert found.blocks_db.min() > 10
    (file,) = person.app.files("said-*.flac")
    assert np.allclose(soundfile.read(file, dtype="float32")[0], asked, atol=1e-4)


def test_pressing_space_silences_the_loudspeaker_within_50_ms_and_keeps_what_was_heard(
    sit: Sit, sound_card: VirtualSound, qtbot: QtBot
) -> None:
    replies = [voice_like(6.0, seed) for seed in range(_TRIES)]
    engine = scripted(*(spoken("One two three four five six seven eight nine ten.", reply) for reply in replies))
    person = sit(engine.loader)
    silences_ms: list[float] = []
    errors_ms: list[float] = []
    for reply in replies:
        with sound_card.recording() as recording:
            person.app.controller.ask_text("Count.")
            person.wait_for(State.SPEAKING)
            person.wait(lambda: person.app.sound.playback.samples_played > SPEECH_HZ)
            pressed = len(recording.samples())  # at least so much had sounded when the key went down
            person.app.press()
            person.listen_on(recording, 0.5)
        silences_ms.append((last_sound(recording.samples()) - pressed) * 1000 / RATE_HZ)
        assert person.app.newest.state is TurnState.INTERRUPTED
        assert SPEECH_HZ < engine.heard[-1] < 6 * SPEECH_HZ
        errors_ms.append(_counted_too_much_ms(engine.heard[-1], reply, recording.samples()))
        QTest.keyClick(person.app.window, Qt.Key.Key_Escape)
        person.app.release()
        person.wait_for(State.IDLE)
    print(f"silence after {np.round(silences_ms)} ms; counted as heard but not heard: {np.round(errors_ms)} ms")
    assert min(silences_ms) <= 50
    assert max(errors_ms) <= 50  # what the model believes to have said was heard
    assert min(np.abs(errors_ms)) <= 300  # and little more was: a busy machine holds sound back, never the other way


def _counted_too_much_ms(counted_24k: int, reply: Samples, heard: Samples) -> float:
    """How much more of a reply was counted as heard than the recording holds; negative for less."""
    start = find(reply[: SPEECH_HZ // 2], SPEECH_HZ, heard, RATE_HZ).start
    return 1000 * (counted_24k / SPEECH_HZ - (last_sound(heard) - start) / RATE_HZ)


@pytest.mark.slow
def test_a_small_checkpoint_really_hears_and_speaks(
    patient_card: None, sit: Sit, sound_card: VirtualSound, question: tuple[Samples, int]
) -> None:
    person = sit(Prescribed("Twelve times seven is eighty four.", 60), tiny_checkpoint())
    with sound_card.recording() as recording:
        person.say(*question)
        person.wait_for(State.SPEAKING, 60)
        person.wait_for(State.IDLE, 60)
        person.listen_on(recording, 1.0)
    assert person.app.newest.answer == "Twelve times seven is eighty four."
    assert person.app.newest.has_sound
    (file,) = person.app.files("answer-*.wav")
    made, rate_hz = soundfile.read(file, dtype="float32")
    assert (len(made), rate_hz) == (60 * 960, SPEECH_HZ)
    pieces = [_faithful(made[start : start + 4800], recording.samples()) for start in range(0, len(made), 4800)]
    print(f"synthesis: {sum(pieces)} of {len(pieces)} pieces of 200 ms at full fidelity")
    assert sum(pieces) >= 0.8 * len(pieces)  # a busy machine may synthesise too slowly for speech without pauses


def _faithful(piece: Samples, heard: Samples) -> bool:
    return bool(find(piece, SPEECH_HZ, heard, RATE_HZ).blocks_db.min() > _FAITHFUL_DB)
