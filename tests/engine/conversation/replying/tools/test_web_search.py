"""Web search against a local server that answers like the service."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.conversation.replying.tools import ToolError
from engine.conversation.replying.tools.web_search import Found, WebSearchSettings, as_text, search

DUCKDUCKGO = """<html><body><div class="result"><h2 class="result__title">
<a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.org%2Fwall&amp;rut=1">The
<b>Great</b> Wall</a></h2><a class="result__snippet" href="#">It is <b>21,196</b> km &amp; old.</a></div>
<div class="result"><a class="result__a" href="https://example.com/">Second</a>
<div class="result__snippet">Another one.</div></div></body></html>"""


class _Service(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, dict[str, str]]] = []  # noqa: RUF012  (the handler class is made anew for each test)
    status = 200
    body = b""
    kind = "text/html; charset=utf-8"

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.seen.append((self.path, data, dict(self.headers)))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        try:
            self.wfile.write(self.body)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = _answer  # noqa: N815  (names given by http.server)

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def service() -> Iterator[tuple[type[_Service], str]]:
    handler = type("Handler", (_Service,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_duckduckgo_results_are_read_from_its_page(service: tuple[type[_Service], str]) -> None:
    handler, address = service
    handler.body = DUCKDUCKGO.encode()
    found = search("great  wall", WebSearchSettings(endpoint=address + "/html/"))
    assert found == [
        Found("The Great Wall", "https://example.org/wall", "It is 21,196 km & old."),
        Found("Second", "https://example.com/", "Another one."),
    ]
    assert urllib.parse.parse_qs(handler.seen[0][1]) == {"q": ["great wall"]}


def test_there_are_no_more_and_no_longer_results_than_wanted(service: tuple[type[_Service], str]) -> None:
    handler, address = service
    result = f'<a class="result__a" href="https://a.example">A</a><p class="result__snippet">{"x " * 400}</p>'
    handler.body = (result * 9).encode()
    found = search("a & b", WebSearchSettings(address, results=3))
    assert len(found) == 3
    assert len(found[0].snippet) <= 302
    assert urllib.parse.parse_qs(handler.seen[0][1]) == {"q": ["a & b"]}


def test_one_bad_address_does_not_cost_the_other_results() -> None:
    found = [Found("A", "http://[a", "one"), Found("B", "https://b.example/x", "two")]
    assert as_text(found) == "1. A (unknown site)\none\n2. B (b.example)\ntwo"


@pytest.mark.parametrize("body", [b"", b"[]", b"{broken", b"\xff\xfe\x00"])
def test_nonsense_is_nothing_found(service: tuple[type[_Service], str], body: bytes) -> None:
    handler, address = service
    handler.body = body
    assert search("a", WebSearchSettings(address)) == []


def test_a_page_that_cannot_be_read_is_a_sentence(service: tuple[type[_Service], str]) -> None:
    handler, address = service
    handler.body = b'<a class="result__a" href="http://[">'
    with pytest.raises(ToolError, match="cannot be read"):
        search("a", WebSearchSettings(address))


def test_an_error_of_the_service_is_a_sentence(service: tuple[type[_Service], str]) -> None:
    handler, address = service
    handler.status = 503
    with pytest.raises(ToolError, match="error 503"):
        search("a", WebSearchSettings(endpoint=address))


def test_an_endless_answer_is_cut_off(service: tuple[type[_Service], str]) -> None:
    handler, address = service
    handler.body = b"x" * 3_000_000
    with pytest.raises(ToolError, match="too much"):
        search("a", WebSearchSettings(endpoint=address))


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "not a url", "http://"])
def test_a_service_that_cannot_be_reached_is_a_sentence(endpoint: str) -> None:
    with pytest.raises(ToolError, match="cannot be reached"):
        search("a", WebSearchSettings(endpoint=endpoint))


def test_an_empty_search_is_a_sentence() -> None:
    with pytest.raises(ToolError, match="nothing to search"):
        search("  ", WebSearchSettings())
