"""Tool servers in the real window: real programs that speak MCP, added, asked about, broken, ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.models.tool_servers import ToolServers
from app.settings import Settings
from app.shown import ServerState
from app.widgets.settings.servers import ServerRow
from tests.app.conftest import Running
from tests.app.test_window import Sit, results, using
from tests.app.user import User
from tests.engine.conversation.replying.tools.test_mcp_servers import PROGRAM, is_running, stubborn, until

pytestmark = pytest.mark.slow

SMALL = shlex.join([sys.executable, str(PROGRAM)])
SLOW_MS = 30_000  # a Python program with many packages starts, on a busy machine


def page(user: User) -> None:
    user.settings.open_page(user.settings.tools)


def add(user: User, command: str) -> ServerRow:
    page(user)
    servers = user.settings.tools.servers
    servers.field.setText(command)
    QTest.keyClick(servers.field, Qt.Key.Key_Return)
    assert user.settings.isVisible(), "Return adds the server, and does not leave the settings"
    assert servers.field.text() == ""
    return servers.rows[-1]


def named(row: ServerRow, name: str) -> QAbstractButton:
    (button,) = [each for each in row.findChildren(QAbstractButton) if each.accessibleName() == name]
    return button


def asked_for(user: User, tool: str, **arguments: str) -> None:
    using(tool, dict(arguments))(user)
    user.type("Do it.")


@pytest.mark.slow
def test_a_servers_tools_are_offered_asked_about_and_gone_with_it(sit: Sit) -> None:
    user = sit()
    row = add(user, SMALL)
    assert row.words == "Starting…"
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)
    assert row.accessibleName() == "small"
    assert "small may reach the network" in user.window.sidebar.status.text
    user.settings.accept()
    asked_for(user, "shout", text="tea")
    user.sees(lambda: user.turn().cards and user.turn().cards[0].allow.isVisible())
    assert user.turn().cards[0].words == "Earshot wants to use shout from small"
    assert results(user) == []
    user.press(user.word("Allow"))
    user.sees(lambda: results(user), SLOW_MS)
    assert results(user)[0].endswith("TEA")
    assert {"shout", "fail", "calculator"} <= set(user.app.engine.asked[-1].allow_tools)
    user.sees(lambda: user.app.controller.turns[0].answer == "Well.")

    page(user)
    named(row, "Ask before each use of small").click()
    user.settings.accept()
    asked_for(user, "shout", text="milk")
    user.sees(lambda: len(results(user)) == 2, SLOW_MS)
    assert results(user)[1].endswith("MILK")

    page(user)
    user.press(named(row, "Remove small"))
    assert user.settings.tools.servers.rows == []
    assert user.app.settings.now.trusted_servers == ()
    user.settings.accept()
    asked_for(user, "shout", text="honey")
    user.sees(lambda: len(results(user)) == 3)
    assert results(user)[2].startswith("There is no tool named shout")
    assert "shout" not in user.app.engine.asked[-1].allow_tools
    assert "nothing leaves this Mac" in user.window.sidebar.status.text


@pytest.mark.slow
def test_a_server_that_dies_is_said_and_started_again(sit: Sit) -> None:
    user = sit(tool_servers=(SMALL,), trusted_servers=(SMALL,))
    page(user)
    (row,) = user.settings.tools.servers.rows
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)
    user.settings.accept()
    asked_for(user, "leave")
    user.sees(lambda: results(user))
    user.sees(lambda: user.app.controller.turns[0].answer == "Well.")
    user.sees(lambda: row.words == "It ended by itself.")
    assert not user.window.talk_bar.notice, "the settings tell it"
    page(user)
    user.press(named(row, "Start small again"))
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("/nowhere/at-all --flag", "There is no program at-all that can be started: check the command."),
        ("false", "It ended before it said which tools it has: check the command."),
        ("say 'this", "This is neither a command nor an address: write a command as you would in a terminal."),
    ],
)
def test_a_server_that_does_not_start_says_why_and_nothing_else_suffers(
    sit: Sit,
    command: str,
    sentence: str,
) -> None:
    user = sit()
    row = add(user, command)
    user.sees(lambda: row.words == sentence, SLOW_MS)
    assert user.app.controller.model.leaves == ""
    user.settings.accept()
    asked_for(user, "calculator", expression="12*7")
    user.sees(lambda: results(user) == ["84"])


def test_a_server_that_did_not_start_is_told_in_the_settings_not_where_one_talks(sit: Sit) -> None:
    user = sit(tool_servers=("/nowhere/at-all",))
    user.sees(lambda: any(server.problem for server in user.app.controller.tool_servers.listed), SLOW_MS)
    assert not user.window.talk_bar.notice
    page(user)
    (row,) = user.settings.tools.servers.rows
    assert row.words.startswith("There is no program at-all")


def test_without_the_package_the_row_says_so(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    user = sit()
    row = add(user, SMALL)
    user.sees(lambda: "the Python package mcp, which is not installed" in row.words)


def test_a_program_that_never_answers_is_not_waited_for_for_good(qtbot: QtBot, tmp_path: Path) -> None:
    server, _process = stubborn(tmp_path)
    settings = Settings(tmp_path / "settings.json")
    servers = ToolServers(settings, start_s=1.0)
    servers.begin()
    servers.add(shlex.join([server.command, *server.arguments]))
    assert [view.state for view in servers.listed] == [ServerState.STARTING]
    qtbot.waitUntil(lambda: servers.listed[0].problem == "It did not answer within 1 seconds.", timeout=SLOW_MS)
    servers.close(0.1)


def test_whoever_quits_does_not_wait_for_servers_and_leaves_none_behind(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    server, process_of = stubborn(tmp_path)
    app = start(tool_servers=(shlex.join([server.command, *server.arguments]),))
    process = process_of()
    assert app.controller.shutdown()
    until(lambda: not is_running(process))
