"""Sound files on a Mac, where PyAV is missing: the system is played by a module in place of audioread's."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import samples
from engine.errors import SoundError
from tests.sounds import tone, write_film, write_with_pyav, write_with_soundfile

pytestmark = pytest.mark.slow

_KNOWN = (b"ftyp", b"moov", b"ID3", b"\xff\xf1", b"\xff\xfb", b"\xff\xf3")


class MacError(Exception):
    """What audioread raises for a file that Core Audio does not take."""


class CoreAudio:
    """The system's own functions, as far as audioread does not use them itself."""

    status = 0

    def ExtAudioFileSeek(self, file: ExtAudioFile, frame: ctypes.c_int64) -> int:  # noqa: N802
        if self.status == 0:
            file._data = file._data[2 * frame.value :]
        return self.status


class ExtAudioFile:
    """Has the interface of audioread's, with the bytes that PyAV decodes, in another process."""

    breaks_off_after: int | None = None
    _decode = (
        "import sys; from engine import samples; import numpy as np\n"
        "x = samples.read(sys.argv[1], 16000); sys.stdout.buffer.write((x * 32767).astype(np.int16).tobytes())"
    )

    def __init__(self, name: bytes) -> None:
        start = Path(os.fsdecode(name)).read_bytes()[:12]
        if not any(mark in start for mark in _KNOWN):
            raise MacError(1954115647)
        done = subprocess.run([sys.executable, "-c", self._decode, os.fsdecode(name)], capture_output=True, check=False)
        if done.returncode:
            raise MacError(1685348671)
        self._data = done.stdout
        self.samplerate, self.channels, self.nframes = 16_000, 1, len(done.stdout) // 2
        self._obj = self

    def read_data(self, blocksize: int) -> Iterator[bytes]:
        for start in range(0, len(self._data), blocksize):
            if self.breaks_off_after is not None and start >= self.breaks_off_after:
                raise MacError(-39)
            yield self._data[start : start + blocksize]

    def close(self) -> None:
        self._data = b""


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> type[ExtAudioFile]:
    package, module, exceptions = (types.ModuleType(f"audioread{part}") for part in ("", ".macca", ".exceptions"))
    fake = type("ExtAudioFile", (ExtAudioFile,), {})
    module.__dict__.update(ExtAudioFile=fake, MacError=MacError, _coreaudio=CoreAudio())
    package.macca = module  # type: ignore[attr-defined]
    exceptions.__dict__.update(DecodeError=type("DecodeError", (Exception,), {}))
    for each in (package, module, exceptions):
        monkeypatch.setitem(sys.modules, each.__name__, each)
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.delitem(sys.modules, "engine.sound_readers.ffmpeg", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    return fake


def _made(folder: Path) -> dict[str, Path]:
    sound = tone(2.0)
    made = {name: write_with_soundfile(folder / name, sound, 16_000) for name in ("a.wav", "a.flac", "a.aiff", "a.ogg")}
    made["a.opus"] = write_with_pyav(folder / "a.opus", tone(2.0, 48_000), 48_000, "libopus")
    for name, codec in (("a.m4a", "aac"), ("a.mov", "aac"), ("a.mp3", "libmp3lame")):
        made[name] = write_with_pyav(folder / name, sound, 16_000, codec)
    made["a.mp4"] = write_film(folder / "a.mp4", sound)
    return made


def test_every_kind_is_read_without_pyav(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made = _made(tmp_path)
    request.getfixturevalue("mac")
    for name, path in made.items():
        found = samples.read(path, 16_000)
        assert abs(len(found) / 16_000 - 2.0) < 0.2, name
        assert np.abs(found).max() == pytest.approx(0.3, abs=0.08), name


def test_what_a_mac_cannot_read_is_named(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    film = write_with_pyav(tmp_path / "a.mkv", tone(1.0, 48_000), 48_000, "libopus")
    request.getfixturevalue("mac")
    with pytest.raises(SoundError, match=r"a\.mkv is a Matroska or WebM film, which cannot be read on a Mac: .*m4a"):
        samples.read(film)
    nothing = tmp_path / "a.doc"
    nothing.write_bytes(b"words, words, words")
    with pytest.raises(SoundError, match="not a sound file or is damaged"):
        samples.read(nothing)


def test_a_file_that_breaks_off_says_where(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = write_with_pyav(tmp_path / "a.m4a", tone(12.0), 16_000, "aac")
    request.getfixturevalue("mac").breaks_off_after = 200_000
    with pytest.raises(SoundError, match=r"breaks off at 0:0\d of 0:12"):
        list(samples.stream(path, 16_000))


def _box(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


@pytest.mark.parametrize(
    ("entry", "flags", "elsewhere"), [(b"url ", 0, True), (b"url ", 1, False), (b"alis", 0, True), (b"rsrc", 1, True)]
)
def test_a_film_whose_sound_lies_elsewhere_is_not_opened(
    entry: bytes, flags: int, elsewhere: bool, tmp_path: Path, mac: type[Any]
) -> None:
    references = _box(b"dref", struct.pack(">II", 0, 1) + _box(entry, struct.pack(">I", flags) + b"http://nowhere/\0"))
    inside = references
    for kind in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        inside = _box(kind, inside)
    path = tmp_path / "a.mov"
    path.write_bytes(_box(b"ftyp", b"qt  \0\0\0\0") + inside)
    with pytest.raises(SoundError) as raised:
        samples.read(path)
    assert ("other files" in str(raised.value)) == elsewhere


def test_boxes_within_boxes_without_end_are_left(tmp_path: Path, mac: type[Any]) -> None:
    inside = b""
    for _ in range(3000):
        inside = _box(b"moov", inside)
    path = tmp_path / "a.mov"
    path.write_bytes(inside)
    with pytest.raises(SoundError):
        samples.read(path)


@pytest.mark.parametrize("status", [0, -50])
def test_a_stream_begins_where_it_is_asked_to(
    status: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_with_pyav(tmp_path / "a.m4a", tone(4.0), 16_000, "aac")
    request.getfixturevalue("mac")
    monkeypatch.setattr(CoreAudio, "status", status)
    found = np.concatenate(list(samples.stream(path, 16_000, from_s=3.0)))
    assert len(found) / 16_000 == pytest.approx(1.0, abs=0.15)
