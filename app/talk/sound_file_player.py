"""Plays a sound file, faster or slower if wanted, without the GUI thread waiting."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.audio.playback import RATE_HZ, Playback
from app.audio.speed import at_speed
from app.translations import told
from engine import samples as sounds
from engine.errors import EngineError
from engine.events import Samples


class SoundFilePlayer(QObject):
    """One file being played, once it is read."""

    failed = Signal(object, str)  # the player, why

    def __init__(
        self, playback: Playback, path: Path, speed: float = 1.0, part_s: tuple[float, float] | None = None
    ) -> None:
        super().__init__()
        self.path, self.speed = path, speed
        self._playback, self._part_s = playback, part_s
        self._cancelled = threading.Event()
        self._sound = playback.begin()
        threading.Thread(target=self._run, name="player", daemon=True).start()

    def cancel(self) -> None:
        """Stop reading; the caller silences the playback."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            samples = _read(self.path, self._part_s)
        except EngineError as error:
            if not self._cancelled.is_set():
                self.failed.emit(self, told(error))
            return
        if self._playback.write(self._sound, at_speed(samples, self.speed), self._cancelled.is_set):
            self._playback.finish(self._sound, self._cancelled.is_set)


def _read(path: Path, part_s: tuple[float, float] | None) -> Samples:
    """The recording, or a part of it without keeping the rest."""
    if part_s is None:
        return sounds.read(path, RATE_HZ)
    first, last = (round(at * RATE_HZ) for at in part_s)
    parts, place = [], 0
    with closing(sounds.stream(path, RATE_HZ, block_s=1.0)) as blocks:
        for block in blocks:
            parts.append(block[max(first - place, 0) : max(last - place, 0)])
            place += len(block)
            if place >= last:
                break
    return np.concatenate(parts)
