"""One look and one language for every widget test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import translations
from app.widgets.controls import theme
from app.widgets.frame.sidebar import Sidebar
from app.widgets.main_window import MainWindow
from app.widgets.transcribe.page import TranscribePage
from tests.app.widgets.fake_controller import FakeController, FakeSettings


@pytest.fixture(scope="session", autouse=True)
def look(qapp: QApplication) -> theme.Theme:
    """The application's fonts and light colours, in English."""
    translations.install(qapp, "en")
    return theme.Theme(qapp, Qt.ColorScheme.Light)


@pytest.fixture
def dark(look: theme.Theme) -> Iterator[theme.Theme]:
    """Dark colours during one test."""
    look.force(Qt.ColorScheme.Dark)
    yield look
    look.force(Qt.ColorScheme.Light)


@pytest.fixture
def controller() -> FakeController:
    return FakeController()


@pytest.fixture
def settings() -> FakeSettings:
    return FakeSettings()


@pytest.fixture
def window(controller: FakeController, settings: FakeSettings, qtbot: QtBot) -> MainWindow:
    """The whole window, on a controller that does nothing."""
    main = MainWindow(controller, settings)
    qtbot.addWidget(main)
    main.show()
    return main


@pytest.fixture
def sidebar(qtbot: QtBot) -> Sidebar:
    side = Sidebar()
    qtbot.addWidget(side)
    side.resize(248, 700)
    side.show()
    return side


@pytest.fixture
def page(qtbot: QtBot) -> TranscribePage:
    shown = TranscribePage()
    qtbot.addWidget(shown)
    shown.resize(872, 700)
    shown.show()
    return shown
