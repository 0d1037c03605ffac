"""Which library reads which sound file.

libsndfile reads what is plain. The rest is FFmpeg's (by PyAV) on Linux and Core Audio's (by audioread) on a Mac: PyAV's
wheels contain libx264 and libx265, whose licence (GPL) an app for everybody must not take on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine.errors import SoundError
from engine.sound_readers.libsndfile import open_by_libsndfile
from engine.sound_readers.reading import BrokenOffError, SoundInfo, SoundReader, clock, first_bytes, require_file

__all__ = ["BrokenOffError", "SoundInfo", "SoundReader", "clock", "open_sound"]

# First bytes of what libsndfile reads here. It finds nothing in an ogg file that breaks off and complains about mp3
# files on stderr, so FFmpeg reads those and everything else. Core Audio knows neither ogg nor what is in it.
_FOR_LIBSNDFILE = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"caff", b".snd")
_OGG = b"OggS"
# Telephones take 8,000 samples a second, studios up to 768,000. What claims less or more is damaged, and resampling it
# would make hours of a second.
_RATES_HZ = range(1_000, 4_000_001)


def open_sound(path: Path | str) -> SoundReader:
    """The reader for a sound or film file. Raises SoundError when there is no such file or it holds no sound."""
    path = Path(path)
    require_file(path)
    reader = _opened(path)
    if reader.info.rate_hz not in _RATES_HZ:
        reader.close()
        raise SoundError(
            "{path} claims {rate_hz:,} samples a second, which no recording has: copy or record it again.",
            path=path,
            rate_hz=reader.info.rate_hz,
        )
    return reader


def _opened(path: Path) -> SoundReader:
    start = first_bytes(path, 4)
    on_a_mac = sys.platform == "darwin"
    if start.startswith(_FOR_LIBSNDFILE) or (on_a_mac and start == _OGG):
        reader = open_by_libsndfile(path)
        if reader is not None:
            return reader
    if on_a_mac:
        from engine.sound_readers.core_audio import CoreAudioReader

        return CoreAudioReader(path)
    from engine.sound_readers.ffmpeg import FfmpegReader

    return FfmpegReader(path)
