"""Sounds made from numbers, and files of them in every format, so that no test needs a recording or a program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from engine.events import Samples


def tone(seconds: float, rate_hz: int = 16_000, hz: float = 440.0, loudness: float = 0.3) -> Samples:
    """A sine."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (loudness * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def silence(seconds: float, rate_hz: int = 16_000) -> Samples:
    """Zeros."""
    return np.zeros(round(seconds * rate_hz), np.float32)


def write_with_pyav(path: Path, samples: Samples, rate_hz: int, codec: str, **container_options: str) -> Path:
    """Encode mono samples with one of FFmpeg's codecs; the suffix of `path` chooses the container."""
    import av

    with av.open(str(path), "w", options=container_options) as container:
        track = container.add_stream(codec, rate=rate_hz)
        track.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        for part in (frame, None):
            for packet in track.encode(part):
                container.mux(packet)
    return path


def write_with_soundfile(path: Path, samples: Samples, rate_hz: int, subtype: str | None = None) -> Path:
    """Write samples (n,) or (n, channels) with libsndfile; the suffix of `path` chooses the format."""
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def cut_in_half(path: Path) -> Path:
    """Keep only the first half of the file's bytes."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path
