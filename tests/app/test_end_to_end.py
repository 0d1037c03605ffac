"""The whole of Earshot: somebody asks aloud, it thinks, and what the loudspeaker says is right."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import soxr
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.shown.talk import State, TurnState
from engine.events import Samples, Thinking
from engine.resources import resource
from engine.samples import write_wav
from tests.app.real_app import Person, RealApp
from tests.app.virtual_sound import RATE_HZ, VirtualSound

pytestmark = [pytest.mark.sound, pytest.mark.slow]

SUMS = Path(__file__).parent / "sums.gram"  # every sum of numbers to 999: the ear knows it is one, not which
QUESTION = "what is twelve times seven"


@pytest.fixture
def person(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, sound_card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Person]:
    """Somebody before the app as it is delivered, with its starter model."""
    model = resource("starter")
    if not (model / "token2wav" / "flow.pt").exists():
        pytest.fail(f"{model} is not complete: the starter model is part of the repository, see `make starter`")
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine gets the time it needs
    app = RealApp(qapp, tmp_path / "home", model, thinking=Thinking.ALWAYS)
    app.begin()
    somebody = Person(app, sound_card, qtbot)
    somebody.wait_until_ready(120)
    yield somebody
    assert app.close()


def asked_by_espeak(folder: Path) -> tuple[Samples, int]:
    """The question, spoken by espeak-ng."""
    path = folder / "question.wav"
    subprocess.run(["espeak-ng", "-w", str(path), QUESTION], check=True)
    return soundfile.read(path, dtype="float32")


def written_down(recording: Path, *grammar: str) -> str:
    """What pocketsphinx, an ear that is not ours, understands."""
    if program := shutil.which("pocketsphinx_continuous"):
        command = [program, "-infile", str(recording), "-logfn", "/dev/null", *grammar]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return " ".join(done.stdout.split())
    command = ["pocketsphinx", *grammar, "single", str(recording)]
    return str(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["t"])


def an_ear_is_installed() -> bool:
    return bool(shutil.which("pocketsphinx_continuous") or shutil.which("pocketsphinx"))


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed: it asks the question")
@pytest.mark.skipif(not an_ear_is_installed(), reason="pocketsphinx is not installed: it listens to the answer")
def test_a_spoken_question_is_thought_about_and_answered_aloud(
    person: Person, sound_card: VirtualSound, tmp_path: Path
) -> None:
    app = person.app
    seen: list[str] = []

    def watch() -> bool:
        turn = app.window.conversation.widget_of(len(app.controller.turns) - 1)
        if turn is not None and turn.thinking.isVisible():
            seen.append(turn.thinking.toggle.accessibleName())
        return app.state is State.IDLE

    with sound_card.recording() as recording:
        person.say(*asked_by_espeak(tmp_path))
        person.wait_for(State.THINKING)
        person.wait(watch, 120)
        person.listen_on(recording, 1.0)
    turn = app.newest
    print(f"thought: {turn.thinking!r}; answered: {turn.answer!r}; first sound after {turn.first_sound_s} s")
    assert turn.state is TurnState.DONE
    assert seen, "the window showed no thinking"
    assert turn.thinking.strip()
    assert "84" in turn.answer or "eighty" in turn.answer.lower()
    path = tmp_path / "heard.wav"
    write_wav(path, soxr.resample(recording.samples(), RATE_HZ, 16_000), 16_000)
    heard = written_down(path, "-jsgf", str(SUMS))
    print(f"pocketsphinx heard the sum {heard!r}; not knowing that it is one, {written_down(path)!r}")
    assert "eighty four" in heard
