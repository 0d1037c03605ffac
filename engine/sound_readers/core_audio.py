"""m4a, mp4, mov, mp3, caf and aac on a Mac, by Core Audio (through audioread)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError
from engine.sound_readers.reading import BLOCK_VALUES, SoundInfo, broken_off, first_bytes

FORMATS = "wav, flac, ogg, opus, mp3, aiff, m4a, mp4, mov, caf, aac"
_NAMES = {b"ftyp": "mov", b"moov": "mov", b"caff": "caf", b"ID3": "mp3"}
_BYTES = 2  # of a sample, as audioread hands it out
# What Core Audio cannot read, by its first bytes: people have such files, so the sentence names them.
_FOREIGN = {
    b"\x1a\x45\xdf\xa3": "a Matroska or WebM film",
    b"OggS": "an Ogg file that breaks off or holds no Vorbis, Opus or FLAC",
    b"0&\xb2u": "a Windows Media file",
    b"FLV": "a Flash film",
    b"MAC ": "a Monkey's Audio file",
    b"wvpk": "a WavPack file",
}
_HOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")  # of the table that says where a film's sound lies
_ITS_OWN = 1  # flag of an entry in that table: the sound lies in this very file


class CoreAudioReader:
    """One open file, the first sound track of a film. See `SoundReader`."""

    def __init__(self, path: Path) -> None:
        from audioread.exceptions import DecodeError
        from audioread.macca import ExtAudioFile, MacError

        self.begins_s = 0.0
        self._path, self._errors = path, (MacError, DecodeError, OSError)
        if _reads_elsewhere(path):
            raise SoundError("{path} only names sound that lies in other files: choose those.", path=path)
        try:
            self._file: Any = ExtAudioFile(os.path.abspath(os.fsencode(path)))  # else a name like ~x is looked up
            rate_hz, channels, frames = self._file.samplerate, self._file.channels, self._file.nframes
        except self._errors as error:
            raise self._why_not() from error
        if rate_hz <= 0 or channels <= 0:
            self.close()
            raise SoundError("{path} is damaged or incomplete: copy or record it again.", path=path)
        self.info = SoundInfo(max(frames, 0) / rate_hz, rate_hz, channels, self._format())

    def seek(self, seconds: float) -> None:
        """Exactly there; where Core Audio does not go there, at the beginning. (audioread itself does not seek.)"""
        from audioread import macca

        frame = round(seconds * self.info.rate_hz)
        if macca._coreaudio.ExtAudioFileSeek(self._file._obj, ctypes.c_int64(frame)) == 0:
            self.begins_s = frame / self.info.rate_hz

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in file order. Raises SoundError, and BrokenOffError at the end of a truncated file."""
        channels, rate_hz = self.info.channels, self.info.rate_hz
        block_bytes = max(1, BLOCK_VALUES // channels) * channels * _BYTES
        first = frames = round(self.begins_s * rate_hz)
        try:
            for data in self._file.read_data(block_bytes):
                block = np.frombuffer(data, np.int16).reshape(-1, channels).astype(np.float32) * np.float32(1 / 32768)
                frames += len(block)
                yield block
        except self._errors as error:
            if frames == first:
                raise SoundError("{path} is damaged: copy or record it again.", path=self._path) from error
            raise broken_off(self._path, frames / rate_hz, self.info.duration_s) from error
        if frames == 0:
            raise SoundError("{path} holds no sound that can be decoded: copy or record it again.", path=self._path)
        if self.info.duration_s - frames / rate_hz > max(0.5, 0.01 * frames / rate_hz):
            raise broken_off(self._path, frames / rate_hz, self.info.duration_s)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _format(self) -> str:
        start = first_bytes(self._path, 8)
        found = next((name for mark, name in _NAMES.items() if mark in (start[:4], start[4:], start[:3])), None)
        return found or self._path.suffix.lower().removeprefix(".")

    def _why_not(self) -> SoundError:
        path = self._path
        start = first_bytes(self._path, 8)
        for mark, kind in _FOREIGN.items():
            if start.startswith(mark):
                return SoundError(
                    "{path} is {kind}, which cannot be read on a Mac: Earshot reads {formats} here.",
                    path=path,
                    kind=kind,
                    formats=FORMATS,
                )
        if start.startswith(b"RIFF"):
            return SoundError(
                "{path} is an AVI film or damaged: Earshot reads {formats} here.", path=path, formats=FORMATS
            )
        if start[4:] == b"ftyp":
            return SoundError(
                "{path} has no sound in it or is incomplete: choose another file, or copy this one again.", path=path
            )
        return SoundError(
            "{path} is not a sound file or is damaged: Earshot reads {formats} here.", path=path, formats=FORMATS
        )


def _reads_elsewhere(path: Path) -> bool:
    """Whether a film keeps its sound in other files or at addresses, which must not be opened by naming this one.

    Source: ISO 14496-12, data reference box; QuickTime's "alis" and "rsrc" entries always point elsewhere.
    """
    with path.open("rb") as file:
        return any(kind != b"url " or not flags & _ITS_OWN for kind, flags in _references(file, path.stat().st_size))


def _references(file: BinaryIO, end: int, depth: int = 0) -> Iterator[tuple[bytes, int]]:
    """Kind and flags of each entry that says where sound or pictures lie."""
    for kind, start, stop in _boxes(file, end):
        if kind in _HOLDERS and depth < len(_HOLDERS):
            file.seek(start)
            yield from _references(file, stop, depth + 1)
        elif kind == b"dref":
            file.seek(start + 8)  # version, flags, number of entries
            for entry, inside, _ in _boxes(file, stop):
                file.seek(inside)
                yield entry, int.from_bytes(file.read(4)) & 0xFFFFFF


def _boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte inside, and end of every box from here to `end`; nothing after one that makes no sense."""
    place = file.tell()
    while place + 8 <= end:
        file.seek(place)
        size, kind = struct.unpack(">I4s", file.read(8))
        inside = place + 8
        if size == 1:
            size, inside = int.from_bytes(file.read(8)), place + 16
        stop = end if size == 0 else place + size
        if not inside <= stop <= end:
            return
        yield kind, inside, stop
        place = stop
