"""The real window and sound card talk with a server process on loopback, which is killed in the midst of a reply."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soxr
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.audio import devices
from app.keychain import Keychain
from app.shown.talk import State, TurnState
from engine.events import Thinking
from engine.remote import connecting
from engine.remote.earshot import model
from engine.resources import resource
from engine.samples import write_wav
from tests.app.real_app import Person, RealApp, sound_card
from tests.app.test_end_to_end import SUMS, an_ear_is_installed, asked_by_espeak, written_down
from tests.app.virtual_sound import RATE_HZ, VirtualSound
from tests.served_process import TOKEN, ServedProcess

pytestmark = [
    pytest.mark.sound,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed: it asks the question"),
    pytest.mark.skipif(not an_ear_is_installed(), reason="pocketsphinx is not installed: it listens to the answer"),
]
Sit = Callable[[ServedProcess], Person]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServedProcess]:
    served = ServedProcess(resource("starter"), tmp_path)
    served.start()
    yield served
    served.kill()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualSound]:
    with sound_card(tmp_path_factory.mktemp("sound")) as card:
        yield card


@pytest.fixture
def sit(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path, card: VirtualSound, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sit]:
    """Somebody before the app, whose model is on another machine."""
    monkeypatch.setattr(devices, "LATENCY_S", 0.3)  # a busy machine gets the time it needs
    monkeypatch.setattr(Keychain, "read", lambda _keychain, _name: TOKEN)
    monkeypatch.setattr(model, "models_folder", lambda: tmp_path / "models")
    running: list[RealApp] = []

    def down(server: ServedProcess) -> Person:
        app = RealApp(qapp, tmp_path / "home", Path("none"), thinking=Thinking.ALWAYS)
        app.settings.change(model=server.address)
        running.append(app)
        app.begin()
        person = Person(app, card, qtbot)
        person.wait_until_ready(120)
        return person

    yield down
    for app in running:
        assert app.close()


def press(person: Person, words: str) -> None:
    """A click on the button of these words."""
    (button,) = [
        each for each in person.app.window.findChildren(QPushButton) if each.text() == words and each.isVisible()
    ]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("voice_made", ["here", "there"])
def test_a_server_killed_in_the_midst_is_told_and_asked_again_aloud(
    server: ServedProcess,
    sit: Sit,
    card: VirtualSound,
    tmp_path: Path,
    voice_made: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if voice_made == "there":
        monkeypatch.setattr(connecting, "installed_speech", list)
    person = sit(server)
    app = person.app
    assert "answers come from 127.0.0.1" in app.window.sidebar.status.text
    person.say(*asked_by_espeak(tmp_path))
    person.wait(lambda: app.controller.turns and app.newest.thinking, 60)
    server.kill()
    person.wait(lambda: app.newest.state is TurnState.FAILED, 60)
    assert app.newest.problem == "The connection to 127.0.0.1 was lost: try again."
    person.wait_for(State.IDLE)
    server.start()
    with card.recording() as recording:
        press(person, "Try again")
        person.wait(lambda: app.newest.state is TurnState.DONE and app.state is State.IDLE, 120)
        person.listen_on(recording, 1.0)
    path = tmp_path / "heard.wav"
    write_wav(path, soxr.resample(recording.samples(), RATE_HZ, 16_000), 16_000)
    heard = written_down(path, "-jsgf", str(SUMS))
    print(f"answered: {app.newest.answer!r}; first sound after {app.newest.first_sound_s} s; heard {heard!r}")
    assert "84" in app.newest.answer or "eighty" in app.newest.answer.lower()
    assert "eighty four" in heard


def test_a_server_that_is_soon_back_ends_no_reply(server: ServedProcess, sit: Sit, tmp_path: Path) -> None:
    person = sit(server)
    person.say(*asked_by_espeak(tmp_path))
    person.wait(lambda: person.app.controller.turns and person.app.newest.thinking, 60)
    server.kill()
    server.start()
    person.wait(lambda: person.app.newest.state is TurnState.DONE and person.app.state is State.IDLE, 120)
    assert person.app.newest.answer
