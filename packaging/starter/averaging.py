"""Several trainings of one network on one machine that average what they have learned every few seconds.

Each process has a GPU, draws its own batches and takes its own steps ("local SGD", arXiv 1805.09767); through files in
shared memory they agree on weights. A process that ends or dies is left behind by the others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import mlx.core as mx

_PATIENCE_S = 120.0
_LOOK_EVERY_S = 0.005


class Companions:
    """Process `rank` of `ranks`, meeting in `folder` every `every_s` seconds of a clock they share."""

    def __init__(self, folder: Path, rank: int, ranks: int, every_s: float = 4.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._rank, self._every_s = folder, rank, every_s
        self._others = [other for other in range(ranks) if other != rank]
        self._round = 0
        self.started = self._common_start()
        self.waited_s = 0.0

    def _common_start(self) -> float:
        """When process 0 began, by the machine's monotonic clock."""
        file = self._folder / "started"
        if self._rank == 0:
            self._write(file, str(time.monotonic()))
        while not file.exists():
            time.sleep(_LOOK_EVERY_S)
        return float(file.read_text())

    @staticmethod
    def _write(file: Path, text: str) -> None:
        unfinished = file.with_suffix(".part")
        unfinished.write_text(text)
        unfinished.rename(file)

    @property
    def due(self) -> bool:
        """Whether it is time to average again."""
        return bool(self._others) and time.monotonic() >= self.started + (self._round + 1) * self._every_s

    def average(self, vectors: Sequence[mx.array]) -> list[mx.array]:
        """The means of all processes' vectors, once all that still run have written theirs."""
        began = time.monotonic()
        self._round += 1
        mx.eval(*vectors)
        unfinished = self._folder / f"unfinished-{self._rank}.safetensors"
        mx.save_safetensors(str(unfinished), {str(n): vector for n, vector in enumerate(vectors)})
        unfinished.rename(self._file(self._rank, self._round))
        self._file(self._rank, self._round - 2).unlink(missing_ok=True)
        sums, count = list(vectors), 1
        for other in list(self._others):
            theirs = self._wait_for(other, began)
            if theirs is None:
                self._others.remove(other)
                continue
            sums = [mine + theirs[str(n)] for n, mine in enumerate(sums)]
            count += 1
        means = [(total / count).astype(vector.dtype) for total, vector in zip(sums, vectors, strict=True)]
        mx.eval(*means)
        self.waited_s += time.monotonic() - began
        return means

    def leave(self) -> None:
        """Tell the others not to wait any more."""
        (self._folder / f"left-{self._rank}").write_text("")

    def _file(self, rank: int, number: int) -> Path:
        return self._folder / f"{rank}-{number}.safetensors"

    def _wait_for(self, other: int, began: float) -> dict[str, mx.array] | None:
        file = self._file(other, self._round)
        while not file.exists():
            if (self._folder / f"left-{other}").exists() or time.monotonic() - began > _PATIENCE_S:
                print(f"process {other} is gone", flush=True)
                return None
            time.sleep(_LOOK_EVERY_S)
        loaded = mx.load(str(file))
        mx.eval(*loaded.values())
        return loaded
