"""Tool servers as other apps write them, and their lines without what is secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.models.server_lines import hide_secrets, lines_of, masked, secrets_in, server_of, title_of
from engine.conversation.replying.tools.mcp_server import McpServer
from engine.errors import RequestError

NPX = {"command": "npx", "args": ["-y", "notes server"], "env": {"TOKEN": "a b", "DEPTH": 2, "FAST": True}}


@pytest.mark.parametrize(
    ("stored", "lines"),
    [
        ({"mcpServers": {"notes": NPX}}, ["TOKEN='a b' DEPTH=2 FAST=true npx -y 'notes server'"]),
        ({"servers": {"x": {"type": "stdio", "command": "/my apps/x"}}}, ["'/my apps/x'"]),
        ({"x": {"command": "x"}, "y": {"command": "y", "disabled": True}}, ["x"]),
        ({"command": "x"}, ["x"]),
        (
            {"mcpServers": {"x": {"url": "https://x.example/mcp", "headers": {"Authorization": "Bearer ${X}"}}}},
            ["https://x.example/mcp Authorization='Bearer ${X}'"],
        ),
        ({"mcpServers": {"x": {"serverUrl": "http://localhost:1/mcp"}}}, ["http://localhost:1/mcp"]),
    ],
)
def test_json_of_other_apps_becomes_lines(stored: dict[str, Any], lines: list[str]) -> None:
    assert lines_of(json.dumps(stored, indent=2)) == lines


def test_a_piece_of_json_without_the_outermost_braces_is_taken_too() -> None:
    assert lines_of('"notes": {"command": "npx"},') == ["npx"]
    assert lines_of('"/my apps/x" --flag') == ['"/my apps/x" --flag']


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({}, "There are no tool servers in this JSON"),
        ({"mcpServers": {}}, "There are no tool servers in this JSON"),
        ({"theme": "dark", "x": {"command": "x"}}, "There are no tool servers in this JSON"),
        ({"x": {"command": "x", "disabled": True}}, "are switched off"),
        ({"x": {"url": "https://x.example", "type": "sse"}}, "x is reached by SSE"),
        ({"x": {"command": "x", "cwd": "/"}}, "x asks for a folder of its own"),
        ({"x": {"command": "x", "env": {"KEY": "${input:key}"}}}, r"x asks for a value \(“\$\{input:…\}”\)"),
        ({"x": {"command": ["x"]}}, "The entry of x cannot be read"),
        ({"x": {"command": "x", "args": "y"}}, "The entry of x cannot be read"),
        ({"x": {"command": "x", "args": [None]}}, "The entry of x cannot be read"),
        ({"x": {"command": "x", "env": ["KEY"]}}, "The entry of x cannot be read"),
        ({"x": {"command": "x", "env": {"MY KEY": "y"}}}, "The entry of x cannot be read"),
        ({"x": {"command": "A=b"}}, "The entry of x cannot be read"),
        ({"x": {"url": "file:///x"}}, "The entry of x cannot be read"),
    ],
)
def test_what_cannot_be_taken_is_a_sentence(stored: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        lines_of(json.dumps(stored))


@pytest.mark.parametrize(
    ("line", "shown", "secrets"),
    [
        ("TOKEN='a b' npx x", "TOKEN=••• npx x", ["a b"]),
        ("npx x --api-key=abc --depth=2", "npx x --api-key=••• --depth=2", ["abc"]),
        ("npx x --token abc y", "npx x --token ••• y", ["abc"]),
        ("npx x --header 'Authorization: Bearer abc'", "npx x --header 'Authorization: •••'", ["Bearer abc"]),
        ("db postgresql://me:abc@host/d", "db postgresql://me:•••@host/d", ["abc"]),
        ("npx x ghp_0123456789", "npx x •••", ["ghp_0123456789"]),
        ("https://x.example/mcp?api_key=abc&page=2", "'https://x.example/mcp?api_key=•••&page=2'", ["abc"]),
        ("https://x.example/mcp X-Team=blue", "https://x.example/mcp X-Team=•••", ["blue"]),
    ],
)
def test_secrets_leave_a_line_and_come_back(line: str, shown: str, secrets: list[str]) -> None:
    hidden, kept = hide_secrets(line)
    assert masked(hidden) == shown
    assert list(kept.values()) == secrets
    assert secrets_in(hidden) == list(kept)
    whole, wanted = server_of(hidden, "x", kept.__getitem__), McpServer.of_line(line, "x")
    assert list(whole.arguments) == list(wanted.arguments)
    assert (whole.command, whole.environment, whole.address, whole.headers) == (
        (wanted.command, wanted.environment, wanted.address, wanted.headers)
    )  # fmt: skip
    assert hide_secrets(hidden) == (hidden, {})


@pytest.mark.parametrize(
    "line",
    ["npx x --read-only", "TOKEN=$TOKEN npx x", "https://x.example/mcp Authorization='Bearer ${X}'", "say 'open", ""],
)
def test_a_line_without_secrets_stays_as_it_is(line: str) -> None:
    assert hide_secrets(line) == (line, {})


@settings(max_examples=30)
@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), st.text(max_size=12), max_size=3))
def test_whatever_a_variable_holds_is_the_same_afterwards(given_values: dict[str, str]) -> None:
    values = {name: value.replace("\0", "") for name, value in given_values.items()}
    (line,) = lines_of(json.dumps({"x": {"command": "some", "args": ["-v"], "env": values}}))
    hidden, kept = hide_secrets(line)
    assert server_of(hidden, "x", kept.__getitem__) == McpServer("x", "some", ["-v"], values)


def test_a_server_is_named_by_its_program_or_host_until_it_runs() -> None:
    assert title_of("TOKEN=1 /opt/bin/notes --all") == "notes"
    assert title_of("https://tools.example/mcp") == "tools.example"
    assert title_of("say 'open") == "say 'open"
