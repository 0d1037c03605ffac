"""Sound files in, float32 mono samples out, and back. Files of any length are read as a stream."""

from __future__ import annotations

import io
import wave
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError
from engine.events import Samples
from engine.sound_readers import BrokenOffError, SoundInfo, SoundReader, clock, open_sound
from engine.storage import replacing

__all__ = [
    "RECORDING_SUFFIXES",
    "BrokenOffError",
    "Mix",
    "SoundInfo",
    "clock",
    "from_pcm",
    "pcm",
    "probe",
    "read",
    "recordings_in",
    "resample",
    "stream",
    "wav_bytes",
    "write_wav",
]

Mix = Literal["mean", "first"]


# What a folder is searched for; a file that is named itself may end in anything.
RECORDING_SUFFIXES = frozenset(
    (".wav", ".mp3", ".m4a", ".mp4", ".mov", ".flac", ".ogg", ".opus", ".aac", ".aiff", ".aif", ".caf", ".webm")
    + (".mkv", ".wma", ".m4v", ".oga", ".avi")
)


def recordings_in(folder: Path) -> list[Path]:
    """The sound and film files in a folder and those inside it, sorted; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in RECORDING_SUFFIXES and not path.name.startswith(".")
    )


def probe(path: Path | str) -> SoundInfo:
    """Length, rate, channels and format of a sound or film file, without decoding it.

    Raises SoundError when there is no such file, it may not be read, or holds no sound.
    """
    with closing(open_sound(path)) as source:
        return source.info


def stream(
    path: Path | str, rate_hz: int = 16_000, block_s: float = 10.0, mix: Mix = "mean", from_s: float = 0.0
) -> Generator[Samples, None, None]:
    """Blocks of about `block_s` seconds of a sound or film file as mono samples at `rate_hz`; memory stays constant.

    They begin `from_s` seconds into the file, without everything before being decoded where the format allows it.
    `mix` makes one channel of several: their mean, or the first as the official code does. Raises SoundError when the
    file is missing, unreadable, empty or not sound, and BrokenOffError after the last block of a truncated file.
    """
    with closing(open_sound(path)) as source:
        target = max(1, round(block_s * rate_hz))
        waiting: list[Samples] = []
        length = 0
        broken: BrokenOffError | None = None
        if from_s > 0.0:
            source.seek(from_s)
        blocks = _mono(source.blocks(), mix)
        pieces = _resampled(_from(from_s, blocks, source) if from_s > 0.0 else blocks, source.info.rate_hz, rate_hz)
        while True:
            try:
                piece = next(pieces, None)
            except BrokenOffError as error:
                broken, piece = error, None
            if piece is None:
                break
            if len(piece):
                waiting.append(piece)
                length += len(piece)
            if length >= target:
                joined = np.concatenate(waiting)
                whole = length // target * target
                yield from np.split(joined[:whole], whole // target)
                waiting, length = [joined[whole:]], length - whole
        if length:
            yield np.concatenate(waiting)
        if broken:
            raise broken
        if not waiting:
            raise SoundError("{path} holds no sound: record or copy it again.", path=path)


def read(path: Path | str, rate_hz: int = 16_000, mix: Mix = "mean") -> Samples:
    """All of a short sound file as mono samples (n,) at `rate_hz`. Raises SoundError as `stream` does."""
    return np.concatenate(list(stream(path, rate_hz, mix=mix)))


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """The same sound (n,) at another rate, by soxr at high quality."""
    if from_hz == to_hz:
        return np.asarray(samples, dtype=np.float32)
    import soxr

    return np.asarray(soxr.resample(np.asarray(samples, dtype=np.float32), from_hz, to_hz), dtype=np.float32)


def write_wav(path: Path | str, samples: Samples, rate_hz: int, *, private: bool = False) -> None:
    """Write mono samples in ±1 as a 16-bit wav file, whole or not at all, if `private` for its owner alone. Raises
    StorageError.
    """
    with replacing(path, private=private) as file:
        _write_wav(file, samples, rate_hz)


def wav_bytes(samples: Samples, rate_hz: int) -> bytes:
    """Mono samples in ±1 as the bytes of a 16-bit wav file."""
    file = io.BytesIO()
    _write_wav(file, samples, rate_hz)
    return file.getvalue()


def pcm(samples: Samples) -> bytes:
    """Mono samples in ±1 as 16-bit little-endian steps."""
    return (np.clip(np.nan_to_num(samples), -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def from_pcm(data: bytes) -> Samples:
    """Samples (n,) of 16-bit little-endian steps. Raises ValueError for half a step."""
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def _write_wav(file: IO[bytes], samples: Samples, rate_hz: int) -> None:
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(pcm(samples))


def _mono(blocks: Iterator[NDArray[np.float32]], mix: Mix) -> Iterator[Samples]:
    for block in blocks:  # (n, channels)
        one = block[:, 0] if mix == "first" or block.shape[1] == 1 else block.mean(axis=1)
        yield np.nan_to_num(one, nan=0.0, posinf=1.0, neginf=-1.0).astype(np.float32, copy=False)


def _from(from_s: float, blocks: Iterator[Samples], source: SoundReader) -> Iterator[Samples]:
    """What comes after a moment: a reader may begin a little before it."""
    early: int | None = None
    for block in blocks:
        if early is None:
            early = max(0, round((from_s - source.begins_s) * source.info.rate_hz))
        kept = block[early:]
        early -= len(block) - len(kept)
        if len(kept):
            yield kept


def _resampled(pieces: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    if from_hz == to_hz:
        yield from pieces
        return
    import soxr

    converter = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")
    broken: BrokenOffError | None = None
    try:
        for piece in pieces:
            yield converter.resample_chunk(np.ascontiguousarray(piece))
    except BrokenOffError as error:
        broken = error
    yield converter.resample_chunk(np.zeros(0, np.float32), last=True)
    if broken:
        raise broken
