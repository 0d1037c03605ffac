"""Downloading: resumed, checked, whole or not at all. A real HTTP server on this machine plays the hub."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.checkpoints.download import downloading
from engine.errors import CheckpointError, StorageError
from tests.permissions import unprivileged

NAME = "Step-Audio-2-mini"
WEIGHTS = bytes(range(256)) * 20_000  # 5 MB: several blocks
FILES = {"config.json": b"{}", "model-00001-of-00001.safetensors": WEIGHTS, "token2wav/flow.yaml": b"flow: 1"}


class Hub(BaseHTTPRequestHandler):
    """Lists FILES and serves them with ranges; `corrupt`, `cut_after` and `tells_length` make it misbehave.

    Where `compresses`, it may do so to whoever takes that; ranges are then those of what is sent.
    """

    corrupt = False
    cut_after: int | None = None
    tells_length = True
    compresses = False
    requested_ranges: tuple[str, ...] = ()

    def do_GET(self) -> None:
        if "/api/models/" in self.path:
            self._send(json.dumps([*map(listed, FILES), {"type": "directory", "path": "token2wav"}]).encode())
            return
        content = FILES[self.path.split("/resolve/main/")[1]]
        compressed = self.compresses and "gzip" in self.headers.get("Accept-Encoding", "")
        content = gzip.compress(content, 0) if compressed else content
        span = self.headers.get("Range", "")
        type(self).requested_ranges += (span,) if span else ()
        start = int(re.findall(r"\d+", span)[0]) if span else 0
        body = content[start:]
        if self.corrupt and len(content) > 1000:
            body = body[:-1] + b"?"
        self._send(body, 206 if span else 200, compressed)

    def _send(self, body: bytes, status: int = 200, compressed: bool = False) -> None:
        self.send_response(status)
        if compressed:
            self.send_header("Content-Encoding", "gzip")
        if self.tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.cut_after] if self.cut_after and len(body) > self.cut_after else body)

    def log_message(self, *_: object) -> None:
        pass


def listed(path: str) -> dict[str, object]:
    content = FILES[path]
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
    if path.endswith(".safetensors"):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return entry


@pytest.fixture
def hub() -> Iterator[tuple[str, type[Hub]]]:
    handler = type("FreshHub", (Hub,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_ends_with_every_file_in_place(tmp_path: Path, hub: tuple[str, type[Hub]]) -> None:
    progress = list(downloading(NAME, tmp_path, hub=hub[0]))
    assert {str(p.relative_to(tmp_path / NAME)): p.read_bytes() for p in (tmp_path / NAME).rglob("*.*")} == FILES
    assert progress[-1].done == progress[-1].total == sum(map(len, FILES.values()))
    assert not (tmp_path / f"{NAME}.partial").exists()


@pytest.mark.parametrize("tells_length", [True, False])
def test_a_broken_connection_is_a_sentence_and_the_next_try_goes_on_from_there(
    tmp_path: Path, hub: tuple[str, type[Hub]], tells_length: bool
) -> None:
    hub[1].cut_after, hub[1].tells_length = 3_000_000, tells_length
    with pytest.raises(CheckpointError, match="goes on where it stopped"):
        list(downloading(NAME, tmp_path, hub=hub[0]))
    assert not (tmp_path / NAME).exists()
    hub[1].cut_after = None
    list(downloading(NAME, tmp_path, hub=hub[0]))
    assert (tmp_path / NAME / "model-00001-of-00001.safetensors").read_bytes() == WEIGHTS
    assert hub[1].requested_ranges, "the second try must not begin at zero"


def test_closing_a_download_keeps_what_arrived(tmp_path: Path, hub: tuple[str, type[Hub]]) -> None:
    steps = downloading(NAME, tmp_path, hub=hub[0])
    while next(steps).done < 2_000_000:
        pass
    steps.close()
    part = tmp_path / f"{NAME}.partial" / "model-00001-of-00001.safetensors.part"
    assert part.stat().st_size >= 1_000_000
    assert not (tmp_path / NAME).exists()


def test_what_a_server_would_compress_is_resumed_too(tmp_path: Path, hub: tuple[str, type[Hub]]) -> None:
    hub[1].compresses = True
    steps = downloading(NAME, tmp_path, hub=hub[0])
    while next(steps).done < 2_000_000:
        pass
    steps.close()
    list(downloading(NAME, tmp_path, hub=hub[0]))
    assert (tmp_path / NAME / "model-00001-of-00001.safetensors").read_bytes() == WEIGHTS


def test_a_damaged_file_is_discarded_with_a_sentence(tmp_path: Path, hub: tuple[str, type[Hub]]) -> None:
    hub[1].corrupt = True
    with pytest.raises(CheckpointError, match="arrived damaged"):
        list(downloading(NAME, tmp_path, hub=hub[0]))
    assert not list(tmp_path.rglob("*.safetensors*"))


def test_an_unknown_name_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No published model is called 'x'"):
        next(downloading("x", tmp_path))


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Check the connection"):
        list(downloading(NAME, tmp_path, hub="http://127.0.0.1:9"))


def test_a_folder_that_is_locked_is_a_sentence(tmp_path: Path, hub: tuple[str, type[Hub]]) -> None:
    tmp_path.chmod(0o700)
    with unprivileged(), pytest.raises(StorageError, match="cannot be written"):
        list(downloading(NAME, tmp_path / "models", hub=hub[0]))
