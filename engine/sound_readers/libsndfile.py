"""wav, aiff, flac and their relatives, by libsndfile; mp3, ogg and opus too where FFmpeg is missing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.errors import SoundError
from engine.sound_readers.reading import BLOCK_VALUES, SoundInfo, broken_off

# A recorder that streams cannot know the length: it writes 0 or a number near 2 or 4 GiB into the header.
_UNKNOWN_BYTES = 0x7FFF_0000
_MOST_FRAMES = 1 << 48
_DECLARED_BYTES = re.compile(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)


def open_by_libsndfile(path: Path) -> LibsndfileReader | None:
    """A reader; None for what libsndfile does not know. Raises SoundError for a file without sound."""
    try:
        file = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError:
        return None
    if file.frames > _MOST_FRAMES:  # a streamed flac file that does not say: the end of it would be lost here
        file.close()
        return None
    return LibsndfileReader(path, file)


class LibsndfileReader:
    """One open file. See `SoundReader`."""

    def __init__(self, path: Path, file: soundfile.SoundFile) -> None:
        self._path, self._file = path, file
        self.begins_s = 0.0
        self.info = SoundInfo(file.frames / file.samplerate, file.samplerate, file.channels, file.format.lower())
        if file.frames == 0:
            self.close()
            raise SoundError("{path} holds no sound: record or copy it again.", path=path)
        self._block_frames = max(1, BLOCK_VALUES // file.channels)

    def seek(self, seconds: float) -> None:
        """Exactly there."""
        frame = min(round(seconds * self.info.rate_hz), self._file.frames)
        self.begins_s = self._file.seek(frame) / self.info.rate_hz

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in file order. Raises BrokenOffError at the end of a truncated file."""
        first = frames = round(self.begins_s * self.info.rate_hz)
        while True:
            try:
                block = self._file.read(self._block_frames, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                if frames == first:
                    raise SoundError("{path} is damaged: copy or record it again.", path=self._path) from error
                raise broken_off(self._path, frames / self.info.rate_hz, self.info.duration_s) from error
            if len(block) == 0:
                break
            frames += len(block)
            yield block
        declared_s = self._declared_s()
        if declared_s - frames / self.info.rate_hz > 0.05:
            raise broken_off(self._path, frames / self.info.rate_hz, declared_s)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _declared_s(self) -> float:
        """The length the header declares; libsndfile shortens it to what is there and notes that in its log."""
        note = _DECLARED_BYTES.search(self._file.extra_info)
        if note is None or not 0 < int(note[1]) < _UNKNOWN_BYTES or int(note[2]) <= 0:
            return self.info.duration_s
        return self.info.duration_s * int(note[1]) / int(note[2])
