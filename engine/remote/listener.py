"""Stands for hearing that is done on another machine: sounds are cut into windows here, and sent when they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from engine.events import Samples
from engine.hearing import frame_count, patch_count, windows_of


@dataclass(frozen=True, eq=False)
class RemoteWindow:
    """A window of a sound that another machine hears; `shape` as that of its embeddings there."""

    samples_16k: Samples
    digest: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, samples_16k: Samples) -> RemoteWindow:
        """A window of at most 25 s."""
        digest = hashlib.sha256(np.ascontiguousarray(samples_16k, "<f4").tobytes()).hexdigest()[:32]
        return cls(samples_16k, digest, (patch_count(frame_count(len(samples_16k))),))


class RemoteListener:
    """Cuts sounds into windows as `Hearing` does; they are sent when they are first read."""

    def listen(self, samples_16k: Samples) -> tuple[RemoteWindow, ...]:
        """See `Hearing.listen`."""
        windows = map(RemoteWindow.of, windows_of(samples_16k))
        return tuple(window for window in windows if window.shape[0])
