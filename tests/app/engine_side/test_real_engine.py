"""Nothing faked below the controller but the devices: the real engine on a small random checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.build import build_controller, load_engine
from app.paths import Paths
from app.settings import Settings
from app.shown.models import ModelView
from app.shown.talk import State, TurnState
from app.shown.transcribe import JobState
from engine.samples import write_wav
from tests.app.conftest import Running, noise
from tests.app.fakes import FakePermission, FakeSound, ScriptedEngine

pytestmark = pytest.mark.slow


class OneModel:
    """A catalogue with the test's checkpoint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def best(self) -> Path:
        return self._folder

    def installed(self, current: str) -> tuple[ModelView, ...]:
        return ()


@pytest.fixture
def app(tiny_model: Path, tmp_path: Path, qtbot: QtBot, everything_is_speech: None) -> Iterator[Running]:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    settings = Settings(paths.settings)
    settings.change(microphone_explained=True, microphone_heard=True, tools=())
    sound, permission = FakeSound(), FakePermission()
    controller = build_controller(
        paths, settings, loader=load_engine, system=sound, permission=permission, catalogue=OneModel(tiny_model)
    )
    controller.start()
    running = Running(controller, ScriptedEngine(), sound, permission, settings, paths, qtbot)
    running.wait(lambda: controller.model.ready, 30_000)
    yield running
    controller.shutdown()


def test_typed_and_spoken_turns_are_answered_and_remembered(app: Running) -> None:
    app.controller.ask_text("Hello?")
    app.wait(lambda: app.controller.turns[0].state is TurnState.DONE, 30_000)
    app.say()
    app.wait(lambda: len(app.controller.turns) == 2, 30_000)
    app.wait(lambda: app.controller.turns[1].state is TurnState.DONE, 30_000)
    assert all(turn.first_text_s is not None for turn in app.controller.turns)
    assert not app.controller.notice.trouble


def test_a_reply_is_cut_short_and_the_next_one_comes(app: Running) -> None:
    app.controller.ask_text("Go on for long.")
    app.wait_for(State.THINKING)
    app.controller.stop()
    assert app.controller.turns[0].state is TurnState.INTERRUPTED
    app.controller.ask_text("And now?")
    app.wait(lambda: app.controller.turns[-1].state is TurnState.DONE, 30_000)


def test_a_file_is_written_down_step_by_step(app: Running, tmp_path: Path) -> None:
    file = tmp_path / "noise.wav"
    write_wav(file, noise(1.0, 16_000), 16_000)
    app.controller.transcriber.add_files([file])
    app.wait(lambda: app.controller.transcriber.jobs and app.controller.transcriber.jobs[0].problem, 30_000)
    (job,) = app.controller.transcriber.jobs
    assert job.state is JobState.FAILED
    assert "No speech was found" in job.problem
