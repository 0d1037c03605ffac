"""The whole app with nothing faked but what a test hands in: the real window, controller and PortAudio streams."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.build import build_controller, load_engine
from app.models.catalogue import Catalogue
from app.paths import Paths
from app.settings import Settings
from app.shown.models import MachineView, ModelView
from app.shown.talk import State, TurnView
from app.widgets.controls import theme
from app.widgets.main_window import MainWindow
from engine.events import Samples
from tests.app.fakes import FakePermission
from tests.app.virtual_sound import RATE_HZ, Recording, VirtualSound

Loader = Callable[[Path, bool], Any]


class OneModel:
    """A catalogue of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def best(self) -> Path:
        return self._folder

    def installed(self, current: str) -> tuple[ModelView, ...]:
        return (ModelView(str(self._folder), self._folder.name, current=True),)

    def machine(self) -> MachineView:
        return MachineView()


class RealApp:
    """A running app. `close` ends it; `press` and `release` are the space bar."""

    def __init__(
        self,
        application: QApplication,
        folder: Path,
        model: Path,
        loader: Loader = load_engine,
        permission: FakePermission | None = None,
        catalogue: Catalogue | None = None,
        **choices: Any,
    ) -> None:
        self.paths = Paths(folder, folder / "logs")
        self.paths.make()
        self.settings = Settings(self.paths.settings)
        told = {"microphone_explained": True, "microphone_heard": True, "language": "en", **choices}
        self.settings.change(**told)
        self._theme = theme.Theme(application, Qt.ColorScheme.Light)
        self.controller = build_controller(
            self.paths,
            self.settings,
            loader=loader,
            permission=permission or FakePermission(),
            catalogue=catalogue or OneModel(model),
        )
        self.sound = self.controller._sound
        self.window = MainWindow(self.controller, self.settings)
        self.states: list[State] = []
        self.controller.state_changed.connect(self.states.append)

    def begin(self) -> None:
        """Show the window, then load the model and open the sound, as `main` does."""
        self.window.show()
        self.window.setFocus()
        self.controller.start()

    def close(self) -> bool:
        """End the app; False when the engine's thread had to be left behind."""
        self.window.close()
        ended = self.controller.shutdown()
        self.window.deleteLater()
        return ended

    def press(self) -> None:
        """Space goes down."""
        QTest.keyPress(self.window, Qt.Key.Key_Space)

    def release(self) -> None:
        """Space goes up."""
        QTest.keyRelease(self.window, Qt.Key.Key_Space)

    @property
    def state(self) -> State:
        """What the conversation is doing."""
        return self.controller.state

    @property
    def newest(self) -> TurnView:
        """The newest turn of the conversation."""
        return self.controller.turns[-1]

    def files(self, pattern: str) -> list[Path]:
        """Files the app wrote, oldest first, e.g. "said-*.flac"."""
        return sorted(self.paths.recordings.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)


class Person:
    """Somebody who sits before the app: waits, holds Space, speaks."""

    def __init__(self, app: RealApp, sound: VirtualSound, qtbot: QtBot) -> None:
        self.app, self._sound, self._qtbot = app, sound, qtbot

    def wait(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> None:
        """Until something is so."""
        try:
            self._qtbot.waitUntil(lambda: bool(condition()), timeout=round(1000 * timeout_s))
        except self._qtbot.TimeoutError:
            app = self.app
            pytest.fail(f"waited {timeout_s} s: {app.states} {app.controller.notice} {app.controller.turns[-1:]}")

    def wait_for(self, state: State, timeout_s: float = 30.0) -> None:
        """Until the conversation is in a state."""
        self.wait(lambda: self.app.state is state, timeout_s)

    def wait_until_ready(self, timeout_s: float = 60.0) -> None:
        """Until the model is loaded and both streams run."""
        app = self.app
        self.wait(
            lambda: app.controller.model.ready and app.sound.microphone.open and app.sound.playback.open, timeout_s
        )

    def say(self, samples: Samples, rate_hz: int) -> None:
        """Hold Space while speaking into the microphone."""
        self.app.press()
        self.wait_for(State.LISTENING)
        speaking = self._sound.say(samples, rate_hz)
        self.wait(lambda: speaking.poll() is not None)
        self.app.release()

    def listen_on(self, recording: Recording, seconds: float) -> None:
        """Until so much more was recorded."""
        end_s = recording.seconds() + seconds
        self.wait(lambda: recording.seconds() > end_s)


@contextmanager
def sound_card(folder: Path) -> Iterator[VirtualSound]:
    """A virtual sound card that PortAudio of this process sees while the block lasts; its room is nearly quiet."""
    nice = _first_in_line()
    card = VirtualSound(folder)
    card.start()
    room = card.say(np.random.default_rng(0).normal(0, 1e-4, 600 * RATE_HZ).astype(np.float32), RATE_HZ)
    before = {name: os.environ.get(name) for name in card.environment}
    os.environ.update(card.environment)
    _list_devices_again()
    try:
        yield card
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        room.kill()
        room.wait()
        card.stop()
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        _list_devices_again()


def _first_in_line() -> int:
    """Let this thread, and what it starts, go first on a busy machine, if that is allowed. Returns what it was."""
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, nice - 10)
    return nice


def _list_devices_again() -> None:
    """PortAudio lists devices when it is loaded; if an earlier test did that, it has to look again."""
    if sounddevice := sys.modules.get("sounddevice"):
        sounddevice._terminate()
        sounddevice._initialize()
