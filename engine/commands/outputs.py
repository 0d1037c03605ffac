"""-o, the one way to say where a result goes: a file, or a folder for several."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from engine.errors import StorageError


def add_output_option(parser: argparse.ArgumentParser, metavar: str, about: str) -> None:
    """Declare -o, --output."""
    parser.add_argument("-o", "--output", type=Path, metavar=metavar, help=about)


def check_place(path: Path, *, folder: bool = False) -> None:
    """Raise StorageError unless the folder in which the file (or the `folder`) is to be made is there.

    A misspelt place is found before the work begins, and nothing is written where nobody looks.
    """
    if not os.path.isdir(path.parent):  # Path's own raises for a name that is too long
        raise StorageError(f"There is no folder {path.parent}: make it first, or choose another place with -o.")
    if os.path.isdir(path) and not folder:
        raise StorageError(f"{path} is a folder: choose a file name to write to.")
