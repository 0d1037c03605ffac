"""Tools of a real MCP server that runs as a program of its own."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.conversation.replying.tool_syntax import parse_call
from engine.conversation.replying.tools import Tool, ToolRegistry, mcp_server
from engine.conversation.replying.tools.mcp_server import McpServer
from engine.conversation.replying.tools.mcp_servers import McpAddressError, McpServers, renamed_apart
from engine.errors import RequestError
from engine.events import ToolCall, ToolResult
from tests.engine.conversation.replying.tools.http_mcp_server import serving

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("small_mcp_server.py")


@pytest.fixture
def servers() -> Iterator[McpServers]:
    running = McpServers()
    yield running
    running.close()


def small(trusted: bool = True) -> McpServer:
    return McpServer("small", sys.executable, [str(PROGRAM)], trusted=trusted)


def run(registry: ToolRegistry, name: str, **arguments: object) -> ToolResult:
    return registry.run(ToolCall("1", name, dict(arguments)), allowed=registry.names)


@pytest.mark.slow
def test_a_servers_tools_are_listed_called_and_fail_like_any_other(servers: McpServers) -> None:
    registry = ToolRegistry(servers.start(small()))
    assert registry.names == ("shout", "fail", "leave")
    assert '"Say something loudly."' in registry.schemas(["shout"])
    assert run(registry, "shout", text="tea", times=2).text.endswith("TEA TEA")
    failed = run(registry, "fail")
    assert failed.failed
    assert "Error executing tool fail" in failed.text
    assert run(registry, "shout", times=2).text == "The argument text is missing."
    left = run(registry, "leave")
    assert left.failed
    assert run(registry, "shout", text="tea").failed


@pytest.mark.slow
def test_a_server_that_is_not_trusted_asks_before_every_call(servers: McpServers) -> None:
    registry = ToolRegistry(servers.start(small(trusted=False)))
    assert run(registry, "shout", text="tea").text == "The user did not allow this call."


@pytest.mark.parametrize("command", ["/nowhere/at-all", "false"])
def test_a_server_that_does_not_start_is_a_sentence(servers: McpServers, command: str) -> None:
    with pytest.raises(RequestError, match="could not be started"):
        servers.start(McpServer("broken", command))
    assert servers.names == ()


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{process}/stat").exists() or " Z " not in Path(f"/proc/{process}/stat").read_text()


def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


IN_PAGES = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    page = ((asked.get("params") or {}).get("cursor"))
    names, following = {None: (["one"], "2"), "2": (["two"], "3"), "3": (["three"], None)}[page]
    answers = {
        "initialize": {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "pages", "version": "1"}},
        "tools/list": {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names],
                       **({"nextCursor": following} if following else {})},
    }
    if "id" in asked:
        known = asked["method"] in answers
        answer = {"result": answers[asked["method"]]} if known else {"error": {"code": -32601, "message": "unknown"}}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


@pytest.mark.slow
def test_tools_that_come_in_pages_are_all_offered(servers: McpServers, tmp_path: Path) -> None:
    (tmp_path / "pages.py").write_text(IN_PAGES)
    offered = servers.start(McpServer("pages", sys.executable, [str(tmp_path / "pages.py")]))
    assert [tool.name for tool in offered] == ["one", "two", "three"]


STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


def stubborn(folder: Path) -> tuple[McpServer, Callable[[], int]]:
    """A program that answers nothing and does not want to end; its process, once it runs."""
    (folder / "stubborn.py").write_text(STUBBORN)
    noted = folder / "process"

    def process() -> int:
        until(lambda: noted.exists() and noted.read_text())
        return int(noted.read_text())

    return McpServer("stubborn", sys.executable, [str(folder / "stubborn.py"), str(noted)]), process


def test_a_program_that_never_answers_is_given_up_and_killed_when_all_ends(tmp_path: Path) -> None:
    servers = McpServers(start_s=1.0)
    server, process_of = stubborn(tmp_path)
    with pytest.raises(RequestError, match="could not be started") as raised:
        servers.start(server)
    assert isinstance(raised.value.__cause__, TimeoutError)
    servers.close(0.1)
    process = process_of()
    until(lambda: not is_running(process))
    servers.close()


def test_a_server_that_is_still_starting_does_not_keep_the_end_waiting(tmp_path: Path) -> None:
    servers, raised = McpServers(), []
    server, process_of = stubborn(tmp_path)

    def start() -> None:
        try:
            servers.start(server)
        except RequestError as error:
            raised.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    process = process_of()
    servers.end_all()
    servers.close(0.2)
    until(lambda: not is_running(process))
    starting.join(60)
    assert raised


@pytest.mark.slow
def test_it_is_told_when_a_server_ends_by_itself_but_not_when_it_was_asked_to() -> None:
    told: list[str] = []
    servers = McpServers(told.append)
    registry = ToolRegistry(servers.start(small()))
    assert servers.title("small") == "small"
    servers.start(McpServer("other", sys.executable, [str(PROGRAM)]))
    servers.stop("other")
    assert run(registry, "leave").failed
    until(lambda: told)
    servers.close()
    assert told == ["small"]


TELLS = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    answers = {
        "initialize": {"protocolVersion": "2024-11-05", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "tells", "version": "1"}},
        "tools/list": {"tools": [{"name": "told", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": json.dumps(dict(os.environ))}]},
    }
    if "id" in asked:
        known = asked["method"] in answers
        answer = {"result": answers[asked["method"]]} if known else {"error": {"code": -32601, "message": "unknown"}}
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}), flush=True)
"""


