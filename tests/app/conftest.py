from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from app.audio import recording_files
from app.build import build_controller
from app.controller import Controller
from app.engine_side.engine_thread import EngineThread
from app.engine_side.work import EngineWork
from app.paths import Paths
from app.settings import Settings
from app.shown.talk import State
from engine.conversation.replying.tools.timers import TimerService
from engine.events import Progress, Samples
from engine.resources import resource
from tests.app import virtual_sound
from tests.app.fakes import FakeCatalogue, FakeKeychain, FakePermission, FakeSound, ScriptedEngine, Step, scripted

HANGS_MS = 20_000


@pytest.fixture
def qtbot(qtbot: QtBot) -> QtBot:
    """Waits as long as a hang takes. pytest-qt's five seconds are sometimes too short on a busy machine."""
    for name in ("waitUntil", "waitSignal", "waitExposed"):
        setattr(qtbot, name, partial(getattr(qtbot, name), timeout=HANGS_MS))
    return qtbot


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    """The window speaks Chinese."""
    translator = QTranslator()
    assert translator.load("zh_CN", str(resource("translations")))
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


@dataclass
class Running:
    """A controller with fakes below it."""

    controller: Controller
    engine: ScriptedEngine
    sound: FakeSound
    permission: FakePermission
    settings: Settings
    paths: Paths
    qtbot: QtBot
    keychain: FakeKeychain | None = None

    def wait(self, condition: Callable[[], Any], timeout_ms: int = HANGS_MS) -> None:
        """Until something is so."""
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=timeout_ms)

    def wait_for(self, state: State) -> None:
        """Until the conversation is in a state."""
        self.wait(lambda: self.controller.state is state)

    def say(self, seconds: float = 1.0) -> None:
        """Hold talk, speak, let go."""
        self.controller.press_talk()
        self.controller._talk.recorder._pressed_s -= 1.0  # it was held for a second
        self.wait(lambda: self.controller._sound.microphone.open)
        self.sound.speak(noise(seconds))
        self.wait_for(State.LISTENING)
        self.sound.speak(noise(0.1))
        self.controller.release_talk()

    def hear_all(self) -> Samples:
        """Play until the reply is over."""
        heard = []

        def quiet() -> bool:
            heard.append(self.sound.listen(0.05))
            return self.controller.state is State.IDLE

        self.wait(quiet)
        return np.concatenate(heard)


def noise(seconds: float, rate_hz: int = 48_000) -> Samples:
    """Sound that is not speech but not silence either."""
    return np.random.default_rng(1).normal(0, 0.05, round(seconds * rate_hz)).astype(np.float32)


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """A sheet or a menu that a test leaves behind would keep the keyboard from the next one."""
    yield
    if QApplication.instance() is not None:
        while popup := QApplication.activePopupWidget():
            popup.close()
        for window in QApplication.topLevelWidgets():
            if isinstance(window, QDialog):
                window.close()


@pytest.fixture
def everything_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_files, "has_speech", lambda samples: len(samples) > 4800)


@pytest.fixture
def start(qtbot: QtBot, tmp_path: Path, everything_is_speech: None, qapp: Any) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def begin(
        engine: ScriptedEngine | None = None,
        *,
        wait: bool = True,
        paths: Paths | None = None,
        keychain: FakeKeychain | None = None,
        without_keychain: bool = False,
        **choices: Any,
    ) -> Running:
        engine = engine or ScriptedEngine()
        paths = paths or Paths(tmp_path / "home", tmp_path / "home" / "logs")
        paths.make()
        settings = Settings(paths.settings)
        settings.change(microphone_explained=True, microphone_heard=True, **choices)
        sound, permission = FakeSound(), FakePermission()
        keychain = None if without_keychain else keychain or FakeKeychain()
        controller = build_controller(
            paths, settings, loader=engine.loader, system=sound, permission=permission, catalogue=FakeCatalogue(),
            find_keychain=lambda: keychain,
        )  # fmt: skip
        app = Running(controller, engine, sound, permission, settings, paths, qtbot, keychain)
        running.append(app)
        controller.start()
        if wait:
            app.wait(lambda: controller.model.ready and sound.output is not None)
        return app

    yield begin
    for app in running:
        app.controller.shutdown()
        assert app.sound.open_while_refreshed == []


@pytest.fixture
def sit(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Somebody sits down before Earshot, a `User`; each script is a reply of its engine."""
    from app.talk import recorder
    from app.widgets.transcribe import job_row
    from tests.app.user import User

    monkeypatch.setattr(recorder, "TAP_S", 0.0)  # no press of a test is so short that it would latch
    monkeypatch.setattr(job_row, "SETTLING_MS", 0)  # rows of recordings move at once

    def down(*scripts: list[Step], engine: ScriptedEngine | None = None, wait: bool = True, **choices: Any) -> User:
        return User(start(engine or scripted(*scripts), wait=wait, language="en", **choices))

    return down


@pytest.fixture(scope="session")
def sound_card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[virtual_sound.VirtualSound]:
    """A loudspeaker that is recorded and a microphone that can be spoken into, for PortAudio of this process."""
    if not virtual_sound.available():
        pytest.skip("PulseAudio and its tools are not installed: the sound card of this test is made of them")
    from tests.app import real_app

    with real_app.sound_card(tmp_path_factory.mktemp("sound")) as card:
        yield card


@pytest.fixture
def thread(qtbot: QtBot, tmp_path: Path) -> Iterator[EngineThread]:
    """The engine's thread, which loads scripted engines by any name."""

    def loader(folder: Path, insist: bool) -> Generator[Progress, None, Any]:
        yield Progress("read", 1, 1)
        return ScriptedEngine(folder=folder, name=folder.name)

    thread = EngineThread(lambda: EngineWork(loader, tmp_path, TimerService, lambda *_: True))
    yield thread
    thread.end()
    assert thread.join(20)
