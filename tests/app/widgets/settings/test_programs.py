from __future__ import annotations

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.shown.settings import ProgramsView, SettingsView
from app.widgets.controls.buttons import TextButton
from app.widgets.settings.programs import ProgramsPage

TOKEN = "earshot-0123456789abcdef"
ON = ProgramsView(True, "http://127.0.0.1:8765/v1", TOKEN, ("OpenAI/Python", "Diary/1.0"))


@pytest.fixture
def page(qtbot: QtBot) -> ProgramsPage:
    page = ProgramsPage(lambda name, value: changes.append((name, value)))
    changes.clear()
    qtbot.addWidget(page)
    return page


changes: list[tuple[str, object]] = []


def button(page: ProgramsPage, name: str) -> TextButton:
    (found,) = [each for each in page.findChildren(TextButton) if each.accessibleName() == name]
    return found


def test_the_switch_says_what_is_wanted_and_nothing_when_it_is_shown(page: ProgramsPage) -> None:
    page.show_settings(SettingsView(other_programs=True, programs=ON))
    assert changes == []
    page._on.click()
    assert changes == [("other_programs", False)]


def test_what_is_shown_and_what_goes_to_the_clipboard(page: ProgramsPage, qtbot: QtBot) -> None:
    page.show_settings(SettingsView(other_programs=True, programs=ON))
    address, token, clients, problem = page.words
    assert (address, clients, problem) == (ON.address, "OpenAI/Python, Diary/1.0", "")
    assert token == "earshot-0123…"  # the rest is nobody's who looks over a shoulder
    button(page, "Copy the token").click()
    assert QGuiApplication.clipboard().text() == TOKEN
    button(page, "Copy the address").click()
    assert QGuiApplication.clipboard().text() == ON.address
    with qtbot.waitSignal(page.token_renewed):
        button(page, "Renew the token").click()


def test_while_it_is_off_there_is_nothing_to_copy(page: ProgramsPage) -> None:
    page.show_settings(SettingsView(programs=ProgramsView(problem="Port 8765 cannot be used.")))
    assert page.words == ("–", "–", "–", "Port 8765 cannot be used.")
    assert not button(page, "Copy the token").isEnabled()
    page.show_settings(SettingsView(other_programs=True, programs=ProgramsView(True, "http://a", TOKEN)))
    assert page.words[2] == "Nobody"
