from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.storage import replacing, storage_error
from tests.permissions import unprivileged


def test_a_file_appears_whole_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as file:  # noqa: PT012
        file.write(b"half")
        raise KeyError("bug")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.touch()
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_may_not_be_written_is_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        path = Path(folder) / "a.txt"
        with unprivileged(), pytest.raises(StorageError) as error, replacing(path):
            pass
        Path(folder).chmod(0o755)
    assert str(error.value) == f"{path} may not be written: choose a folder of yours or change its permissions."


def test_a_pipe_or_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="pipe is a device or a pipe"), replacing(pipe) as file:
        file.write(b"new")
    assert pipe.is_fifo()


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="has too long a name: choose a shorter one"),
        replacing(tmp_path / ("x" * 300)),
    ):
        pass


def test_a_locked_folder_is_told() -> None:
    with tempfile.TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o755)
        locked = Path(open_folder) / "locked"
        locked.mkdir(mode=0o700)
        with unprivileged():
            if os.geteuid() == locked.stat().st_uid:
                locked.chmod(0)
            with pytest.raises(StorageError, match="may not be written"), replacing(locked / "a.txt"):
                pass
        locked.chmod(0o700)


def test_a_file_in_the_way_of_a_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file" / "a.txt"
    path.parent.touch()
    with pytest.raises(StorageError, match="a file is in the way of its folder"), replacing(path):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full: make room or choose another folder."),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "may not be written"),
        (errno.ENAMETOOLONG, "has too long a name"),
        (errno.EIO, r"could not be written (input/output error): choose another place."),
    ],
)
def test_every_way_to_fail_is_a_sentence_with_the_file_and_the_fix(number: int, words: str) -> None:
    sentence = str(storage_error(Path("notes.txt"), OSError(number, "Input/output error")))
    assert sentence.startswith("notes.txt ")
    assert words in sentence
