"""The vocoder in pieces, cross-faded so that no boundary can be heard.

Each run covers the last 8 mel frames again: their source is reused and 3840 samples are faded from the old run into
the new one, as in the official code. Two of its seams are closed here: there the source's phase starts anew behind the
reused part, and the two halves of the Hamming window add up to 1.08, so that both ends of every fade are a step.
Speech as a whole begins and ends in silence, where the official code's first and last sample are a step too.
"""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.events import Samples
from engine.speaking.source import advances
from engine.speaking.vocoder import Vocoder

OVERLAP_FRAMES = 8
EDGE_SAMPLES = 120  # 5 ms in which speech rises from silence and falls back: a vocoder's first sample is a click


def fade(new: NDArray[np.float32], old: NDArray[np.float32], *, official: bool = False) -> NDArray[np.float32]:
    """Fade the end of `old` (n,) out under the start of `new` (≥ n,) with the halves of a Hann window.

    `official` takes a Hamming window, whose halves add up to 1.08.
    """
    count = len(old)
    window = np.hamming(2 * count) if official else np.hanning(2 * count + 1)[:-1]
    faded = new.copy()
    faded[:count] = new[:count] * window[:count] + old * window[count:]
    return faded


def risen(samples: Samples) -> Samples:
    """The samples (n,), their first EDGE_SAMPLES rising from silence along half a Hann window."""
    count = min(EDGE_SAMPLES, len(samples))
    edge = np.hanning(2 * count + 1)[:count].astype(np.float32)
    return np.concatenate([samples[:count] * edge, samples[count:]])


class VocoderStream:
    """One stream of mel to samples. `continuous` False gives the official code's seams and edges, to compare with."""

    def __init__(self, vocoder: Vocoder, *, seed: int | None = 0, continuous: bool = True) -> None:
        self._vocoder = vocoder
        self._seed = seed
        self._continuous = continuous
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._mel: mx.array | None = None
        self._source: mx.array | None = None
        self._phase: mx.array | None = None
        self._faded: Samples | None = None
        self._runs = 0

    def step(self, mel: mx.array, last: bool, frames: int = 0) -> Samples:
        """mel (T, 80) of the next piece to samples; 8 frames stay behind until the next piece unless it is the last.

        `frames` are those to which the last piece may be padded, 0 for none.
        """
        hop = self._vocoder.config.hop_samples
        window = mel if self._mel is None else mx.concatenate([self._mel, mel])
        # Padded as if there were an overlap before it, for pieces with one have all sizes.
        missing = OVERLAP_FRAMES + frames - window.shape[0] if last and frames else 0
        made, source = self._decoded(window, missing, once=last and not frames)
        if self._faded is not None:
            made = fade(made, self._faded, official=not self._continuous)
        elif self._continuous:
            made = risen(made)
        if last:
            self.reset()
            return risen(made[::-1])[::-1].copy() if self._continuous else made
        keep = min(OVERLAP_FRAMES, window.shape[0])
        self._mel, self._source = window[-keep:], source[:, -keep * hop :]
        self._faded = made[-keep * hop :]
        self._runs += 1
        return made[: -keep * hop]

    def _decoded(self, window: mx.array, missing: int, *, once: bool) -> tuple[Samples, mx.array]:
        """Samples and source of a window (T, 80). `once`: of a length that may never come again; where lengths shall
        come again, so many `missing` frames are put behind it.
        """
        vocoder, frames = self._vocoder, window.shape[0]
        once = once or (missing > 0 and not vocoder.padded)
        if once or not vocoder.padded:
            source = self.source(vocoder.pitch(window[None], once=once))
            return np.array(vocoder.decode(window[None], source, once=once)[0]), source
        present = (mx.arange(frames + missing) < frames).astype(mx.float32)
        padded = mx.pad(window, [(0, missing), (0, 0)])[None]
        source = self.source(vocoder.pitch(padded, present)[:, :frames])
        samples = vocoder.config.hop_samples * (frames + missing)
        longer = vocoder.lengthened(source, samples) if missing else source
        return np.array(vocoder.decode(padded, longer, present)[0, : source.shape[1]]), source

    def source(self, f0: mx.array) -> mx.array:
        """The source of a window of pitch (1, T), whose first frames were in the window before: (1, T · hop)."""
        vocoder, config = self._vocoder, self._vocoder.config
        phases = mx.cumsum(advances(f0, config.sample_rate_hz / config.hop_samples), axis=1)
        overlap = 0 if self._source is None else self._source.shape[1] // config.hop_samples
        if self._phase is not None and self._continuous:
            phases = phases - phases[:, overlap - 1 : overlap] + self._phase
        source = vocoder.excite(f0, phases, self._noise((f0.shape[0], f0.shape[1] * config.hop_samples)))
        if self._source is not None:
            # The old run's phase rests in its last half frame, for it did not know what follows.
            known = self._source.shape[1] - (config.hop_samples // 2 if self._continuous else 0)
            source = mx.concatenate([self._source[:, :known], source[:, known:]], axis=1)
        self._phase = phases[:, -1:]
        return source

    def _noise(self, shape: tuple[int, ...]) -> mx.array | None:
        if self._seed is None:
            return None
        key = (self._seed * 1_000_003 + self._runs) % (1 << 64)  # there are no more
        return mx.random.normal(shape, key=mx.random.key(key))
