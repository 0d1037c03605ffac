"""Finds the recordings in the files and folders that were dropped, and how long each is. Reads the disk."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.translations import sentence, told
from engine import samples
from engine.errors import EngineError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundFile:
    """A file with its length, or with the sentence that says why it cannot be read."""

    path: Path
    seconds: float | None = None
    problem: str = ""


def find_recordings(paths: Sequence[Path]) -> list[FoundFile]:
    """The files among `paths`; of the folders, the sound and film files in them."""
    found: list[FoundFile] = []
    for path in paths:
        if os.path.isdir(path):  # Path's own raises for a name that is too long, or a folder that is locked
            inside = samples.recordings_in(path)
            found += map(_probe, inside)
            if not inside:
                found.append(FoundFile(path, problem=sentence("There are no recordings in this folder.")))
        else:
            found.append(_probe(path))
    return found


def _probe(file: Path) -> FoundFile:
    """One file's fault stays with that file."""
    try:
        return FoundFile(file, samples.probe(file).duration_s or None)
    except EngineError as error:
        return FoundFile(file, problem=told(error))
    except Exception as error:
        log.error("%s cannot be probed", file, exc_info=error)
        return FoundFile(file, problem=sentence("Something went wrong; the log says more."))
