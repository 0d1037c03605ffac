"""The readers of sound, with whole files of six formats and more, some with tags or pictures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

from engine import samples
from tests.fuzzing.campaign import Reader, Seed
from tests.sounds import tone, write_film, write_with_id3v1, write_with_old_title, write_with_pyav, write_with_soundfile

_SECONDS = 1.5
_OPUS_HZ = 48_000


def read_sound(path: Path) -> None:
    """What the app and the commands do: ask what the file is, then read all of it in blocks."""
    samples.probe(path)
    for _ in samples.stream(path):
        pass


def _encode(codec: str, rate_hz: int, names: tuple[str, ...], folder: Path) -> Iterable[Seed]:
    for name in names:
        yield Seed(write_with_pyav(folder / name, tone(_SECONDS, rate_hz), rate_hz, codec))


def _write(subtypes: dict[str, str], folder: Path) -> Iterable[Seed]:
    for name, subtype in subtypes.items():
        yield Seed(write_with_soundfile(folder / name, tone(_SECONDS, 16_000), 16_000, subtype))


_WAVS = {
    "16-bit.wav": "PCM_16",
    "8-bit.wav": "PCM_U8",
    "float.wav": "FLOAT",
    "adpcm.wav": "IMA_ADPCM",
    "gsm.wav": "GSM610",
}
_FLACS = {"16-bit.flac": "PCM_16", "24-bit.flac": "PCM_24"}
_OTHERS = {"16-bit.aiff": "PCM_16", "a.caf": "ALAC_16", "a.au": "PCM_16"}


def _make_mp3(folder: Path) -> Iterable[Seed]:
    yield from _encode("libmp3lame", 16_000, ("a.mp3",), folder)
    yield Seed(write_with_id3v1(folder / "id3v1.mp3", tone(_SECONDS), 16_000))
    yield Seed(write_with_old_title(folder / "id3v2.mp3", tone(_SECONDS), 16_000, "libmp3lame", id3v2_version="4"))


def _make_mp4(folder: Path) -> Iterable[Seed]:
    yield from _encode("aac", 16_000, ("a.m4a", "a.mov"), folder)
    yield Seed(write_film(folder / "film.mp4", tone(_SECONDS)))
    yield Seed(write_with_old_title(folder / "title.m4a", tone(_SECONDS), 16_000, "aac"))


def _make_matroska(folder: Path) -> Iterable[Seed]:
    yield from _encode("libopus", _OPUS_HZ, ("a.mka", "a.webm"), folder)
    yield Seed(write_film(folder / "film.mkv", tone(_SECONDS)))


def _make_others(folder: Path) -> Iterable[Seed]:
    yield from _encode("aac", 16_000, ("a.avi", "a.aac", "a.ts"), folder)
    yield from _encode("aac", 16_000, ("a.asf",), folder)
    yield Seed(write_film(folder / "film.avi", tone(_SECONDS)))


_FORMATS: dict[str, Callable[[Path], Iterable[Seed]]] = {
    "wav": functools.partial(_write, _WAVS),
    "flac": functools.partial(_write, _FLACS),
    "aiff, caf and au": functools.partial(_write, _OTHERS),
    "ogg and opus": functools.partial(_encode, "libopus", _OPUS_HZ, ("a.ogg", "a.opus")),
    "mp3": _make_mp3,
    "m4a, mp4 and mov": _make_mp4,
    "mkv and webm": _make_matroska,
    "avi, aac, ts and asf": _make_others,
}
READERS = tuple(Reader(name, read_sound, make) for name, make in _FORMATS.items())
