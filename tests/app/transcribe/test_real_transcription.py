"""The queue over the real engine with its starter model: nothing that was transcribed is done twice or lost."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.build import build_controller, load_engine
from app.models import models
from app.paths import Paths
from app.settings import Settings
from app.shown.transcribe import JobState, JobView
from app.transcribe import queue_file
from engine import samples
from engine.resources import resource
from engine.transcription.recogniser import Recogniser
from tests.app.conftest import Running
from tests.app.engine_side.test_real_engine import OneModel
from tests.app.fakes import FakePermission, FakeSound, ScriptedEngine

pytestmark = pytest.mark.slow

Open = Callable[..., Running]
WAIT_MS = 60_000


class Windows:
    """Counts what the model hears, and lets it hang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard = 0
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        hear, windows = Recogniser.__call__, self

        def count(recogniser: Recogniser, batch: Any) -> Iterator[tuple[int, str]]:
            windows.heard += len(batch)
            if windows.heard > 1:
                windows.begun.set()
                assert windows.gate.wait(60)
            yield from hear(recogniser, batch)

        monkeypatch.setattr(Recogniser, "__call__", count)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[Windows]:
    windows = Windows(monkeypatch)
    yield windows
    windows.gate.set()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Over half a minute of speech: a few windows."""
    said = [samples.read(path) for path in sorted(resource("examples").glob("*.flac"))]
    pieces = [piece for sound in said * 8 for piece in (sound, np.zeros(12_000, np.float32))]
    path = tmp_path / "said.wav"
    samples.write_wav(path, np.concatenate(pieces), 16_000)
    return path


@pytest.fixture
def open_app(tmp_path: Path, qtbot: QtBot) -> Iterator[Open]:
    opened: list[Running] = []

    def begin(home: Path = tmp_path / "home", loader: Any = load_engine) -> Running:
        paths = Paths(home, home / "logs")
        paths.make()
        settings = Settings(paths.settings)
        settings.change(microphone_explained=True, microphone_heard=True, tools=(), language="en")
        sound, permission = FakeSound(), FakePermission()
        controller = build_controller(
            paths, settings, loader=loader, system=sound, permission=permission,
            catalogue=OneModel(resource("starter")),
        )  # fmt: skip
        running = Running(controller, ScriptedEngine(), sound, permission, settings, paths, qtbot)
        opened.append(running)
        controller.start()
        return running

    yield begin
    for running in opened:
        running.controller.shutdown()


def no_model(_folder: Path, _insist: bool) -> Generator[Any, None, Any]:
    """A loader that is not through yet."""
    raise samples.SoundError("There is no model in this test.")
    yield


def job(app: Running) -> JobView:
    (only,) = app.controller.transcriber.jobs
    return only


def texts(app: Running) -> list[str]:
    return [segment.text for segment in job(app).segments]


def finished(app: Running) -> bool:
    return bool(app.controller.transcriber.jobs) and job(app).state is JobState.DONE


def in_full(text: list[str]) -> None:
    assert len(text) == 4, "a text for each window of up to 25 seconds"
    assert all("twelve" in each for each in text)


def test_a_finished_text_outlives_a_quit_while_the_disk_is_busy(open_app: Open, recording: Path) -> None:
    app = open_app()
    app.controller.transcriber.add_files([recording])
    app.wait(lambda: app.controller.transcriber.jobs, WAIT_MS)
    gate = threading.Event()
    app.controller.transcriber._disk.run(lambda: gate.wait(60))
    app.wait(lambda: finished(app), WAIT_MS)
    in_full(texts(app))
    app.controller.shutdown()
    again = open_app(loader=no_model)
    gate.set()
    assert finished(again)
    assert texts(again) == texts(app)
    assert list(app.paths.transcriptions.glob("*.journal")) == []


def test_a_text_that_could_not_be_written_at_a_kill_comes_from_its_journal(
    open_app: Open, recording: Path, windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app()
    app.controller.transcriber.add_files([recording])
    app.wait(lambda: app.controller.transcriber.jobs and job(app).segments, WAIT_MS)
    gate, replacing = threading.Event(), queue_file.replacing

    def wait(path: Path, **options: Any) -> Any:
        assert gate.wait(60)
        return replacing(path, **options)

    monkeypatch.setattr(queue_file, "replacing", wait)
    app.wait(lambda: finished(app), WAIT_MS)
    app.wait(lambda: not app.controller.transcriber._running, WAIT_MS)
    shutil.copytree(app.paths.data, tmp_path / "killed")  # as the disk is when the power goes
    gate.set()
    heard = windows.heard
    again = open_app(tmp_path / "killed")
    again.wait(lambda: finished(again), WAIT_MS)
    assert texts(again) == texts(app)
    assert windows.heard == heard, "nothing is heard twice"


def test_an_engine_that_hangs_gives_its_recording_back_to_the_queue(
    open_app: Open, recording: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_app()
    windows.gate.clear()
    app.controller.transcriber.add_files([recording])
    app.wait(windows.begun.is_set, WAIT_MS)
    app.wait(lambda: len(texts(app)) == 1, WAIT_MS)
    (first,) = texts(app)
    with monkeypatch.context() as patch:
        patch.setattr(models, "HANGING_S", 0.0)
        app.wait(lambda: job(app).state is JobState.WAITING, WAIT_MS)
    hanging, windows.gate = windows.gate, threading.Event()
    windows.gate.set()
    heard = windows.heard
    app.controller.act_on_notice()  # start it again
    app.wait(lambda: finished(app), WAIT_MS)
    whole = texts(app)
    in_full(whole)
    assert whole[0] == first
    assert windows.heard - heard < heard + len(whole), "the first window comes from the journal"
    hanging.set()  # the thread that was left behind comes back
    app.controller.shutdown()
    again = open_app(loader=no_model)
    assert texts(again) == whole


def test_another_model_takes_over_what_is_transcribed_and_the_old_one_is_gone_before(
    open_app: Open, recording: Path, windows: Windows, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(resource("starter"), other)
    engines: list[weakref.ref[Any]] = []
    still_there: list[int] = []

    def load(folder: Path, insist: bool) -> Generator[Any, None, Any]:
        gc.collect()
        still_there.append(sum(each() is not None for each in engines))
        engine = yield from load_engine(folder, insist)
        engines.append(weakref.ref(engine))
        return engine

    app = open_app(loader=load)
    windows.gate.clear()
    app.controller.transcriber.add_files([recording])
    app.wait(windows.begun.is_set, WAIT_MS)
    app.controller.model_commands.switch_model(str(other))
    assert job(app).state is JobState.WAITING
    windows.gate.set()
    app.wait(lambda: app.settings.now.model == str(other) and app.controller.model.ready, WAIT_MS)
    app.wait(lambda: finished(app), WAIT_MS)
    assert job(app).problem == ""
    in_full(texts(app))
    assert still_there == [0, 0]


def test_what_was_removed_comes_back_as_it_was_until_the_queue_is_purged(
    open_app: Open, recording: Path, windows: Windows
) -> None:
    app = open_app()
    transcriber = app.controller.transcriber
    transcriber.add_files([recording])
    app.wait(lambda: finished(app), WAIT_MS)
    key, whole = job(app).key, texts(app)
    transcriber.edit_segments(key, {0: "Corrected by hand"})
    transcriber.remove(key)
    transcriber.remove(key)
    assert transcriber.jobs == ()
    transcriber.restore(key)
    assert texts(app) == ["Corrected by hand", *whole[1:]]
    transcriber.remove(key)
    app.controller.shutdown()
    again = open_app(loader=no_model)
    assert again.controller.transcriber.jobs == ()
    again.controller.transcriber.restore(key)
    assert again.controller.transcriber.jobs == ()


def test_what_is_removed_while_it_is_transcribed_goes_on_from_its_journal_when_it_is_restored(
    open_app: Open, recording: Path, windows: Windows
) -> None:
    app = open_app()
    windows.gate.clear()
    app.controller.transcriber.add_files([recording])
    app.wait(windows.begun.is_set, WAIT_MS)
    app.wait(lambda: len(texts(app)) == 1, WAIT_MS)
    key = job(app).key
    app.controller.transcriber.remove(key)
    windows.gate.set()
    app.wait(lambda: not app.controller.transcriber._running, WAIT_MS)
    heard = windows.heard
    app.controller.transcriber.restore(key)
    assert job(app).state in (JobState.WAITING, JobState.RUNNING)
    app.wait(lambda: finished(app), WAIT_MS)
    in_full(texts(app))
    assert windows.heard > heard
