"""Shows files where the system shows them, and begins file dialogs at a sensible place."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def words_for_showing() -> str:
    """What the system's own program for files is called on a button."""
    if sys.platform == "darwin":
        return QCoreApplication.translate("FileManager", "Show in Finder")
    return QCoreApplication.translate("FileManager", "Show in Folder")


def show_file(path: Path) -> None:
    """Show a file or folder among its neighbours."""
    if sys.platform == "darwin":
        QProcess.startDetached("/usr/bin/open", ["-R", str(path)])
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))


def shown_path(path: str) -> str:
    """A folder as people know it: "Library › Application Support › Earshot" for one in the home folder."""
    folder = Path(path)
    try:
        parts = folder.relative_to(Path.home()).parts
    except ValueError:
        parts = tuple(part for part in folder.parts if part != folder.anchor)
    return " › ".join(parts) or folder.name
