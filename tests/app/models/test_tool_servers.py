"""Tool servers in the real window: real programs that speak MCP, added, asked about, broken, ended."""

from __future__ import annotations

import json
import shlex
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.keychain import Keychain
from app.models.server_secrets import ServerSecrets
from app.models.tool_servers import ToolServers
from app.settings import Settings
from app.shown.settings import Permission, ServerState
from app.widgets.settings.servers import ServerRow
from app.worker import Worker
from tests.app.conftest import Running
from tests.app.fakes import FakeKeychain
from tests.app.tool_calls import results, using
from tests.app.user import Sit, User, pick
from tests.engine.conversation.replying.tools.http_mcp_server import serving
from tests.engine.conversation.replying.tools.test_mcp_servers import PROGRAM, TELLS, is_running, stubborn, until

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
    user.sees(lambda: row.words == "It quit by itself.")
    assert not user.window.talk_bar.notice, "the settings tell it"
    page(user)
    user.press(named(row, "Start small again"))
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("/nowhere/at-all --flag", "There is no program called at-all: check the command."),
        ("false", "It quit before it named its tools: check the command."),
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


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("say 'this", "This is neither a command nor an address: write a command as you would in a terminal."),
        ('{"mcpServers": {', "This JSON is not complete: copy it from the first brace to the last."),
    ],
)
def test_what_is_no_server_stays_in_the_field_and_is_told(sit: Sit, text: str, sentence: str) -> None:
    user = sit()
    page(user)
    servers = user.settings.tools.servers
    servers.field.setText(text)
    user.press(servers.add_button)
    assert (servers.trouble.words.text(), servers.field.text()) == (sentence, text)
    assert not servers.trouble.allow.isVisible()
    assert user.app.settings.now.tool_servers == ()


def test_a_server_that_did_not_start_is_told_in_the_settings_not_where_one_talks(sit: Sit) -> None:
    user = sit(tool_servers=("/nowhere/at-all",))
    user.sees(lambda: any(server.problem for server in user.app.controller.tool_servers.listed), SLOW_MS)
    assert not user.window.talk_bar.notice
    page(user)
    (row,) = user.settings.tools.servers.rows
    assert row.words.startswith("There is no program called at-all")