@pytest.mark.slow
def test_a_server_is_told_little_of_the_environment_and_what_its_entry_names(
    servers: McpServers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tells.py").write_text(TELLS)
    secrets = {"GITHUB_TOKEN": "mine", "OPENAI_API_KEY": "mine", "AWS_SECRET_ACCESS_KEY": "mine", "PYTHONPATH": "/mine"}
    bundled = {
        "_PYI_ARCHIVE_FILE": "/Earshot.app/x", "_PYI_APPLICATION_HOME_DIR": "/Earshot.app", "_MEIPASS2": "/Earshot.app",
        "DYLD_LIBRARY_PATH": "/Earshot.app", "LD_LIBRARY_PATH_ORIG": "/usr/lib", "PYTHONHOME": sys.base_prefix,
    }  # fmt: skip
    for name, value in (secrets | bundled | {"LANG": "de_DE.UTF-8", "HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    named = "TOKEN=$GITHUB_TOKEN KEY='${OPENAI_API_KEY}' GONE=$NO_SUCH PRICE='5 $'"
    offered = servers.start(McpServer.of_line(f"{named} {sys.executable} {tmp_path}/tells.py", "tells"))
    answer = run(ToolRegistry([replace(offered[0], confirm=False)]), "told").text
    told = json.loads(answer[answer.index("{") :])
    entry = {name: told.pop(name) for name in ("TOKEN", "KEY", "GONE", "PRICE")}
    assert entry == {"TOKEN": "mine", "KEY": "mine", "GONE": "", "PRICE": "5 $"}
    assert told["HOME"] == str(tmp_path)
    assert told["LANG"] == "de_DE.UTF-8"
    assert told["PATH"].startswith(os.environ["PATH"])
    assert not set(told) & set(secrets | bundled)
    assert set(told) <= {*mcp_server.TOLD, "PATH", "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


@pytest.mark.parametrize(
    ("line", "command", "arguments", "environment"),
    [
        ("npx some-server '/my notes'", "npx", ["some-server", "/my notes"], {}),
        ("TOKEN='a b' DEPTH=2 serve X=1", "serve", ["X=1"], {"TOKEN": "a b", "DEPTH": "2"}),
    ],
)
def test_a_command_is_read_as_in_a_terminal(
    line: str, command: str, arguments: list[str], environment: dict[str, str]
) -> None:
    server = McpServer.of_line(line)
    assert (server.name, server.command, server.arguments) == (line, command, arguments)
    assert server.environment == environment
    assert not server.trusted


@pytest.mark.parametrize("line", ["", "  ", "'open", "TOKEN=1", "https://", "https://[", "https://host/mcp word"])
def test_what_is_neither_a_command_nor_an_address_is_a_sentence(line: str) -> None:
    with pytest.raises(RequestError, match="neither a command nor an address"):
        McpServer.of_line(line)


def test_an_address_is_read_with_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_TOKEN", "mine")
    server = McpServer.of_line(
        "https://tools.example/mcp Authorization='Bearer ${EXAMPLE_TOKEN}' X-Team=$EXAMPLE_TOKEN"
    )
    assert (server.command, server.address, server.title) == ("", "https://tools.example/mcp", "tools.example")
    assert server.told_headers() == {"Authorization": "Bearer mine", "X-Team": "mine"}


@pytest.mark.slow
def test_a_server_at_an_address_is_asked_and_its_end_is_told() -> None:
    told: list[str] = []
    servers = McpServers(told.append)
    with serving("x") as address:
        server = McpServer("here", address=address, headers={"Authorization": "Bearer x"}, trusted=True)
        registry = ToolRegistry(servers.start(server))
        assert servers.title("here") == "over HTTP"
        assert run(registry, "shout", text="tea").text.endswith("TEA")
    assert run(registry, "shout", text="tea").failed
    until(lambda: told)
    servers.close()
    assert told == ["here"]


@pytest.mark.slow
def test_a_server_that_refuses_is_told_apart_from_one_that_is_none(servers: McpServers) -> None:
    with serving("x") as address:
        with pytest.raises(McpAddressError, match="write what it asks for"):
            servers.start(McpServer("here", address=address, headers={"Authorization": "Bearer y"}))
        with pytest.raises(McpAddressError, match="did not answer as one"):
            servers.start(McpServer("there", address=address + "/nowhere", headers={"Authorization": "Bearer x"}))
    with pytest.raises(McpAddressError, match="did not answer as one"):
        servers.start(McpServer("gone", address=address))
    assert servers.names == ()


def test_a_servers_tools_take_no_other_tools_name() -> None:
    served = [Tool(name, "", {}, str) for name in ("calculator", "shout", "calculator")]
    names = [each.name for each in renamed_apart(served, ("calculator", "my_box_calculator"), "my box!")]
    assert names == ["my_box_calculator_2", "shout", "my_box_calculator_3"]


@pytest.mark.slow
def test_half_a_sign_in_a_call_does_not_end_the_server(servers: McpServers) -> None:
    registry = ToolRegistry(servers.start(small()))
    name, arguments = parse_call('function\nshout\n{"text": "tea \\ud83d"}')
    assert run(registry, name, **arguments).text.endswith("TEA ?")
    assert run(registry, "shout", text="milk").text.endswith("MILK")
