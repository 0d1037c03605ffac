"""The system's notifications: of what ends while another app is in front, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QSystemTrayIcon

from app.shown.talk import Notice
from app.shown.transcribe import JobState, JobView
from app.widgets.bindings import notifications
from app.widgets.main_window import MainWindow
from tests.app.widgets.fake_controller import FakeController, FakeSettings

Work = Callable[[FakeController], None]


def ring(controller: FakeController) -> None:
    controller.notice = Notice("Tea: time is up")
    controller.timer_rang.emit()


def transcribe(controller: FakeController, end: JobState = JobState.DONE, title: str = "") -> None:
    for state in (JobState.WAITING, JobState.RUNNING, JobState.RUNNING, end):
        controller.transcriber.show(JobView("a", "talk.wav", state, own_title=title))


@pytest.fixture
def told(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the system is given, while another app is in front."""
    monkeypatch.setattr(notifications, "LONG_S", 0.0)
    monkeypatch.setattr(window.notifying, "in_front", lambda: False)
    words: list[str] = []
    monkeypatch.setattr(window.notifying, "post", words.append)
    return words


WORK: dict[str, tuple[Work, list[str]]] = {
    "a timer": (ring, ["Tea: time is up"]),
    "a recording": (transcribe, ["talk.wav is transcribed."]),
    "one with a name": (lambda c: transcribe(c, title="Minutes"), ["Minutes is transcribed."]),
    "a failure": (lambda c: transcribe(c, JobState.FAILED), ["talk.wav could not be transcribed."]),
    "a cancelled one": (lambda c: transcribe(c, JobState.CANCELLED), []),
    "a model": (lambda c: c.arrived.emit("Mini is here."), ["Mini is here."]),
}


@pytest.mark.parametrize("work", WORK)
def test_what_ends_behind_other_windows_is_told_once(
    told: list[str], controller: FakeController, settings: FakeSettings, work: str
) -> None:
    do, words = WORK[work]
    do(controller)
    assert told == words
    settings.change(notifications=False)
    do(controller)
    assert told == words, "they are switched off"


def test_the_system_is_given_the_words_and_the_icon_goes_again(
    window: MainWindow, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifying, given = window.notifying, list[str]()
    monkeypatch.setattr(notifying, "in_front", lambda: False)
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(notifying.icon, "show", lambda: given.append("icon"))
    monkeypatch.setattr(notifying.icon, "showMessage", lambda title, words, *_more: given.append(f"{title}: {words}"))
    ring(controller)
    assert given == ["icon", "Earshot: Tea: time is up"]
    assert notifying._hiding.isActive()
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    ring(controller)
    assert len(given) == 2


def test_in_front_nothing_is_told(
    told: list[str], window: MainWindow, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window.notifying, "in_front", lambda: True)
    for do, _words in WORK.values():
        do(controller)
    assert told == []


def test_short_work_is_not_worth_a_notification(
    told: list[str], controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LONG_S", 3600.0)
    transcribe(controller)
    assert told == []


def test_a_click_on_it_brings_the_window_back(told: list[str], window: MainWindow, controller: FakeController) -> None:
    window.hide()
    ring(controller)
    assert told
    window.notifying.icon.messageClicked.emit()
    assert window.isVisible()
    assert not window.notifying.icon.isVisible()
    window.hide()


def test_a_window_that_is_hidden_or_small_is_not_in_front(window: MainWindow) -> None:
    window.hide()
    assert not window.notifying.in_front()
