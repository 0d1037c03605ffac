"""A hub on this machine: lists and serves the files of its revisions, and has bad days as told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

NAME = "Step-Audio-2-mini"
WEIGHTS = bytes(range(256)) * 20_000  # 5 MB: several blocks
SHARD = "model-00001-of-00001.safetensors"
FILES = {"config.json": b"{}", SHARD: WEIGHTS, "token2wav/flow.yaml": b"flow: 1"}

Fault = Callable[["Handler", bytes, int], None]  # what happens in place of an answer; content, and first byte asked for


def commit_of(number: int) -> str:
    """The name of the revision of this number."""
    return f"{number:040x}"


def listed(path: str, content: bytes) -> dict[str, object]:
    """A file as the hub lists it: the weights by SHA-256, small files by git's hash."""
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
    if path.endswith(".safetensors"):
        return entry | {"oid": "0" * 40, "lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    return entry | {"oid": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}


@dataclass
class Asked:
    """A request that came in."""

    path: str
    range: str
    token: str


@dataclass
class LocalHub:
    """What a hub holds and how it behaves. Each of `faults` (files) and `list_faults` is met once, in order.

    `always` and `always_listing` are met by whatever comes after them. `served` counts the bytes of files sent.
    """

    revisions: list[dict[str, bytes]] = field(default_factory=lambda: [dict(FILES)])
    faults: deque[Fault] = field(default_factory=deque)
    list_faults: deque[Fault] = field(default_factory=deque)
    always: Fault | None = None
    always_listing: Fault | None = None
    sent: Callable[[int], None] = lambda _served: None
    asked: list[Asked] = field(default_factory=list)
    served: int = 0
    address: str = ""
    closing: threading.Event = field(default_factory=threading.Event)

    def count(self, sent: int) -> None:
        """Note that so many bytes of files were sent."""
        self.served += sent
        self.sent(self.served)

    def ranges(self) -> list[str]:
        """The ranges that were asked for."""
        return [each.range for each in self.asked if each.range]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    hub: LocalHub

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        span = self.headers.get("Range", "")
        hub.asked.append(Asked(path, span, self.headers.get("Authorization", "")))
        listing = path.startswith("/api/models/")
        content = self._list(path) if listing else self._file(path)
        if content is None:
            self.answer(404, b"")
            return
        start = int(re.findall(r"\d+", span)[0]) if span else 0
        waiting, always = (hub.list_faults, hub.always_listing) if listing else (hub.faults, hub.always)
        fault = waiting.popleft() if waiting else always
        with contextlib.suppress(ConnectionError):
            if fault is not None:
                fault(self, content, start)
            elif listing:
                self.answer(200, content)
            else:
                self.serve(content, start)

    def _list(self, path: str) -> bytes | None:
        last = path.rsplit("/", 1)[1]
        if last == "main":
            return json.dumps({"sha": commit_of(len(self.hub.revisions) - 1)}).encode()
        files = self._revision(last)
        if files is None:
            return None
        entries = [listed(*each) for each in files.items()]
        return json.dumps([*entries, {"type": "directory", "path": "token2wav"}]).encode()

    def _file(self, path: str) -> bytes | None:
        commit, file = path.split("/resolve/")[1].split("/", 1)
        return (self._revision(commit) or {}).get(file)

    def _revision(self, commit: str) -> dict[str, bytes] | None:
        number = int(commit, 16)
        return self.hub.revisions[number] if number < len(self.hub.revisions) else None

    def serve(self, content: bytes, start: int) -> None:
        """Answer as the hub does: the file, or the rest of it."""
        headers = {}
        if self.headers.get("Range"):
            if start >= len(content):
                self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.answer(206 if headers else 200, content[start:], headers)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        """Send an answer; `length` is what it says of its length, -1 to say nothing."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length != -1:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.send(body)

    def send(self, body: bytes) -> None:
        """Send more of an answer's body."""
        for place in range(0, len(body), 1 << 16):
            self.wfile.write(body[place : place + (1 << 16)])
            self.hub.count(min(1 << 16, len(body) - place))

    def reset(self) -> None:
        """End the connection as a broken line does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that go away are what is tested."""


@contextlib.contextmanager
def running_hub(hub: LocalHub | None = None, host: str = "127.0.0.1") -> Iterator[LocalHub]:
    """A hub that answers for the time of the block."""
    hub = hub or LocalHub()
    server = _Server((host, 0), type("HandlerOfThisHub", (Handler,), {"hub": hub}))
    hub.address = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
