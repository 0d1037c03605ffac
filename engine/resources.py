"""Finds the files that come with Earshot: the starter model, presets, icons, translations."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def resources_folder() -> Path:
    """The folder of bundled files: $EARSHOT_RESOURCES, the built app's, an installed package's, or the repository's."""
    if chosen := os.environ.get("EARSHOT_RESOURCES"):
        return Path(chosen)
    if bundle := getattr(sys, "_MEIPASS", None):  # set by PyInstaller in the built app
        return Path(bundle) / "resources"
    installed = Path(__file__).resolve().with_name("bundled")  # where setup.py puts them in a wheel
    return installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "resources"


def resource(*parts: str) -> Path:
    """Path of one bundled file or folder; it is not checked for existence."""
    return resources_folder().joinpath(*parts)


def manual_folder() -> Path:
    """The folder of the manual: among the bundled files where Earshot is installed, in a working copy in docs/."""
    packed = resource("manual")
    return packed if packed.is_dir() else Path(__file__).resolve().parent.parent / "docs" / "manual"