def test_without_the_package_the_row_says_so(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    user = sit()
    row = add(user, SMALL)
    user.sees(lambda: "the Python package mcp, which is not installed" in row.words)


def test_a_program_that_never_answers_is_not_waited_for_for_good(qtbot: QtBot, tmp_path: Path) -> None:
    server, _process = stubborn(tmp_path)
    settings = Settings(tmp_path / "settings.json")
    keychain = Keychain(tmp_path / "secrets.json", lambda: False, FakeKeychain)
    servers = ToolServers(settings, ServerSecrets(settings, keychain, Worker("keychain", 60.0)), start_s=1.0)
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


@pytest.fixture
def tells(tmp_path: Path) -> str:
    """A server that starts at once and tells its token."""
    (tmp_path / "tells.py").write_text(TELLS.replace("dict(os.environ)", 'os.environ.get("SMALL_TOKEN")'))
    return shlex.join([sys.executable, str(tmp_path / "tells.py")])


def in_json(tells: str, address: str = "") -> str:
    """What other apps keep, over several lines."""
    command, *arguments = shlex.split(tells)
    program = {"command": command, "args": arguments, "env": {"SMALL_TOKEN": "s3cret one"}}
    place = {"type": "http", "url": address, "headers": {"Authorization": "Bearer s3cret-two"}}
    return json.dumps({"mcpServers": {"tells": program, **({"place": place} if address else {})}}, indent=2)


def paste(user: User, text: str) -> None:
    page(user)
    QApplication.clipboard().setText(text)
    servers = user.settings.tools.servers
    servers.field.setFocus()
    QTest.keyClick(servers.field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(servers.field, Qt.Key.Key_Return)


def choose(row: ServerRow, tool: str, permission: str) -> None:
    """Pick from the tool's menu."""
    if row.tools.isHidden():
        named(row, f"Permissions of {row.accessibleName()}").click()
    pick(row.tools.boxes[tool], permission)


def test_json_of_another_app_is_pasted_and_its_secrets_go_to_the_keychain(sit: Sit, tells: str) -> None:
    with serving("s3cret-two") as address:
        user = sit()
        paste(user, in_json(tells, address))
        servers, keychain = user.settings.tools.servers, user.app.keychain
        user.sees(lambda: servers.field.text() == "")
        first, second = servers.rows
        user.sees(lambda: first.words.startswith("1 tool") and second.words.startswith("2 tool"), SLOW_MS)
        assert [row.accessibleName() for row in servers.rows] == ["tells", "over HTTP"]
        assert keychain is not None
        assert sorted(keychain.kept.values()) == ["Bearer s3cret-two", "s3cret one"]
        shown = " ".join(label.text() for row in servers.rows for label in row.findChildren(QLabel))
        assert "s3cret" not in shown + user.app.paths.settings.read_text()
        user.settings.accept()
        asked_for(user, "whisper", text="TEA")
        user.sees(lambda: user.turn().cards and user.turn().cards[0].allow.isVisible())
        user.press(user.word("Allow"))
        user.sees(lambda: results(user), SLOW_MS)
        assert results(user)[0].endswith("tea")
        asked_for(user, "told")
        user.sees(lambda: user.turn(1).cards and user.turn(1).cards[0].allow.isVisible())
        user.press(user.word("Allow"))
        user.sees(lambda: len(results(user)) == 2, SLOW_MS)
        assert results(user)[1].endswith('"s3cret one"')


def test_without_a_keychain_a_secret_is_kept_in_a_file_only_if_the_user_agrees(sit: Sit, tells: str) -> None:
    user = sit(without_keychain=True)
    paste(user, in_json(tells))
    servers, file = user.settings.tools.servers, user.app.paths.secrets
    user.sees(lambda: servers.trouble.allow.isVisible())
    assert servers.trouble.words.text().startswith("This computer has no keychain.")
    assert "s3cret" in servers.field.text()
    user.press(servers.trouble.dismiss)
    assert not servers.trouble.isVisible()
    assert (servers.rows, file.exists(), user.app.settings.now.tool_servers) == ([], False, ())

    QTest.keyClick(servers.field, Qt.Key.Key_Return)
    user.sees(lambda: servers.trouble.allow.isVisible())
    user.press(servers.trouble.allow)
    user.sees(lambda: servers.rows and servers.rows[0].words.startswith("1 tool"), SLOW_MS)
    assert not servers.trouble.isVisible()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "s3cret one" in file.read_text()
    assert "s3cret" not in user.app.paths.settings.read_text()


def test_secrets_of_older_settings_are_moved_and_those_of_removed_servers_are_forgotten(
    start: Callable[..., Running], tells: str
) -> None:
    old = f"SMALL_TOKEN='s3cret one' {tells}"
    app = start(tool_servers=(old, tells), trusted_servers=(old,))
    assert app.keychain is not None
    app.wait(lambda: len(app.controller.tool_servers.tools) == 2, SLOW_MS)
    moved, other = app.settings.now.tool_servers
    assert other == tells
    assert app.settings.now.trusted_servers == (moved,)
    assert list(app.keychain.kept.values()) == ["s3cret one"]
    assert "s3cret" not in app.paths.settings.read_text()
    app.controller.remove_server(moved)
    app.controller.undo_history.undo()
    app.wait(lambda: len(app.controller.tool_servers.tools) == 2, SLOW_MS)
    assert list(app.keychain.kept.values()) == ["s3cret one"], "it can be brought back"
    app.controller.remove_server(moved)
    assert app.controller.shutdown()
    again = start(paths=app.paths, keychain=app.keychain)
    again.wait(lambda: not app.keychain.kept and again.settings.now.kept_secrets == ())


def test_a_server_that_is_added_again_gets_its_new_secret_and_keeps_its_permissions(
    start: Callable[..., Running], tells: str
) -> None:
    app = start()
    servers = app.controller.tool_servers
    servers.add(f"SMALL_TOKEN=old {tells}")
    app.wait(lambda: servers.tools, SLOW_MS)
    servers.set_permission(servers.listed[0].line, "told", Permission.ALWAYS)
    servers.add(f"SMALL_TOKEN=new {tells}")
    app.wait(lambda: [tool.call() for tool in servers.tools] == ['"new"'], SLOW_MS)
    assert len(servers.listed) == 1
    assert not servers.tools[0].confirm


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "The keychain did not answer in time."),
        (KeyError(), "Something went wrong; the log says more."),
    ],
)
def test_a_bug_is_logged_and_not_taken_for_a_slow_keychain(
    error: Exception, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    keychain = Keychain(tmp_path / "secrets.json", lambda: False, FakeKeychain)
    settings, worker = Settings(tmp_path / "settings.json"), Worker("keychain", 60.0)
    monkeypatch.setattr(worker, "run", lambda _task, done: done(None, error))
    servers = ToolServers(settings, ServerSecrets(settings, keychain, worker))
    servers.add("TOKEN=s3cret program")
    assert servers.trouble.words == words
    assert any(record.exc_info for record in caplog.records) == isinstance(error, KeyError)


def test_a_locked_keychain_is_told_and_changes_nothing(sit: Sit, tells: str) -> None:
    keychain = FakeKeychain()
    keychain.locked = True
    user = sit(keychain=keychain)
    paste(user, in_json(tells))
    servers = user.settings.tools.servers
    user.sees(lambda: servers.trouble.words.text() == "The keychain did not answer: unlock it and try again.")
    assert (servers.trouble.allow.isVisible(), servers.rows) == (False, [])
    keychain.locked = False
    QTest.keyClick(servers.field, Qt.Key.Key_Return)
    user.sees(lambda: servers.rows and servers.rows[0].words.startswith("1 tool"), SLOW_MS)
    keychain.kept.clear()
    user.press(named(servers.rows[0], "Remove tells"))
    user.app.controller.undo_history.undo()
    user.sees(lambda: servers.rows[0].words.startswith("One of its secrets is no longer in the keychain"), SLOW_MS)


def test_each_tool_asks_is_always_used_or_never(sit: Sit) -> None:
    user = sit(tool_servers=(SMALL,))
    page(user)
    (row,) = user.settings.tools.servers.rows
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)
    choose(row, "fail", "Never")
    user.settings.accept()
    asked_for(user, "shout", text="tea")
    user.sees(lambda: user.turn().cards and user.turn().cards[0].always.isVisible())
    assert "fail" not in user.app.engine.asked[-1].allow_tools
    user.press(user.word("Always Allow"))
    user.sees(lambda: results(user), SLOW_MS)
    asked_for(user, "shout", text="milk")
    user.sees(lambda: len(results(user)) == 2, SLOW_MS)
    assert results(user)[1].endswith("MILK")

    page(user)
    assert [box.currentText() for box in row.tools.boxes.values()] == ["Always", "Never", "Ask First"]
    choose(row, "shout", "Ask First")
    user.settings.accept()
    asked_for(user, "shout", text="honey")
    user.sees(lambda: user.turn(2).cards and user.turn(2).cards[0].allow.isVisible())
    user.press(user.word("Don't Allow"))
    user.sees(lambda: len(results(user)) == 3)
    page(user)
    named(row, "Ask before each use of small").click()
    assert [box.currentText() for box in row.tools.boxes.values()] == ["Always", "Never", "Always"]
    user.press(named(row, "Remove small"))
    assert user.app.settings.now.tool_permissions == ()
    user.app.controller.undo_history.undo()
    user.sees(lambda: row.words.startswith("3 tool"), SLOW_MS)
    assert [box.currentText() for box in row.tools.boxes.values()] == ["Always", "Never", "Always"]
