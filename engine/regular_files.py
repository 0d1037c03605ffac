"""Opens regular files from outside, and nothing else: reading a pipe would wait, and a device never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """A file, opened for reading. Raises OSError, also for a folder, a pipe, a socket or a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # which waits for nobody at the other end of a pipe
    try:
        _check(os.fstat(handle).st_mode, path)
        return open(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path, largest: int) -> bytes:
    """A file's bytes. Raises OSError as `open_regular` does, and for more than `largest` bytes."""
    with open_regular(path) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"more than {largest:,} bytes", path)
    return data


def check_regular(path: Path) -> None:
    """For a library that opens the file itself. Raises OSError as `open_regular` does."""
    _check(os.stat(path).st_mode, path)


def _check(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", path)
