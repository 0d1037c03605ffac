"""Files from outside: what is no file is refused before anything waits for it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.regular_files import check_regular, open_regular, read_regular


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


KINDS: list[Callable[[Path], object]] = [os.mkfifo, Path.mkdir, _socket, lambda path: path.symlink_to("/dev/zero")]


@pytest.mark.parametrize("make", KINDS, ids=["pipe", "folder", "socket", "device"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("odd"))
    for read in (open_regular, check_regular, lambda path: read_regular(path, 100)):
        with pytest.raises(OSError):
            read(Path("odd"))


def test_a_file_is_read_up_to_its_largest_size(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    check_regular(tmp_path / "a")
    assert read_regular(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "a", 4)
