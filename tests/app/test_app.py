"""The objects that `main` builds: files from outside, a second start, the window's end."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QCoreApplication, Qt, QUrl
from PySide6.QtGui import QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
from pytestqt.qtbot import QtBot

from app import build
from app.application import Application
from app.paths import Paths
from app.shown.transcribe import JobState
from app.single_instance import SingleInstance
from app.widgets.controls.sheets import TextSheet
from app.widgets.frame.window import TRANSCRIBE
from tests.app.conftest import noise
from tests.app.fakes import FakeCatalogue, FakePermission, FakeSound, ScriptedEngine
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401


@pytest.fixture
def app(qapp: Application, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[build.App]:
    fakes = {
        "loader": ScriptedEngine().loader,
        "system": FakeSound(),
        "permission": FakePermission(),
        "catalogue": FakeCatalogue(),
    }
    monkeypatch.setattr(build, "build_controller", functools.partial(build.build_controller, **fakes))
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    running = build.App(paths, qapp)
    qtbot.addWidget(running.window)
    qapp.files_opened.connect(running.open_files)
    with qtbot.waitSignal(running.window.painted):
        running.window.show()
    running.begin([])
    qtbot.waitUntil(lambda: running.controller.model.ready)
    yield running
    running.shut_down()
    qapp.files_opened.disconnect(running.open_files)


def test_a_file_dropped_on_the_dock_or_opened_with_earshot_is_written_down(
    app: build.App,
    qapp: Application,
    qtbot: QtBot,
    recordings: list[Path],  # noqa: F811
    steps: Steps,  # noqa: F811
) -> None:
    for file in recordings[:2]:
        QCoreApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(file))))
    assert app.window.page == TRANSCRIBE
    qtbot.waitUntil(lambda: [job.state for job in app.controller.transcriber.jobs] == [JobState.DONE] * 2)
    assert [job.name for job in app.controller.transcriber.jobs] == ["second.wav", "first.wav"]


def test_an_address_opened_by_another_program_asks_before_anything_is_done(
    app: build.App, qapp: Application, qtbot: QtBot
) -> None:
    app.window.showMinimized()
    QCoreApplication.sendEvent(qapp, QFileOpenEvent(QUrl("earshot://say?text=Good%20morning")))
    qtbot.waitUntil(lambda: [sheet.isVisible() for sheet in app.window.findChildren(TextSheet)] == [True])
    (sheet,) = app.window.findChildren(TextSheet)
    assert sheet.editor.toPlainText() == "Good morning"
    assert not app.window.isMinimized()
    sheet.reject()


def test_a_second_start_brings_the_first_to_the_front_with_its_files(
    app: build.App,
    qtbot: QtBot,
    tmp_path: Path,
    recordings: list[Path],  # noqa: F811
    steps: Steps,  # noqa: F811
) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert first.acquire([])
    first.woken.connect(app.wake)
    app.window.showMinimized()
    assert not second.acquire([str(recordings[0])])
    qtbot.waitUntil(lambda: not app.window.isMinimized() and app.window.isVisible())
    qtbot.waitUntil(lambda: [job.name for job in app.controller.transcriber.jobs] == ["first.wav"])
    assert app.window.page == TRANSCRIBE
    first.close()


def test_the_microphone_follows_the_window_to_the_front_and_back(app: build.App, qtbot: QtBot) -> None:
    app.settings.change(microphone_explained=True, microphone_heard=True)
    app._on_active(Qt.ApplicationState.ApplicationInactive)
    app._on_active(Qt.ApplicationState.ApplicationActive)
    qtbot.waitUntil(lambda: app.controller._sound.microphone.open)
    app._on_active(Qt.ApplicationState.ApplicationInactive)
    assert not app.controller._sound.microphone.open


@pytest.mark.qt_log_ignore("systemTrayWindowChanged", extend=True)  # the offscreen platform has no tray
@pytest.mark.parametrize("in_front", [True, False])
def test_a_timer_is_told_by_the_system_where_another_app_is_in_front(
    app: build.App, monkeypatch: pytest.MonkeyPatch, in_front: bool
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _sign, title, words, *_: told.append((title, words)))
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    states = Qt.ApplicationState
    state = states.ApplicationActive if in_front else states.ApplicationInactive
    app.window.show()
    for kind in (type(QApplication.instance()), QGuiApplication):
        monkeypatch.setattr(kind, "applicationState", lambda *_: state)
    app.controller._talk.timers.ring("tea")
    assert told == ([] if in_front else [("Earshot", "tea: time is up")])
    if not in_front:
        app.window.hide()
        app.window.notifying.icon.messageClicked.emit()
        assert app.window.isVisible()


def test_ending_twice_ends_once(app: build.App) -> None:
    app.shut_down()
    assert app.ended
    app.shut_down()
    assert app.ended


def test_timers_go_on_without_a_window_and_bring_it_back_when_they_ring(
    app: build.App, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    quits: list[bool] = []
    monkeypatch.setattr(app, "_application", SimpleNamespace(quit=lambda: quits.append(True)))
    app.controller._talk.timers._clock.service.start(3000, "tea")
    app.window.menus.close.trigger()
    assert not app.window.isVisible()
    assert quits == []
    app.controller._talk.timers.ring("tea")
    assert app.window.isVisible()
    assert app.window.talk_bar.notice == "tea: time is up"
    app.controller._talk.timers.close()
    app.window.menus.close.trigger()
    assert quits == ([] if sys.platform == "darwin" else [True])


def test_closing_the_window_ends_a_recording_and_keeps_it(
    app: build.App,
    qtbot: QtBot,
    steps: Steps,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "_ON_MAC", True)  # the app goes on without it
    app.window.transcribe.drop_zone.record.click()
    microphone, sound = app.controller._sound.microphone, app.controller._sound._system
    qtbot.waitUntil(lambda: microphone.recording)
    sound.speak(noise(2.3))
    qtbot.waitUntil(lambda: app.window.transcribe.recording.time_words == "00:02")
    app.window.close()
    assert not microphone.recording, "nobody is recorded without seeing it"
    qtbot.waitUntil(lambda: [job.state for job in app.controller.transcriber.jobs] == [JobState.DONE])
    assert app.controller.transcriber.jobs[0].title.startswith("Recording, ")
