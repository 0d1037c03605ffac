"""A recording that is written while it is made, so that a crash takes no more than its last half second."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from app.audio.microphone import RATE_HZ, Microphone
from app.worker import Worker
from engine.events import Samples
from engine.storage import make_private_folder

SUFFIX = ".growing"
_PIECE_S = 0.5


class GrowingRecording:
    """16-bit samples at 16 kHz in a file, appended on the disk's thread. It is removed once the recording is safe
    elsewhere, or not wanted.
    """

    def __init__(self, path: Path, disk: Worker) -> None:
        self.path, self._disk = path, disk
        self._written = 0  # samples

    def follow(self, microphone: Microphone) -> None:
        """Append what is new of its recording, once it is worth it."""
        new = microphone.recorded_from(self._written)
        if len(new) >= _PIECE_S * RATE_HZ:
            self._written += len(new)
            self._disk.run(lambda: _append(self.path, new))

    def remove(self) -> None:
        """Remove the file, after all that was appended to it."""
        self._disk.run(lambda: self.path.unlink(missing_ok=True))


def _append(path: Path, samples_16k: Samples) -> None:
    make_private_folder(path.parent)
    packed = (np.clip(samples_16k, -1.0, 1.0) * 32_767).astype("<i2").tobytes()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
        file.write(packed)


def read_growing(path: Path) -> Samples:
    """What was written of a recording. Raises OSError."""
    content = path.read_bytes()
    return np.frombuffer(content[: len(content) // 2 * 2], "<i2").astype(np.float32) / np.float32(32_767)
