"""Who may connect: a token, this machine's names only, a limited number at a time, bounded bodies, no other origin."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from engine.serving.problems import ProblemError, error_value

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_CONNECTIONS = 100
MOST_BODY_BYTES = 1 << 30  # an hour of stereo sound at 48 kHz in 16 bits is 691 MB
_LONGEST_NAME = 40
_WS_REFUSED = 4000  # close code of a WebSocket: 4000 + the status that HTTP would have
_WS_TOKEN = "openai-insecure-api-key."  # browsers cannot send headers there: OpenAI's clients name it as a protocol


@dataclass(frozen=True)
class Patience:
    """Seconds that the server waits for a client: for more of a body, and until it takes more of an answer."""

    body_s: float = 30.0
    reader_s: float = 30.0


@dataclass
class Access:
    """`token` None lets everybody in who reaches the port. `hosts` are names besides addresses and localhost, such as
    the machine's own, by which a request may call the server.
    """

    token: str | None
    hosts: frozenset[str] = frozenset()
    patience: Patience = Patience()
    most_connections: int = MOST_CONNECTIONS
    most_body_bytes: int = MOST_BODY_BYTES
    clients: dict[int, str] = field(default_factory=dict)  # requests that are being answered, and who asked
    seen: dict[str, float] = field(default_factory=dict)  # when a client asked for something last

    def refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        """Status, sentence and code of why a connection is not let in; None when it is."""
        headers = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}
        if not self._known(headers.get(b"host", b"").decode("latin-1")):
            return 403, "This server is not known by that name.", "unknown_host"
        if b"origin" in headers and not self._same(headers):
            return 403, "Pages of other origins may not use this server.", "foreign_origin"
        if self.token is not None and not self._has_token(scope, headers):
            return 401, "The token is missing or wrong: send it as “Authorization: Bearer …”.", "invalid_api_key"
        if len(self.clients) >= self.most_connections:
            return 429, f"There are {self.most_connections} connections already: try again later.", "too_many_requests"
        if scope["type"] == "http" and _length(headers) > self.most_body_bytes:
            return 413, self.too_large, "request_too_large"
        return None

    def recent(self, seconds: float) -> tuple[str, ...]:
        """Who is being answered, or was in the last seconds."""
        since, busy = time.monotonic() - seconds, set(self.clients.values())
        return tuple(name for name, when in list(self.seen.items()) if when >= since or name in busy)

    def enter(self, scope: Scope) -> None:
        """Count a request whose answer begins."""
        name = _client_name(scope)
        self.clients[id(scope)] = name
        self.seen.pop(name, None)
        self.seen[name] = time.monotonic()
        while len(self.seen) > self.most_connections:
            del self.seen[next(iter(self.seen))]

    def leave(self, scope: Scope) -> None:
        """It is over."""
        if (name := self.clients.pop(id(scope), None)) is not None:
            self.seen[name] = time.monotonic()

    @property
    def too_large(self) -> str:
        """The sentence for a body that is."""
        return f"The request is larger than {self.most_body_bytes:,} bytes."

    def _known(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        name = name.strip("[]").lower()
        if name == "localhost" or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    @staticmethod
    def _same(headers: dict[bytes, bytes]) -> bool:
        origin, host = headers[b"origin"].decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
        return origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())

    def _has_token(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        said = headers.get(b"authorization", b"")
        given = [said[7:].strip()] if said[:7].lower() == b"bearer " else []
        if scope["type"] == "websocket":
            protocols = scope.get("subprotocols", ())
            given += [each.removeprefix(_WS_TOKEN).encode() for each in protocols if each.startswith(_WS_TOKEN)]
        return any(secrets.compare_digest(each, (self.token or "").encode()) for each in given)


class Doorkeeper:
    """ASGI middleware that asks `Access` first, and bounds bodies and waiting."""

    def __init__(self, app: App, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._access.refusal(scope)
        if refusal is not None:
            await _refuse(scope, receive, send, *refusal)
            return
        self._access.enter(scope)
        try:
            if scope["type"] == "http":
                receive = _bounded(receive, self._access)
            else:
                send = _refused_in_words(scope, send)
            await self._app(scope, receive, _in_time(send, self._access.patience.reader_s))
        except SlowClientError:
            return  # the server closes a connection whose answer is not whole
        except Exception:
            log.debug("a request ended", exc_info=True)  # it was told and logged where it was answered
        finally:
            self._access.leave(scope)


def _client_name(scope: Scope) -> str:
    """What a program calls itself, else where it is."""
    said = next((bytes(value) for name, value in scope["headers"] if bytes(name).lower() == b"user-agent"), b"")
    name = "".join(sign for sign in said.decode("latin-1").split(" ")[0] if sign.isalnum() or sign in "/.-_")
    return name[:_LONGEST_NAME] or str((scope.get("client") or ("",))[0])


def _length(headers: dict[bytes, bytes]) -> int:
    said = headers.get(b"content-length", b"0")
    return int(said) if said.isdigit() else 0


def _bounded(receive: Receive, access: Access) -> Receive:
    """What is received: ProblemError is raised for a body that is too large or does not go on."""
    received, whole = 0, False

    async def bounded() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), access.patience.body_s)
        except TimeoutError:
            raise ProblemError(408, "The rest of the request did not come.", headers={"connection": "close"}) from None
        received += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if received > access.most_body_bytes:
            raise ProblemError(413, access.too_large, code="request_too_large", headers={"connection": "close"})
        return message

    return bounded


class SlowClientError(OSError):
    """Who asked does not take the answer."""


def _in_time(send: Send, seconds: float) -> Send:
    async def in_time(message: Message) -> None:
        try:
            await asyncio.wait_for(send(message), seconds)
        except TimeoutError:
            raise SlowClientError("the answer is not read") from None

    return in_time


def _refused_in_words(scope: Scope, send: Send) -> Send:
    """A WebSocket that is closed before it was accepted, for nothing is at its address, is told so."""
    accepted = False

    async def in_words(message: Message) -> None:
        nonlocal accepted
        accepted = accepted or message["type"] == "websocket.accept"
        if message["type"] == "websocket.close" and not accepted:
            await _send_refusal(scope, send, 404, "There is no such route here.", "unknown_route")
        else:
            await send(message)

    return in_words


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str, code: str) -> None:
    if scope["type"] == "websocket":
        await receive()
    await _send_refusal(scope, send, status, sentence, code)


async def _send_refusal(scope: Scope, send: Send, status: int, sentence: str, code: str) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": _WS_REFUSED + status, "reason": sentence[:120]})
            return
    body = json.dumps({"error": error_value(status, sentence, code=code)}, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": f"{kind}.body", "body": body})
