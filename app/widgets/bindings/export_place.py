"""Where files of the user's go: to begin with, where the last one went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings


def last_export_folder(settings: Settings, otherwise: Path) -> Path:
    """Where something was exported last, if that folder is still there."""
    last = settings.now.export_folder
    return Path(last) if last and Path(last).is_dir() else otherwise


def keep_export_folder(settings: Settings, folder: Path) -> None:
    """The next export begins here."""
    settings.change(export_folder=str(folder))
