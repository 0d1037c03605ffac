"""One program at a time makes a model folder: a lock beside it, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from engine.errors import CheckpointError
from engine.storage import make_private_folder, storage_error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the right to make, change or discard `folder`, which need not exist; its parent is made if it is missing.

    Raises CheckpointError at once when another program, or another thread, holds it; StorageError when there can be no
    lock.
    """
    make_private_folder(folder.parent)
    path = folder.with_name(f".{folder.name}.lock")
    handle = _take(path, folder)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held, so that nobody can hold it yet
        os.close(handle)


def _take(path: Path, folder: Path) -> int:
    """The open lock file at `path`, locked."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise storage_error(path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(handle, path):
                return handle
        except BlockingIOError:
            os.close(handle)
            raise CheckpointError(
                "{folder} is being made by another Earshot, in a window or on the command line. Wait until it is done.",
                folder=folder,
            ) from None
        except OSError as error:
            os.close(handle)
            raise storage_error(path, error) from error
        os.close(handle)  # whoever held it has removed it meanwhile


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
