"""The toast: it goes by itself, is held by the pointer and the keyboard, and is read aloud."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QAccessible, QEnterEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.controls import toast as toasts
from app.widgets.controls.toast import Toast


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    shown = QWidget()
    qtbot.addWidget(shown)
    shown.resize(640, 400)
    shown.show()
    shown.activateWindow()
    return shown


@pytest.fixture
def toast(page: QWidget) -> Toast:
    return Toast(page)


def enter(toast: Toast) -> None:
    QApplication.sendEvent(toast, QEnterEvent(QPointF(9, 9), QPointF(9, 9), QPointF(9, 9)))


def leave(toast: Toast) -> None:
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))


def test_it_goes_after_ten_seconds(toast: Toast, qtbot: QtBot) -> None:
    toast.tell("Removed the turn")
    assert toast.words == "Removed the turn"
    assert toast._clock.interval() == 10_000
    toast._clock.setInterval(0)
    qtbot.waitUntil(lambda: toast.words == "")


def test_the_pointer_holds_it_and_what_was_left_of_its_time_goes_on_after_that(
    toast: Toast, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    toast.tell("Removed the turn")
    enter(toast)
    assert not toast._clock.isActive()
    leave(toast)
    assert toast._clock.isActive()
    assert 2_000 < toast._clock.interval() < 11_000, "not anew, give or take what a coarse clock does"
    monkeypatch.setattr(toasts, "_AFTER_HOVER_MS", 0)
    toast._clock.start(1)
    enter(toast)
    leave(toast)
    qtbot.waitUntil(lambda: toast.words == "")


def test_the_keyboard_holds_it(toast: Toast, page: QWidget, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toasts, "_AFTER_HOVER_MS", 0)
    page.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    toast.tell("Removed the turn")
    toast.undo_button.setFocus()
    qtbot.waitUntil(toast.undo_button.hasFocus)
    toast._clock.setInterval(0)
    qtbot.waitUntil(lambda: not toast._clock.isActive())
    assert toast.words == "Removed the turn"
    page.setFocus()
    qtbot.waitUntil(lambda: toast.words == "")


def test_a_newer_one_takes_its_place_for_its_own_ten_seconds(toast: Toast) -> None:
    toast.tell("Removed the turn")
    toast._clock.start(50)
    toast.tell("Removed “Mei”")
    assert toast.words == "Removed “Mei”"
    assert toast._clock.interval() == 10_000


def test_it_is_read_aloud_with_the_key_that_undoes(toast: Toast, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QAccessible, "isActive", staticmethod(lambda: True))
    monkeypatch.setattr(QAccessible, "updateAccessibility", staticmethod(lambda event: told.append(event.message())))
    toast.tell("Removed the turn")
    assert told == ["Removed the turn. Undo: Ctrl+Z"]


def test_a_long_sentence_stays_inside_the_page(toast: Toast, page: QWidget, qtbot: QtBot) -> None:
    toast.tell("Removed " + "a very long name " * 20)
    page.resize(639, 400)  # while it rises
    qtbot.waitUntil(lambda: page.rect().contains(toast.geometry()))
    assert toast.rect().contains(toast.undo_button.geometry())
    page.resize(400, 300)
    assert page.rect().contains(toast.geometry())
