"""Which models are on this machine and which of them to use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engine.checkpoints.config import read_config
from engine.errors import CheckpointError
from engine.resources import resource

UNFINISHED = ".partial"  # ends the name of a folder that a download or a conversion is still making
CONVERTING = f".converting{UNFINISHED}"  # of a conversion: the download of a model of that name has its own


@dataclass(frozen=True)
class InstalledModel:
    """One model folder as a person would want it listed.

    `bytes` is its size on disk; `problem` is a sentence when it cannot be used. `fingerprint` changes with the names,
    sizes and times of its files.
    """

    folder: Path
    name: str
    variant: str
    bytes: int
    bits: int | None
    demonstration: bool
    speaks: bool
    problem: str = ""
    fingerprint: str = ""


def models_folder() -> Path:
    """Where Earshot keeps downloaded and converted models unless the user chose another folder: in its folder of data,
    which is $EARSHOT_HOME if that is set.
    """
    home = os.environ.get("EARSHOT_HOME") or platformdirs.user_data_dir("Earshot", appauthor=False)
    return Path(home) / "models"


def describe(folder: Path) -> InstalledModel:
    """What `folder` holds, from its small files only; never raises for a damaged folder but says so in `problem`."""
    size, fingerprint = _measure(folder)
    speaks = (folder / "token2wav" / "flow.pt").exists()
    try:
        config = read_config(folder)
        variant = config.variant
    except CheckpointError as error:
        return InstalledModel(folder, folder.name, "chat", size, None, False, speaks, error.sentence, fingerprint)
    bits = config.quantisation.bits if config.quantisation else None
    demonstration = bool(config.earshot.get("demonstration"))
    return InstalledModel(folder, config.name, variant, size, bits, demonstration, speaks, "", fingerprint)


def _measure(folder: Path) -> tuple[int, str]:
    """The bytes of a folder's files, and their fingerprint."""
    found = [(file, file.stat()) for file in sorted(folder.rglob("*")) if file.is_file()] if folder.is_dir() else []
    told = "\n".join(f"{file.relative_to(folder)}\t{about.st_size}\t{about.st_mtime_ns}" for file, about in found)
    return sum(about.st_size for _, about in found), hashlib.sha256(os.fsencode(told)).hexdigest()


def installed(kept_in: Path | None = None) -> list[InstalledModel]:
    """Every model found, best first: $EARSHOT_MODEL, then full models (largest first), then the bundled starter.

    `kept_in` is looked through in place of `models_folder()`.
    """
    models = [describe(folder) for folder in _folders(kept_in or models_folder())]
    chosen = _chosen()
    return sorted(
        models,
        key=lambda model: (model.folder != chosen, bool(model.problem), model.demonstration, -model.bytes),
    )


def best(kept_in: Path | None = None) -> Path:
    """The folder of the best usable model. Raises CheckpointError when there is none."""
    for model in installed(kept_in):
        if not model.problem:
            return model.folder
    raise CheckpointError(
        "No model was found. Put a Step-Audio 2 folder into {folder} or name one with --model.",
        folder=kept_in or models_folder(),
    )


def _chosen() -> Path | None:
    """The folder in $EARSHOT_MODEL, however it is spelt."""
    chosen = os.environ.get("EARSHOT_MODEL")
    return Path(chosen) if chosen else None


def _folders(kept_in: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    chosen = _chosen()
    candidates = [chosen] if chosen else []
    if kept_in.is_dir():
        finished = (child for child in kept_in.iterdir() if child.suffix != UNFINISHED)
        candidates += sorted(child for child in finished if (child / "config.json").exists())
    candidates.append(resource("starter"))
    for folder in candidates:
        if folder.resolve() not in seen and (folder.is_dir() or folder == chosen):
            seen.add(folder.resolve())
            yield folder
