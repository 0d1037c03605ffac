"""Removes what conversions and downloads leave beside the models when they are killed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from engine.checkpoints.catalogue import CONVERTING
from engine.checkpoints.folder_lock import locked
from engine.errors import EngineError


def remove_leftovers(folder: Path) -> None:
    """Remove what killed conversions left in a folder of models, and the locks of programs that were killed.

    What is being made right now stays, and so does a download, which can go on.
    """
    if not folder.is_dir():
        return
    for name in {*_conversions(folder), *_locks(folder)}:
        with contextlib.suppress(EngineError), locked(folder / name):  # and the lock goes with it
            shutil.rmtree(folder / f"{name}{CONVERTING}", ignore_errors=True)


def _conversions(folder: Path) -> Iterator[str]:
    return (path.name.removesuffix(CONVERTING) for path in folder.glob(f"*{CONVERTING}"))


def _locks(folder: Path) -> Iterator[str]:
    """Names of which there is a lock like ours: empty, and for nobody else to read."""
    for path in folder.glob(".*.lock"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if path.is_file() and status.st_size == 0 and status.st_mode & 0o777 == 0o600:
                yield path.name[1 : -len(".lock")]
