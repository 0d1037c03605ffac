"""What is removed from the transcribe page can be brought back, at the real window."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.shown.transcribe import JobState
from app.transcribe import queue_file
from app.transcribe.stored_queue import VERSION
from app.widgets.controls.labels import Label
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.transcribe import job_row
from app.widgets.transcribe.job_row import JobAction
from tests.app.conftest import Running
from tests.app.transcribe.queues import first_queue
from tests.app.transcribe.test_transcriber import Steps, recordings, states, steps

pytestmark = pytest.mark.slow

__all__ = ["recordings", "steps"]  # the fixtures

Start = Callable[..., Running]


def window_of(app: Running, qtbot: QtBot) -> MainWindow:
    window = MainWindow(app.controller, app.settings)
    qtbot.addWidget(window)
    window.show()
    window.show_page(TRANSCRIBE)
    return window


def names(window: MainWindow) -> list[str]:
    return [job.name for job in window.transcribe.jobs]


@pytest.fixture
def corrected(
    start: Start, steps: Steps, recordings: list[Path], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> tuple[Running, MainWindow]:
    """Three recordings; the one in the middle was corrected and removed."""
    monkeypatch.setattr(job_row, "SETTLING_MS", 0)
    app = start()
    window = window_of(app, qtbot)
    app.controller.transcriber.add_files(recordings)
    app.wait(lambda: states(app) == [JobState.DONE] * 3)
    key = app.controller.transcriber.jobs[1].key
    app.controller.transcriber.edit_segments(key, {0: "Corrected by hand"})
    window.transcribe.act.emit(key, JobAction.REMOVE, None)
    app.wait(lambda: names(window) == ["third.wav", "first.wav"])
    assert window.toast.words == "Removed “second.wav”"
    return app, window


def is_back(window: MainWindow) -> bool:
    (card,) = (window.transcribe.card(job.key) for job in window.transcribe.jobs if job.name == "second.wav")
    assert [segment.text for segment in card.job.segments] == ["Corrected by hand", "two"]
    return names(window) == ["third.wav", "second.wav", "first.wav"]


def test_a_corrected_text_that_was_removed_comes_back_by_its_button(corrected: tuple[Running, MainWindow]) -> None:
    _app, window = corrected
    window.toast.undo_button.click()
    assert is_back(window)
    assert window.toast.words == ""


def test_it_comes_back_by_the_menu_when_the_toast_has_gone(corrected: tuple[Running, MainWindow]) -> None:
    app, window = corrected
    window.toast._clock.setInterval(0)  # ten seconds are over
    app.wait(lambda: window.toast.words == "")
    window.transcribe.drop_zone.setFocus()
    assert window.menus.undo.text() == "Undo Remove Recording"
    window.menus.undo.trigger()
    assert is_back(window)
    assert not window.menus.undo.isEnabled()
    window.menus.redo.trigger()
    assert names(window) == ["third.wav", "first.wav"]


def test_a_damaged_queue_is_said_on_the_page_and_what_can_be_read_is_there(
    start: Start, steps: Steps, recordings: list[Path], qtbot: QtBot
) -> None:
    first = start()
    folder = first.paths.transcriptions
    first.controller.shutdown()
    rows = json.loads(first_queue(folder, recordings).read_text())
    (folder / "queue.json").write_text(json.dumps([*rows[:2], {"view": {"key": ["a", "list"]}}]))
    app = start()
    window = window_of(app, qtbot)
    assert names(window) == ["second.wav", "first.wav"]

    def said() -> list[str]:
        return [label.text() for label in window.findChildren(Label) if "queue.damaged.json" in label.text()]

    app.wait(said)
    assert app.controller.notice.trouble
    app.controller.shutdown()
    assert json.loads((folder / "queue.json").read_text())["version"] == VERSION
    assert len(list(folder.glob("queue.damaged*"))) == 1


def test_the_queue_of_the_first_version_goes_on(start: Start, steps: Steps, recordings: list[Path]) -> None:
    first = start()
    folder = first.paths.transcriptions
    first.controller.shutdown()
    first_queue(folder, recordings)
    app = start()
    app.wait(lambda: states(app) == [JobState.DONE, JobState.CANCELLED, JobState.DONE])
    newest = app.controller.transcriber.jobs[0]
    assert [segment.text for segment in newest.segments] == ["one of third.wav", "two"], "its correction stays"
    assert steps.calls == ["third.wav"]


def test_quitting_does_not_wait_for_a_disk_that_hangs(
    start: Start, steps: Steps, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start()
    app.controller.transcriber.add_files(recordings)
    app.wait(lambda: states(app) == [JobState.DONE] * 3)
    gate = threading.Event()

    def hang(_jobs: object) -> bytes:
        assert gate.wait(60)
        return b""

    monkeypatch.setattr(queue_file, "encode_queue", hang)
    app.controller.transcriber._disk.run(lambda: gate.wait(60))
    app.controller.shutdown()
    assert not gate.is_set()
    gate.set()


def test_a_recording_is_renamed_everywhere_and_its_file_keeps_its_name(
    start: Start, steps: Steps, recordings: list[Path], qtbot: QtBot
) -> None:
    app = start()
    window = window_of(app, qtbot)
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: states(app) == [JobState.DONE])
    key = app.controller.transcriber.jobs[0].key
    window.sidebar.conversations.recording_opened.emit(key)
    window.sidebar.conversations.recording_renamed.emit(key, " Interview with Mara ")
    assert window.header.title == "Interview with Mara"
    assert window.transcribe.card(key).job.title == "Interview with Mara"
    assert app.controller.transcriber.written(key, "md").startswith("# Interview with Mara")
    assert app.controller.transcriber.path(key) == recordings[0]
    assert window.menus.undo.text() == "Undo Rename Recording"
    window.menus.undo.trigger()
    assert window.header.title == "first"
    window.menus.redo.trigger()
    app.controller.shutdown()
    again = start()
    again.wait(lambda: bool(again.controller.transcriber.jobs))
    assert again.controller.transcriber.jobs[0].title == "Interview with Mara"


def test_the_menu_renames_and_removes_the_recording_in_front(
    start: Start, steps: Steps, recordings: list[Path], qtbot: QtBot
) -> None:
    app = start()
    window = window_of(app, qtbot)
    app.controller.transcriber.add_files(recordings[:1])
    app.wait(lambda: states(app) == [JobState.DONE])
    menus = window.menus
    assert not menus.delete.isEnabled(), "no recording is in front"
    window.sidebar.conversations.recording_opened.emit(app.controller.transcriber.jobs[0].key)
    assert (menus.rename.text(), menus.delete.text()) == ("Rename Recording", "Remove Recording")
    menus.rename.trigger()
    editor = window.sidebar.conversations.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Board meeting")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    app.wait(lambda: window.header.title == "Board meeting")
    menus.delete.trigger()
    assert names(window) == []
    assert window.toast.words == "Removed “Board meeting”"
    window.show_page(TALK)
    assert (menus.rename.text(), menus.delete.text()) == ("Rename Conversation", "Delete Conversation")
