"""A recording that is written while it is made, so that a crash takes no more than its last half second."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import numpy as np

from app.audio.microphone import RATE_HZ, Microphone
from app.worker import Done, Worker
from engine.events import Samples
from engine.storage import make_private_folder, replacing

SUFFIX = ".growing"
RECORDED = ".recorded"  # what is recorded for the queue, behind the key of its row
PIECE_S = 0.5
_BLOCK_BYTES = 1 << 20


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
        if len(new) >= PIECE_S * RATE_HZ:
            self.append(new)

    def append(self, samples_16k: Samples, done: Done | None = None) -> None:
        """Append samples; `done` is told how that went."""
        self._written += len(samples_16k)
        self._disk.run(lambda: _append(self.path, samples_16k), done)

    @property
    def seconds(self) -> float:
        """How much was appended."""
        return self._written / RATE_HZ

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


def write_whole(growing: Path, path: Path) -> float:
    """Make a sound file of what was written, however long it is. Returns its seconds; nothing is written of none.

    Raises OSError when it cannot be read, StorageError when it cannot be written.
    """
    samples = growing.stat().st_size // 2
    if not samples:
        return 0.0
    with open(growing, "rb") as source, replacing(path, private=True) as file, wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE_HZ, samples, "NONE", ""))
        left = 2 * samples
        while left and (block := source.read(min(left, _BLOCK_BYTES))):
            sound.writeframesraw(block)
            left -= len(block)
    return samples / RATE_HZ
