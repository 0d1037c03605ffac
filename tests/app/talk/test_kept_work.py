"""Work of a person outlives restarts, newer versions, damaged files and quick fingers."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.models.downloads import Downloads
from app.models.wanted_copies import WantedCopies
from app.settings import Settings
from app.shown.models import DownloadState, DownloadView
from app.shown.transcribe import JobState
from app.single_instance import SingleInstance
from app.talk.store import Store
from app.widgets.controls.labels import Label
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.transcribe.job_row import JobRow
from app.worker import Worker
from engine.checkpoints.download import PUBLISHED
from engine.errors import StorageError
from engine.events import Progress
from tests.app.conftest import Running
from tests.app.transcribe.test_transcriber import Steps, recordings, states, steps

pytestmark = pytest.mark.slow

__all__ = ["recordings", "steps"]  # the fixtures

Start = Callable[..., Running]
NAME = next(iter(PUBLISHED))


def texts(app: Running) -> list[str]:
    return [segment.text for segment in app.controller.transcriber.jobs[0].segments]


def half_done(app: Running, steps: Steps, recordings: list[Path]) -> str:
    """The first of two segments is written down and corrected."""
    steps.gate.clear()
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: app.controller.transcriber.jobs and texts(app) == ["one"])
    key = app.controller.transcriber.jobs[0].key
    app.controller.transcriber.edit_segments(key, {0: "One, corrected"})
    return key


def test_what_was_corrected_stays_when_a_cancelled_file_goes_on(
    start: Start, steps: Steps, recordings: list[Path]
) -> None:
    app = start()
    key = half_done(app, steps, recordings)
    app.controller.transcriber.cancel(key)
    app.wait(lambda: not app.controller.transcriber._running)
    steps.gate.set()
    app.controller.transcriber.retry(key)
    app.wait(lambda: states(app) == [JobState.DONE])
    assert texts(app) == ["One, corrected", "two"]


def test_what_was_corrected_stays_when_earshot_is_closed_meanwhile(
    start: Start, steps: Steps, recordings: list[Path]
) -> None:
    app = start()
    half_done(app, steps, recordings)
    app.controller.shutdown()
    steps.gate.set()
    again = start()
    again.wait(lambda: states(again) == [JobState.DONE])
    assert texts(again) == ["One, corrected", "two"]
    again.controller.shutdown()
    assert texts(start()) == ["One, corrected", "two"]


def test_a_name_that_is_too_long_does_not_cost_the_files_beside_it(
    start: Start, steps: Steps, recordings: list[Path], tmp_path: Path
) -> None:
    app = start()
    app.controller.transcriber.add_files([tmp_path / ("a" * 300 + ".wav"), recordings[0]])
    app.wait(lambda: states(app)[:1] == [JobState.DONE])
    assert states(app) == [JobState.DONE, JobState.FAILED]


def test_a_folder_without_recordings_says_so(start: Start, steps: Steps, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no recording")
    app = start()
    app.controller.transcriber.add_files([empty])
    app.wait(lambda: states(app))
    (job,) = app.controller.transcriber.jobs
    assert (job.name, job.state) == ("empty", JobState.FAILED)
    assert job.problem == "There are no recordings in this folder."


def test_a_name_that_is_no_unicode_is_kept_in_the_queue(start: Start, steps: Steps, recordings: list[Path]) -> None:
    odd = recordings[0].rename(recordings[0].with_name("caf\udce9.wav"))
    app = start()
    app.controller.transcriber.add_files([odd])
    app.wait(lambda: states(app) == [JobState.DONE])
    app.controller.shutdown()
    assert [job.name for job in start().controller.transcriber.jobs] == [odd.name]


def test_what_goes_wrong_on_the_transcribe_page_is_said_there(
    start: Start, steps: Steps, recordings: list[Path], tmp_path: Path, qtbot: QtBot
) -> None:
    app = start()
    window = MainWindow(app.controller, app.settings)
    qtbot.addWidget(window)
    window.show()
    app.controller.transcriber.add_files(recordings[:1])
    window.show_page(TRANSCRIBE)
    app.wait(lambda: states(app) == [JobState.DONE])
    (tmp_path / "taken").write_text("")
    said: list[str] = []
    app.controller.transcriber.trouble.connect(said.append)
    app.controller.transcriber.export(app.controller.transcriber.jobs[0].key, tmp_path / "taken" / "first.txt")
    app.wait(lambda: said)
    assert said[0] in [label.text() for label in window.findChildren(Label) if label.isVisible()]


def test_a_folder_of_many_files_is_shown_without_going_through_all_for_each(
    start: Start, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    window = MainWindow(app.controller, app.settings)
    qtbot.addWidget(window)
    shown: list[str] = []
    show_job = JobRow.show_job
    monkeypatch.setattr(JobRow, "show_job", lambda row, job, *more: (shown.append(job.key), show_job(row, job, *more)))
    files = [tmp_path / f"{number}.txt" for number in range(60)]
    for file in files:
        file.write_text("no recording")
    app.controller.transcriber.add_files(files)
    app.wait(lambda: len(states(app)) == 60)
    assert [job.key for job in window.transcribe.jobs] == [job.key for job in app.controller.transcriber.jobs]
    assert len(shown) <= 3 * 60


def test_another_models_folder_is_looked_through_at_once(start: Start, tmp_path: Path) -> None:
    app = start()
    models = app.controller._models
    before: list[bool] = []
    models._worker.run(lambda: None, lambda _done, _error: before.append(True))
    app.wait(lambda: before)  # what the start asked for is answered
    asked: list[str] = []
    models._catalogue.installed = lambda current: asked.append(current) or ()  # type: ignore[method-assign]
    app.settings.change(models_folder=str(tmp_path))
    app.wait(lambda: asked)


def view(downloads: Downloads) -> DownloadView:
    return next((each for each in downloads.listed if each.name == NAME), DownloadView(""))


def test_what_arrives_anew_is_not_discarded_with_what_was(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = tmp_path / f"{NAME}.partial"
    gate, remove = threading.Event(), shutil.rmtree

    def slowly(folder: Path, **options: Any) -> None:
        assert gate.wait(10)
        remove(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", slowly)

    def endless(_name: str, _folder: Path) -> Generator[Progress, None, Path]:
        partial.mkdir(exist_ok=True)
        (partial / "weights").write_bytes(b"12345")
        while True:
            yield Progress("downloading", 5, 10, "bytes")

    partial.mkdir()
    (partial / "config.json").write_bytes(b"1")
    worker = Worker("downloads", 60)
    downloads = Downloads(lambda: tmp_path, worker, WantedCopies(Settings(tmp_path / "settings.json")), endless)
    downloads.refresh()
    qtbot.waitUntil(lambda: view(downloads).state is DownloadState.PAUSED)
    downloads.discard(NAME)
    downloads.start(NAME)
    qtbot.wait(50)
    gate.set()
    qtbot.waitUntil(lambda: not (partial / "config.json").exists())
    qtbot.waitUntil(lambda: view(downloads).done == 5)
    assert (partial / "weights").exists()
    downloads.close()
    qtbot.waitUntil(lambda: view(downloads).state is not DownloadState.RUNNING)
    worker.close(20)


def test_a_file_that_moves_while_it_is_counted_does_not_stop_the_list(tmp_path: Path, qtbot: QtBot) -> None:
    partial = tmp_path / f"{NAME}.partial"
    partial.mkdir()

    class Moving(type(partial)):  # type: ignore[misc]
        def rglob(self, _pattern: str) -> list[Path]:
            return [self / "config.json.part"]

        def is_file(self) -> bool:
            return True

        def __truediv__(self, key: Any) -> Moving:
            return Moving(str(self) + "/" + str(key))

    worker = Worker("downloads", 60)
    downloads = Downloads(lambda: Moving(tmp_path), worker, WantedCopies(Settings(tmp_path / "settings.json")))
    downloads.refresh()
    qtbot.waitUntil(lambda: len(downloads.listed) == len(PUBLISHED))
    worker.close(20)


def test_a_database_that_another_program_holds_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "conversations.sqlite", tmp_path / "recordings")
    store._database._db.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "conversations.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError) as told:
        store.create("assistant")
    other.execute("ROLLBACK")
    other.close()
    store.close()
    assert "make room" not in str(told.value)


@pytest.mark.parametrize("name", ["two\nlines.wav", "end\n\n.wav"])
def test_a_second_start_hands_over_any_name(name: str, qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert first.acquire([])
    with qtbot.waitSignal(first.woken) as woken:
        assert not second.acquire([f"/music/{name}", "/music/other.wav"])
    assert woken.args == [[f"/music/{name}", "/music/other.wav"]]
    first.close()


def test_a_window_brought_to_the_front_is_as_large_as_it_was(qtbot: QtBot, start: Start, qapp: Any) -> None:
    from app.build import App

    running = start()
    app = App.__new__(App)
    app.window = MainWindow(running.controller, running.settings)
    qtbot.addWidget(app.window)
    app.window.showMaximized()
    app.window.showMinimized()
    app.wake([])
    qtbot.waitUntil(lambda: not app.window.isMinimized())
    assert app.window.isMaximized()
