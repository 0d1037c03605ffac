"""Where the system asks for reduced motion, nothing slides, turns or fades."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt, QVariantAnimation
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.shown.talk import State
from app.widgets.controls import theme
from app.widgets.main_window import MainWindow
from app.widgets.talk.talk_button import TalkLook
from tests.app.widgets.fake_controller import FakeController


class Hints:
    """The system's hints, with a preference about motion."""

    def __init__(self, preference: str) -> None:
        self._real = QGuiApplication.styleHints()
        self.accessibility = lambda: SimpleNamespace(motionPreference=lambda: SimpleNamespace(name=preference))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture(params=["ReducedMotion", "NoPreference"])
def still(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system asks for less motion."""
    hints = Hints(request.param)
    monkeypatch.setattr(theme.QGuiApplication, "styleHints", lambda: hints)
    return bool(request.param == "ReducedMotion")


def test_movements_take_no_time(still: bool) -> None:
    assert (theme.motion_ms() == 0, theme.motion_ms(theme.PANEL_MS) == 0) == (still, still)


def test_the_arc_stands_still(still: bool, window: MainWindow) -> None:
    arc = window.talk_bar.button.arc
    window.talk_bar.set_state(TalkLook.THINKING, "Thinking")
    assert arc.isVisible()
    assert arc.turns != still


def test_the_sidebar_is_there_at_once(still: bool, window: MainWindow, qtbot: QtBot) -> None:
    window.resize(760, 560)
    QApplication.processEvents()
    qtbot.mouseClick(window.header.sidebar_button, Qt.MouseButton.LeftButton)
    slide = window.sidebar_place._slide
    assert (slide.state() == QVariantAnimation.State.Stopped) == still


def test_what_is_being_said_moves_ten_times_a_second(
    still: bool, window: MainWindow, controller: FakeController
) -> None:
    controller.be(State.LISTENING)
    clock = window.talking._said_now._clock
    assert clock.isActive()
    assert (clock.interval() == 100) == still
