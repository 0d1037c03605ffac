from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.serving import Access, Server, connections
from engine.serving.access import Patience
from engine.serving.problems import UNEXPECTED
from engine.serving.streams import Stream
from engine.serving.threads import unless_gone
from tests.fuzzing.sending import all_gone

TOKEN = "earshot-a-token-of-the-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Routes:
    """Routes that show what a server does around them."""

    def __init__(self) -> None:
        self.entered, self.left = threading.Semaphore(0), threading.Event()
        self.release = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def echo(self, request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def bug(self, request: Request) -> Response:
        raise KeyError("the secret of the house")

    async def hold(self, request: Request) -> Response:
        await request.body()
        return PlainTextResponse(str(await unless_gone(request, self._held())))

    async def _held(self) -> str:
        self.loop = asyncio.get_running_loop()
        self.entered.release()
        try:
            await self.release.wait()
        finally:
            self.left.set()
        return "done"

    async def flood(self, request: Request) -> Response:
        return Stream(self._endless(), "application/octet-stream")

    async def _endless(self) -> AsyncGenerator[bytes]:
        self.entered.release()
        try:
            while True:
                yield b"x" * 65_536
        finally:
            self.left.set()

    def let_go(self) -> None:
        """Let those who hold answer."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.release.set)


@pytest.fixture
def routes() -> Routes:
    return Routes()


@pytest.fixture
def server(routes: Routes) -> Iterator[Server]:
    access = Access(
        TOKEN,
        frozenset({"studio.local"}),
        Patience(body_s=0.3, reader_s=0.5),
        most_connections=2,
        most_body_bytes=100_000,
    )
    named = {"/echo": routes.echo, "/bug": routes.bug, "/hold": routes.hold, "/flood": routes.flood}
    made = Server([Route(path, function, methods=["GET", "POST"]) for path, function in named.items()], access)
    made.start()
    yield made
    made.stop()


def get(server: Server, path: str = "/echo", **headers: str) -> httpx.Response:
    return httpx.get(server.address + path, headers={**HEADERS, **headers}, trust_env=False, timeout=30)


def error(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    value = answer.json()["error"]
    assert set(value) == {"message", "type", "param", "code"}
    return value


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer nobody", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é".encode()]
)
def test_a_wrong_token_stays_outside(server: Server, said: Any) -> None:
    answer = get(server, Authorization=said)
    assert answer.status_code == 401
    assert error(answer)["code"] == "invalid_api_key"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "[::1]:8765", "Studio.local", "192.168.1.7:80"])
def test_the_machine_may_be_called_by_its_addresses_and_names(server: Server, host: str) -> None:
    assert get(server, Host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "[evil]"])
def test_another_name_is_refused_as_a_page_would_use_it(server: Server, host: str) -> None:
    answer = get(server, Host=host)
    assert answer.status_code == 403
    assert error(answer)["code"] == "unknown_host"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_origins_are_refused(server: Server, origin: str) -> None:
    answer = get(server, Origin=origin)
    assert answer.status_code == 403
    assert error(answer)["code"] == "foreign_origin"
    assert "access-control-allow-origin" not in answer.headers
    assert get(server, Origin=server.address).status_code == 200


def test_a_bug_is_told_without_a_word_of_what_it_was(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    answer = get(server, "/bug")
    assert answer.status_code == 500
    assert error(answer)["message"] == UNEXPECTED
    assert "secret" not in answer.text
    assert caplog.text.count("Traceback") == 1


def test_a_route_or_method_that_there_is_not_is_told_in_the_same_form(server: Server) -> None:
    assert error(get(server, "/v2"))["type"] == "not_found_error"
    answer = httpx.request("DELETE", server.address + "/echo", headers=HEADERS, trust_env=False)
    assert answer.status_code == 405
    error(answer)


def test_a_body_is_bounded_whatever_it_says_of_its_length(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    for body in (b"x" * 100_001, chunks()):
        answer = httpx.post(server.address + "/echo", content=body, headers=HEADERS, trust_env=False)
        assert answer.status_code == 413
        error(answer)
    assert httpx.post(server.address + "/echo", content=b"x" * 100_000, headers=HEADERS, trust_env=False).is_success


def opened(server: Server) -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(path: str, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", *more, "", ""]
    return "\r\n".join(lines).encode()


def all_of(line: socket.socket) -> bytes:
    pieces = []
    while piece := line.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_body_that_does_not_go_on_is_given_up(server: Server) -> None:
    with closing(opened(server)) as line:
        line.sendall(head("/echo", "Content-Length: 50") + b"half")
        answer = all_of(line)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not come" in answer


def test_who_does_not_read_loses_the_connection(server: Server, routes: Routes) -> None:
    with closing(opened(server)) as line:
        line.sendall(head("/flood"))
        assert routes.left.wait(30)
    assert get(server).status_code == 200


def test_work_ends_when_the_client_goes(server: Server, routes: Routes) -> None:
    with closing(opened(server)) as line:
        line.sendall(head("/hold", "Content-Length: 0"))
        assert routes.entered.acquire(timeout=30)
        assert not routes.left.is_set()
    assert routes.left.wait(30)


def test_more_connections_than_there_may_be_are_told_to_come_later(server: Server, routes: Routes) -> None:
    answers: list[httpx.Response] = []
    holding = [threading.Thread(target=lambda: answers.append(get(server, "/hold"))) for _ in range(2)]
    for thread in holding:
        thread.start()
    for _ in holding:
        assert routes.entered.acquire(timeout=30)
    refused = get(server)
    assert refused.status_code == 429
    error(refused)
    assert [name.split("/")[0] for name in server.access.clients.values()] == ["python-httpx"] * 2
    routes.let_go()
    for thread in holding:
        thread.join(30)
    assert [answer.text for answer in answers] == ["done"] * 2
    assert all_gone(server)  # a moment after the answer
    assert [name.split("/")[0] for name in server.access.recent(60)] == ["python-httpx"]
    assert server.access.recent(-1) == ()
    assert get(server).status_code == 200


@pytest.mark.parametrize("said", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /\r\nno header\r\n\r\n"])
def test_what_is_no_http_is_answered_in_json(server: Server, said: bytes) -> None:
    with closing(opened(server)) as line:
        line.sendall(said)
        answer = all_of(line)
    start, body = answer.split(b"\r\n\r\n", 1)
    assert start.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_a_silent_connection_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SILENT_S", 0.1)
    with closing(opened(server)) as line:
        assert line.recv(1) == b""
    with closing(opened(server)) as line:
        line.sendall(head("/echo")[:20])  # nor is a request that never becomes one waited for
        assert all_of(line) == b""
