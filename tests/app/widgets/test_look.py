"""Grounds have the colours of the design, in light and in dark, sharp at twice the size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.controls import theme
from app.widgets.frame.window import Window
from app.widgets.settings.dialog import SettingsDialog
from tests.app.widgets.scenes import SCENES
from tests.app.widgets.scenes.settings import SETTINGS

pytestmark = pytest.mark.slow

SCHEMES = {"light": (Qt.ColorScheme.Light, theme.LIGHT), "dark": (Qt.ColorScheme.Dark, theme.DARK)}


@pytest.fixture(params=SCHEMES.values(), ids=SCHEMES.keys())
def values(request: pytest.FixtureRequest, look: theme.Theme) -> Iterator[theme.Colours]:
    """Light colours, then dark ones."""
    scheme, colours = request.param
    look.force(scheme)
    yield colours
    look.force(Qt.ColorScheme.Light)


def ground(widget: QWidget, at: QPoint) -> QColor:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    return QColor(image.pixel(at))


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())
def test_page_and_sidebar_have_their_ground(
    values: theme.Colours, scene: Callable[[Window], None], qtbot: QtBot
) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.menuBar().hide()
    window.show()
    scene(window)
    qtbot.wait(20)
    middle_of_page = QPoint(theme.SIDEBAR_WIDTH + 12, window.height() // 2)
    assert ground(window, middle_of_page) == values.window
    left = values.sidebar if window.sidebar_place.beside_page else values.window
    assert ground(window, QPoint(4, window.height() // 2)) == left
    assert ground(window, QPoint(window.width() - 6, window.height() - 6)) in (values.window,)


def test_pages_of_the_settings_have_the_window_s_ground(values: theme.Colours, qtbot: QtBot) -> None:
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    dialog.show_settings(SETTINGS)
    dialog.show()
    for page in dialog.all_pages:
        dialog.open_page(page)
        qtbot.wait(5)
        assert ground(dialog, QPoint(dialog.width() - 8, dialog.height() // 2)) == values.window


def test_an_open_window_turns_dark_with_the_system(look: theme.Theme, qtbot: QtBot) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.show()
    SCENES["speaking"](window)
    place = QPoint(theme.SIDEBAR_WIDTH + 12, window.height() // 2)
    look.force(Qt.ColorScheme.Dark)
    qtbot.waitUntil(lambda: ground(window, place) == theme.DARK.window)
    look.force(Qt.ColorScheme.Light)
    qtbot.waitUntil(lambda: ground(window, place) == theme.LIGHT.window)


def test_the_name_of_a_recording_stays_in_sight_in_the_smallest_window(look: theme.Theme, qtbot: QtBot) -> None:
    window = Window()
    qtbot.addWidget(window)
    window.resize(*theme.MINIMUM_WINDOW_SIZE)
    window.show()
    SCENES["transcript"](window)
    QApplication.processEvents()
    assert window.header._title.width() >= 80


def test_no_page_of_the_settings_is_cut_in_the_smallest_window(look: theme.Theme, qtbot: QtBot) -> None:
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    dialog.resize(dialog.minimumSize())
    dialog.show_settings(SETTINGS)
    dialog.show()
    for page in dialog.all_pages:
        dialog.open_page(page)
        QApplication.processEvents()
        assert page.widget().minimumSizeHint().width() <= page.viewport().width(), page.accessibleName()
