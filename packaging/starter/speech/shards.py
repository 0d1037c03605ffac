"""Sentences that `natural_lines.py` wrote, or is still writing. Needs neither MLX nor PyTorch.

A shard is three files: NAME.16k.npy and NAME.24k.npy (all utterances end to end, int16) and NAME.json (text, speaker
and where each lies, in samples at 48 kHz). The .json is written last.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence: views into the shard's samples at both rates."""

    text: str
    speaker: str
    samples_16k: NDArray[np.int16]
    samples_24k: NDArray[np.int16]
    name: str = ""  # its shard and its number there

    @property
    def tokens(self) -> int:
        """Its length in speech tokens (25 a second)."""
        return len(self.samples_24k) // 960


class Shards:
    """The utterances of a folder that `natural_lines.py` writes, or is still writing."""

    def __init__(self, folder: Path, held_out: int = 1) -> None:
        """The first `held_out` shards are kept for measuring."""
        self.folder = folder
        self.held_out = held_out
        self.training: list[Utterance] = []
        self.measuring: list[Utterance] = []
        self._read: set[str] = set()

    def refresh(self) -> int:
        """Read shards that were finished since; returns the number of training utterances."""
        for path in sorted(self.folder.glob("*.json")):
            if path.stem not in self._read:
                self._read.add(path.stem)
                target = self.measuring if int(path.stem) < self.held_out else self.training
                target.extend(_read_shard(path))
        return len(self.training)

    def wait(self, utterances: int) -> None:
        """Return when so many training utterances are there, or the speaking has finished."""
        while (self.refresh() < utterances or not self.measuring) and not (self.folder / "finished").exists():
            time.sleep(1.0)
        self.refresh()


def _read_shard(path: Path) -> Iterator[Utterance]:
    at_16k = np.load(path.with_suffix(".16k.npy"), mmap_mode=None)
    at_24k = np.load(path.with_suffix(".24k.npy"), mmap_mode=None)
    for number, entry in enumerate(json.loads(path.read_text())):
        start, stop = entry["start"], entry["start"] + entry["length"]
        sounds = at_16k[start // 3 : stop // 3], at_24k[start // 2 : stop // 2]
        yield Utterance(entry["text"], entry["speaker"], *sounds, f"{path.stem}-{number}")
