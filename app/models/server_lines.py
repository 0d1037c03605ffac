"""How a tool server is written: as a line for the settings, and as the JSON that other apps have."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.translations import sentence
from engine.conversation.replying.tools.mcp_server import McpServer, names_variable
from engine.errors import RequestError

_MASK = "•••"
_HIDDEN = re.compile(r"keychain:([0-9a-f]{16})")
_SECRET = r"(?:key|token|secret|passw|pwd|auth|credential|cookie|signature)"
_NAMED_SECRET = re.compile(rf"-{{0,2}}[\w.-]*{_SECRET}[\w.-]*(?:=|:\s*)(?P<value>.+)", re.IGNORECASE | re.DOTALL)
_SECRET_FLAG = re.compile(rf"-{{1,2}}[\w-]*{_SECRET}[\w-]*", re.IGNORECASE)
_USER_AND_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:(?P<value>[^/@\s]+)@", re.IGNORECASE)
_IN_QUERY = re.compile(rf"[?&][^=&#]*{_SECRET}[^=&#]*=(?P<value>[^&#]+)", re.IGNORECASE)
_KNOWN = re.compile(r"(?P<value>(?:sk-|ghp_|github_pat_|glpat-|xox[a-z]-|hf_)[\w-]{8,})")
_PARTS = (_USER_AND_PASSWORD, _IN_QUERY, _KNOWN)
_ADDRESSES = ("url", "serverUrl", "httpUrl")
_OLD_KIND = "sse"


def lines_of(text: str) -> list[str]:
    """The servers in what a person typed or pasted: a line, or JSON as other apps keep it. Raises RequestError."""
    text = text.strip()
    stored = _json(text)
    if stored is not None:
        lines = [_line_of(name, entry) for name, entry in _entries(stored).items() if not entry.get("disabled")]
        if not lines:
            raise RequestError(sentence("All servers in this JSON are switched off (“disabled”)."))
        return lines
    try:
        McpServer.of_line(text)
    except RequestError:
        words = sentence("This is neither a command nor an address: write a command as you would in a terminal.")
        raise RequestError(words) from None
    return [text]


def hide_secrets(line: str) -> tuple[str, dict[str, str]]:
    """The line with names in place of its secrets, and these by their names.

    Secret is every value that the line gives to a variable or a header, and in arguments and addresses what is called
    or looks like a secret. What is taken from the environment stays.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        return line, {}
    server = McpServer.of_words(words, line)
    if server is None:
        return line, {}
    secrets: dict[str, str] = {}

    def hide(value: str) -> str:
        if not value or names_variable(value) or _HIDDEN.search(value):
            return value
        id = uuid.uuid4().hex[:16]
        secrets[id] = value
        return f"keychain:{id}"

    if server.address:
        hidden = [_hide_parts(words[0], hide), *(_hide_value(word, hide) for word in words[1:])]
    else:
        given = len(words) - len(server.arguments) - 1
        rest = _hide_arguments(words[given:], hide)
        hidden = [*(_hide_value(word, hide) for word in words[:given]), *rest]
    return (_joined(hidden), secrets) if secrets else (line, {})


def server_of(line: str, name: str, secret: Callable[[str], str]) -> McpServer:
    """The server of a line whose secrets are hidden; `secret` knows them. Raises RequestError, or what it raises."""
    server = McpServer.of_line(line, name)

    def whole(word: str) -> str:
        return _HIDDEN.sub(lambda match: secret(match[1]), word)

    return replace(
        server,
        arguments=[whole(word) for word in server.arguments],
        environment={key: whole(value) for key, value in server.environment.items()},
        address=whole(server.address),
        headers={key: whole(value) for key, value in server.headers.items()},
    )


def secrets_in(line: str) -> list[str]:
    """The names of the secrets that are hidden in a line."""
    return _HIDDEN.findall(line)


def masked(line: str) -> str:
    """The line as it may be shown."""
    return _HIDDEN.sub(_MASK, line)


def title_of(line: str) -> str:
    """The program's name or the host of an address, until the server says itself what it is called."""
    try:
        return McpServer.of_line(line).title
    except RequestError:
        return line


