"""Tools of a real MCP server that runs as a program of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.conversation.tools import ToolRegistry
from engine.conversation.tools.mcp_servers import McpServer, McpServers
from engine.errors import RequestError
from engine.events import ToolCall, ToolResult

pytest.importorskip("mcp")
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
