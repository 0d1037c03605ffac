"""In a narrow window everything has a way back to it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.widgets.controls import theme
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.main_window import MainWindow


@pytest.mark.parametrize("width", [theme.NARROW_PX - 1, 760, theme.MINIMUM_WINDOW_SIZE[0]])
@pytest.mark.parametrize("page", [TALK, TRANSCRIBE])
def test_a_button_that_is_always_there_brings_the_sidebar_over_the_page(
    window: MainWindow, qtbot: QtBot, width: int, page: int
) -> None:
    window.show_page(page)
    window.resize(width, 560)
    QApplication.processEvents()
    assert not window.sidebar.isVisible()
    assert window.foot.isVisible(), "the line that tells the truth stands under the page"
    place = window._pages.geometry()
    qtbot.mouseClick(window.header.sidebar_button, Qt.MouseButton.LeftButton)
    assert window.sidebar_place.panel_open
    assert window.sidebar.pages.isVisible()
    assert window.sidebar.search.isVisible()
    assert window.sidebar.conversations.isVisible()
    assert window._pages.geometry() == place, "it opens over the page"
    QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Escape)
    assert not window.sidebar_place.panel_open


def test_a_wide_window_has_it_beside_the_page_again(window: MainWindow) -> None:
    window.resize(760, 560)
    window.resize(*theme.WINDOW_SIZE)
    QApplication.processEvents()
    assert window.sidebar_place.beside_page
    assert window.sidebar.isVisible()
    assert not window.foot.isVisible()