def _hide_value(word: str, hide: Callable[[str], str]) -> str:
    name, _, value = word.partition("=")
    return f"{name}={hide(value)}"


def _hide_arguments(words: Sequence[str], hide: Callable[[str], str]) -> Iterator[str]:
    follows_flag = False
    for word in words:
        if _HIDDEN.search(word):
            yield word
        elif follows_flag and not word.startswith("-"):
            yield hide(word)
        elif match := _NAMED_SECRET.fullmatch(word):
            yield word[: match.start("value")] + hide(match["value"])
        else:
            yield _hide_parts(word, hide)
        follows_flag = bool(_SECRET_FLAG.fullmatch(word))


def _hide_parts(word: str, hide: Callable[[str], str]) -> str:
    for pattern in _PARTS:
        word = pattern.sub(lambda match: match[0].replace(match["value"], hide(match["value"])), word)
    return word


def _joined(words: Sequence[str]) -> str:
    """A line of these words; what is assigned keeps its name outside of quotation marks."""
    return " ".join(
        f"{name}={shlex.quote(value)}" if equals and name.replace("-", "").isalnum() else shlex.quote(word)
        for word in words
        for name, equals, value in [word.partition("=")]
    )


def _json(text: str) -> dict[str, Any] | None:
    """What is stored in JSON, with or without the outermost braces; None for anything else."""
    for whole in (text, "{" + text.rstrip(",") + "}"):
        try:
            stored = json.loads(whole)
        except (ValueError, RecursionError):
            continue
        if isinstance(stored, dict):
            return stored
    if text.startswith("{"):
        raise RequestError(sentence("This JSON is not complete: copy it from the first brace to the last."))
    return None


def _entries(stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each server in it by its name, whichever app wrote it."""
    for key in ("mcpServers", "servers"):
        if isinstance(stored.get(key), dict):
            stored = stored[key]
            break
    if any(isinstance(stored.get(key), str) for key in ("command", *_ADDRESSES)):
        stored = {"": stored}
    entries = {name: entry for name, entry in stored.items() if isinstance(entry, dict)}
    if not entries or len(entries) < len(stored):
        raise RequestError(sentence("There are no tool servers in this JSON: other apps list them under “mcpServers”."))
    return entries


def _line_of(name: str, entry: Mapping[str, Any]) -> str:
    address = next((entry[key] for key in _ADDRESSES if entry.get(key)), "")
    name = name or str(address or entry.get("command"))
    if _OLD_KIND in (entry.get("type"), entry.get("transport")):
        raise _unusable(
            sentence(
                "{name} is reached by SSE, which Earshot does not speak: look for its address for streamable HTTP."
            ),
            name,
        )
    if entry.get("cwd"):
        raise _unusable(sentence("{name} asks for a folder of its own (“cwd”), which Earshot cannot give it."), name)
    if "${input:" in json.dumps(entry):
        raise _unusable(sentence("{name} asks for a value (“${{input:…}}”): write the value in its place."), name)
    given = entry.get("headers" if address else "env") or {}
    if not isinstance(given, dict):
        raise _unreadable(name)
    named = [f"{key}={_text(value, name)}" for key, value in given.items()]
    arguments = entry.get("args") or []
    if not isinstance(arguments, list):
        raise _unreadable(name)
    program = [_text(entry.get("command"), name), *(_text(each, name) for each in arguments)] if not address else []
    words = [_text(address, name), *named] if address else [*named, *program]
    return _checked(_joined(words), len(named), address, name)


def _checked(line: str, named: int, address: Any, name: str) -> str:
    """The line, if it is read as it was meant: names of variables and headers may be odd."""
    try:
        server = McpServer.of_line(line)
    except RequestError:
        raise _unreadable(name) from None
    if len(server.headers if address else server.environment) != named or bool(server.address) != bool(address):
        raise _unreadable(name)
    return line


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise _unreadable(name)
    return str(value)


def _unreadable(name: str) -> RequestError:
    return _unusable(sentence("The entry of {name} cannot be read."), name)


def _unusable(words: str, name: str) -> RequestError:
    return RequestError(words.format(name=name))
