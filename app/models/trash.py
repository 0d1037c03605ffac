"""The system's Trash: what is moved there can be put back."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QFile

from app.translations import sentence
from engine.errors import StorageError
from engine.storage import storage_error


def move_to_trash(path: Path) -> Path:
    """Move a folder to the Trash; returns where it lies now. Raises StorageError."""
    file = QFile(str(path))
    if not file.moveToTrash():
        words = sentence("{name} cannot be moved to the Trash: remove it in the folder of the models.")
        raise StorageError(words.format(name=path.name))
    return Path(file.fileName())


def take_back(trashed: Path, path: Path) -> None:
    """Move a folder from the Trash to where it was. Raises StorageError when it is gone or its place is taken."""
    if path.exists():
        words = sentence("{name} exists again, so nothing was put back from the Trash.")
        raise StorageError(words.format(name=path.name))
    try:
        os.rename(trashed, path)
        trashed.parent.with_name("info").joinpath(f"{trashed.name}.trashinfo").unlink(missing_ok=True)
    except FileNotFoundError:
        raise StorageError(sentence("{name} is not in the Trash any more.").format(name=path.name)) from None
    except OSError as error:
        raise storage_error(path, error) from error
