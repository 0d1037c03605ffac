"""How loud recordings are from beginning to end: measured once on a thread of its own, kept beside the queue."""

from __future__ import annotations

import contextlib
import logging
from contextlib import closing
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.worker import Worker
from engine import samples as sounds
from engine.errors import EngineError, StorageError
from engine.regular_files import read_regular
from engine.storage import replacing

log = logging.getLogger(__name__)

PEAKS = 1000
SUFFIX = ".peaks"
_RATE_HZ, _PIECE = 8_000, 800  # a tenth of a second


class Waveforms(QObject):
    """`ready` tells the peaks of a recording, 0 to 1; nothing is told of one that cannot be read."""

    ready = Signal(str, tuple)

    def __init__(self, folder: Path, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder, self._worker = folder, worker
        self._closing = False
        self._wanted = ""

    def want(self, key: str, path: Path) -> None:
        """Hear this recording, and no other any more."""
        self._wanted = key

        def done(peaks: tuple[float, ...] | None, error: Exception | None) -> None:
            if isinstance(error, EngineError):
                log.info("no waveform: %s", error)
            elif error is not None:
                log.error("a waveform failed", exc_info=error)
            elif peaks and key == self._wanted:
                self.ready.emit(key, peaks)

        self._worker.run(lambda: self._peaks(key, path), done)

    def _peaks(self, key: str, path: Path) -> tuple[float, ...]:
        kept = self._folder / f"{key}{SUFFIX}"
        with contextlib.suppress(OSError):
            return tuple(value / 255 for value in read_regular(kept, PEAKS))
        loud: list[float] = []
        with closing(sounds.stream(path, _RATE_HZ)) as blocks, contextlib.suppress(sounds.BrokenOffError):
            for block in blocks:
                if self._closing or key != self._wanted:
                    return ()
                pieces = np.array_split(np.abs(block), max(1, len(block) // _PIECE))
                loud += [float(piece.max(initial=0.0)) for piece in pieces]
        spans = np.array_split(np.array(loud), min(PEAKS, len(loud)))
        peaks = np.clip([span.max() for span in spans], 0.0, 1.0)
        with contextlib.suppress(StorageError), replacing(kept, private=True) as file:
            file.write(bytes(np.round(peaks * 255).astype(np.uint8)))
        return tuple(map(float, peaks))

    def close(self) -> None:
        """Hear nothing any more."""
        self._closing = True
        self._worker.close(0.05)
