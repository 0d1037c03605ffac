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


def write_with_pyav(
    path: Path, samples: Samples, rate_hz: int, codec: str, *, title: str = "", **container_options: str
) -> Path:
    """Encode mono samples with one of FFmpeg's codecs; the suffix of `path` chooses the container."""
    import av

    with av.open(str(path), "w", options=container_options) as container:
        track = container.add_stream(codec, rate=rate_hz)
        track.layout = "mono"
        if title:
            container.metadata["title"] = title
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        for part in (frame, None):
            for packet in track.encode(part):
                container.mux(packet)
    return path


def write_film(path: Path, samples: Samples, rate_hz: int = 16_000) -> Path:
    """A film of two black seconds with a sound track."""
    import av

    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        track = container.add_stream("aac", rate=rate_hz)
        track.layout = "mono"
        for _ in range(20):
            container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
        container.mux(picture.encode(None))
    return path


def write_with_old_title(path: Path, samples: Samples, rate_hz: int, codec: str, **container_options: str) -> Path:
    """A file like `write_with_pyav`'s whose title is in the letters of old programs, Latin-1, where UTF-8 belongs."""
    title = "Caf_ au lait"
    write_with_pyav(path, samples, rate_hz, codec, title=title, **container_options)
    content = path.read_bytes()
    assert title.encode() in content
    path.write_bytes(content.replace(title.encode(), b"Caf\xe9 au lait"))
    return path


def write_with_id3v1(path: Path, samples: Samples, rate_hz: int) -> Path:
    """An mp3 file with a tag of the first kind at its end, which knows no encoding."""
    write_with_pyav(path, samples, rate_hz, "libmp3lame", id3v2_version="0")
    title = "Gr\xfc\xdfe".encode("latin-1").ljust(30, b"\0")
    path.write_bytes(path.read_bytes() + b"TAG" + title + bytes(94) + b"\xff")
    return path


def write_with_soundfile(path: Path, samples: Samples, rate_hz: int, subtype: str | None = None) -> Path:
    """Write samples (n,) or (n, channels) with libsndfile; the suffix of `path` chooses the format."""
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def cut_in_half(path: Path) -> Path:
    """Keep only the first half of the file's bytes."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


_VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def babble(seconds: float, seed: int = 0) -> Samples:
    """Something a speech detector takes for speech: a buzzing voice through changing vowels (16 kHz)."""
    random = np.random.default_rng(seed)
    syllables = [_syllable(random) for _ in range(int(seconds / 0.15) + 2)]
    sound = np.concatenate(syllables)[: round(seconds * 16_000)]
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def _syllable(random: np.random.Generator) -> Samples:
    count = int(random.uniform(0.14, 0.24) * 16_000)
    times = np.arange(count) / 16_000
    pitch_hz = random.uniform(100, 150) * (1 - 0.6 * times)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
    formants = _VOWELS_HZ[random.integers(len(_VOWELS_HZ))]
    sound = np.zeros(count)
    for harmonic in range(1, 35):
        hz = harmonic * pitch_hz
        loudness = sum(1 / (1 + ((hz - formant) / 90) ** 2) for formant in formants) / harmonic**0.5
        sound += loudness * np.sin(harmonic * phase)
    attack = np.minimum(1, np.minimum(times / 0.03, (times[-1] - times) / 0.05))
    hiss = random.normal(0, 0.15, count) * np.maximum(0, 1 - times / 0.04)
    return (sound * attack + hiss).astype(np.float32)
