"""Files that are written whole or not at all, and not over each other."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import StorageError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def told_apart(name: str, taken: set[str]) -> str:
    """The name of a file, numbered where it is in `taken` already, to which it is added. Capitals tell no files apart
    on a Mac.
    """
    wanted, number = name, 2
    while name.casefold() in taken:
        name, number = f"{wanted} {number}", number + 1
    taken.add(name.casefold())
    return name


@contextlib.contextmanager
def replacing(path: Path | str, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends well; otherwise `path` stays as it was.

    The folder of `path` is made if it is missing. A `private` file is its owner's alone to read, and so is a folder
    made for it. Raises StorageError (full disk, missing permission, a folder or a device in the way), naming `path`.
    """
    path = Path(path)
    if os.path.isdir(path):  # Path's own raises for a name that is too long, or a folder that is locked
        raise StorageError("{path} is a folder: choose a file name to write to.", path=path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise StorageError("{path} is a device or a pipe: choose a file name to write to.", path=path)
    temporary: Path | None = None
    try:
        make_private_folder(path.parent) if private else path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600 if private else _usual_mode(path))
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder that is to be written to, unless it is there. Raises StorageError naming it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner's eyes only; one that is there stays as it is.

    Raises StorageError naming it.
    """
    try:
        for missing in reversed([each for each in folder.parents if not each.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error


def open_private(path: Path) -> int:
    """A descriptor to append to a file that only its owner reads; its folder is made if it is missing.

    Raises OSError, StorageError.
    """
    make_private_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(handle, 0o600)  # an older version may have made it
    return handle


def tighten(folder: Path) -> None:
    """Let only their owner read a folder of Earshot's and all that is in it, whoever wrote it.

    Links are left alone, and so is a folder that everybody may write to; what cannot be changed stays.
    """
    if tighten_folder(folder):
        for place, folders, files in os.walk(folder):
            for name in folders:
                _take_from_others(os.path.join(place, name), 0o700)
            for name in files:
                _take_from_others(os.path.join(place, name), 0o600)


def tighten_folder(folder: Path) -> bool:
    """Let only its owner into a folder; whether it is one that is not everybody's."""
    try:
        shared = bool(folder.stat().st_mode & stat.S_ISVTX)
    except OSError:
        return False
    if not shared:
        _take_from_others(folder, 0o700)
    return not shared


def _take_from_others(path: Path | str, mode: int) -> None:
    with contextlib.suppress(OSError):
        found = os.lstat(path).st_mode
        if not stat.S_ISLNK(found) and found & 0o077:
            os.chmod(path, found & mode)


def json_bytes(value: Any, indent: int | None = None) -> bytes:
    """As JSON in UTF-8. Half a surrogate pair, as in names of files that are no Unicode, stays an escape."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent).encode()


def storage_error(path: Path | str, error: OSError) -> StorageError:
    """The sentence for an operating system error met while writing `path`."""
    if error.errno in _NO_ROOM:
        return StorageError(
            "{path} could not be written, the disk is full: make room or choose another folder.", path=path
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError("{path} may not be written: choose a folder of yours or change its permissions.", path=path)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return StorageError(
            "{path} cannot be made, a file is in the way of its folder: choose another folder.", path=path
        )
    if error.errno == errno.ENAMETOOLONG:
        return StorageError("{path} has too long a name: choose a shorter one.", path=path)
    reason = (error.strerror or str(error)).lower()
    return StorageError("{path} could not be written ({reason}): choose another place.", path=path, reason=reason)


def _usual_mode(path: Path) -> int:
    """The permissions of the file that is replaced, or those a new file gets here."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
