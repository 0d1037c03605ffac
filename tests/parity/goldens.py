"""Reads a folder of recorded outputs: goldens.json, its safetensors files, its checkpoint, its clips."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from safetensors.numpy import load_file

from engine.backends import Backend, choose
from engine.engine import Engine

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Row:
    """One line of the table: the largest error of a stage and what is allowed."""

    stage: str
    error: float
    allowed: float
    about: str = ""  # "absolute", "relative", "ids that differ", …

    @property
    def ok(self) -> bool:
        """Whether the error is allowed; a NaN never is."""
        return self.error <= self.allowed


@dataclass(frozen=True)
class Entry:
    """One entry of goldens.json: what went in, what came out, and plain values."""

    id: str
    how: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


Check = Callable[["Goldens", Entry], Iterator[Row]]


class Goldens:
    """A folder of recorded outputs. `tokenizer` is a folder or file to use when the checkpoint has none.

    `backend` is what the engine computes with.
    """

    def __init__(self, folder: Path, tokenizer: Path | None = None, backend: Backend | None = None) -> None:
        self.folder = folder
        self.backend = backend or choose()
        self._tokenizer = tokenizer
        self.description: dict[str, Any] = json.loads((folder / "goldens.json").read_text(encoding="utf-8"))
        self.entries = [Entry(**_known(entry)) for entry in self.description["entries"]]
        self._files: dict[str, dict[str, NDArray[Any]]] = {}
        self._assembled: TemporaryDirectory[str] | None = None

    def entry(self, id: str) -> Entry:
        """The entry with this id. Raises KeyError if there is none."""
        for entry in self.entries:
            if entry.id == id:
                return entry
        raise KeyError(id)

    def array(self, entry: Entry, name: str) -> NDArray[Any]:
        """An input or output of an entry, by its name."""
        place = entry.inputs.get(name) or entry.outputs[name]
        file = place["file"]
        if file not in self._files:
            self._files[file] = load_file(self.folder / file)
        return self._files[file][place["key"]].reshape(place["shape"])

    @property
    def checkpoint(self) -> Path:
        """The checkpoint folder as it is."""
        return self.folder / str(self.description["checkpoint"])

    @cached_property
    def engine(self) -> Engine:
        """The checkpoint in float32, loaded by the engine's own loader."""
        return Engine.load(self.model_folder, dtype="float32", backend=self.backend.name)

    @cached_property
    def model_folder(self) -> Path:
        """A folder with the checkpoint and a tokenizer. Raises FileNotFoundError when there is none anywhere."""
        if (self.checkpoint / TOKENIZER).exists():
            return self.checkpoint
        self._assembled = TemporaryDirectory(prefix="parity-")
        folder = Path(self._assembled.name)
        for path in (*self.checkpoint.iterdir(), self._tokenizer_file()):
            (folder / path.name).symlink_to(path.resolve())
        return folder

    def _tokenizer_file(self) -> Path:
        places = [self.folder.resolve().parent / "reference" / "Step-Audio-2-mini"]
        if self._tokenizer is not None:
            places.insert(0, self._tokenizer)
        for place in places:
            file = place if place.is_file() else place / TOKENIZER
            if file.exists():
                return file
        raise FileNotFoundError(f"no {TOKENIZER} in {self.checkpoint} or {places}; name one with --tokenizer")

    def samples(self, clip: str) -> NDArray[np.float32] | None:
        """16 kHz samples the official code saw for a clip: as recorded, or from a 16 kHz file; None without either."""
        for entry in self.entries:
            if str(entry.values.get("clip", "")).endswith(clip) and "samples" in entry.inputs:
                return np.asarray(self.array(entry, "samples"), dtype=np.float32)
        for folder in (self.folder, self.folder / "clips", self.folder.resolve().parent / "reference" / "speech"):
            file = folder / Path(clip).name
            if file.exists():
                samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
                return np.ascontiguousarray(samples[:, 0]) if rate_hz == 16_000 else None
        return None


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in Entry.__dataclass_fields__ if name in entry}


def absolute(stage: str, ours: Any, theirs: Any, allowed: float) -> Row:
    """The largest absolute difference; infinite when the shapes differ."""
    return Row(stage, _largest(ours, theirs), allowed, "absolute")


def relative(stage: str, ours: Any, theirs: Any, allowed: float) -> Row:
    """The largest difference, relative to the largest value."""
    scale = float(np.abs(np.asarray(theirs, dtype=np.float64)).max(initial=0.0)) or 1.0
    return Row(stage, _largest(ours, theirs) / scale, allowed, "of the largest value")


def equal(stage: str, ours: Any, theirs: Any) -> Row:
    """How many places of two sequences differ, a missing place counting as one."""
    ours, theirs = list(ours), list(theirs)
    differing = sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    return Row(stage, differing, 0, "places that differ")


def _largest(ours: Any, theirs: Any) -> float:
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max(initial=0.0))
