from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.storage import json_bytes, open_private, replacing, storage_error, tighten
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


def test_whatever_the_umask_a_private_file_and_its_folders_are_for_the_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with replacing(tmp_path / "a" / "b" / "file", private=True) as file:
            file.write(b"x")
        os.close(open_private(tmp_path / "c" / "file"))
    finally:
        os.umask(mask)
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"a": 0o700, "a/b": 0o700, "a/b/file": 0o600, "c": 0o700, "c/file": 0o600}


def test_what_others_could_read_is_taken_from_them_but_not_what_is_linked_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    folder = tmp_path / "ours"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    (folder / "link").symlink_to(outside)
    for path in (folder, folder / "deep"):
        path.chmod(0o755)
    tighten(folder)
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "deep", folder / "deep" / "file", outside)] == [
        0o700, 0o700, 0o600, 0o644,
    ]  # fmt: skip


def test_a_folder_that_is_everybodys_is_not_taken_from_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0o644)
    tighten(tmp_path)
    assert (tmp_path.stat().st_mode & 0o7777, (tmp_path / "file").stat().st_mode & 0o777) == (0o1777, 0o644)


def test_half_a_surrogate_pair_can_be_written_as_json() -> None:
    assert json.loads(json_bytes(["caf\udce9", "\u00e9"])) == ["caf\udce9", "\u00e9"]
    assert json_bytes("\u00e9") == '"\u00e9"'.encode()
