"""The lights over the sidebar, on a Mac alone; the header moves the window as a title bar does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QWindow
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.widgets.frame import window as frame
from app.widgets.frame.window import Window

HINTS = Qt.WindowType.ExpandedClientAreaHint | Qt.WindowType.NoTitleBarBackgroundHint


@pytest.fixture
def on_mac(monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Window:
    monkeypatch.setattr(frame, "ON_MAC", True)
    window = Window()
    qtbot.addWidget(window)
    window.show()
    return window


def test_the_window_reaches_up_under_its_lights_on_a_mac(on_mac: Window) -> None:
    assert on_mac.windowFlags() & HINTS == HINTS
    respects = Qt.WidgetAttribute.WA_ContentsMarginsRespectsSafeArea
    assert not any(each.testAttribute(respects) for each in (on_mac, on_mac.sidebar, on_mac.header))


def test_elsewhere_the_window_keeps_its_title_bar(qtbot: QtBot) -> None:
    window = Window()
    qtbot.addWidget(window)
    assert not window.windowFlags() & HINTS


def test_the_header_moves_the_window_and_its_buttons_do_not(on_mac: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[bool] = []
    monkeypatch.setattr(QWindow, "startSystemMove", lambda _window: moved.append(True))
    QTest.mousePress(on_mac.header, Qt.MouseButton.LeftButton, pos=QPoint(300, 10))
    QTest.mousePress(on_mac.sidebar, Qt.MouseButton.LeftButton, pos=QPoint(100, 10))
    assert len(moved) == 2
    QTest.mousePress(on_mac.sidebar, Qt.MouseButton.LeftButton, pos=QPoint(100, 400))
    QTest.mouseClick(on_mac.sidebar.hide_button, Qt.MouseButton.LeftButton)
    assert len(moved) == 2
    QTest.mouseDClick(on_mac.header, Qt.MouseButton.LeftButton, pos=QPoint(300, 10))
    assert on_mac.isMaximized()
