"""Speech as a file that grows: mp3, opus, flac, wav and pcm everywhere, aac where FFmpeg is (not on a Mac)."""

from __future__ import annotations

import io
import struct
from typing import Any, Protocol

import numpy as np

from engine.errors import RequestError
from engine.events import Samples
from engine.samples import pcm
from engine.speaking import SAMPLE_RATE_HZ as RATE_HZ

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_BY_LIBSNDFILE = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "flac": ("FLAC", "PCM_16")}
_UNKNOWN = 0xFFFFFFFF  # a length that is found out at the end of the file


class Encoder(Protocol):
    """Mono samples (n,) at 24 kHz in, bytes of a file out."""

    def push(self, samples: Samples) -> bytes:
        """More sound; what is ready of the file."""

    def finish(self) -> bytes:
        """The rest of the file."""


def encoder(form: str) -> Encoder:
    """An encoder for a format of MEDIA_TYPES. Raises RequestError for one that cannot be made on this machine."""
    if form in _BY_LIBSNDFILE:
        return _LibSndFile(*_BY_LIBSNDFILE[form])
    return _Aac() if form == "aac" else _Pcm(with_header=form == "wav")


class _Pcm:
    def __init__(self, *, with_header: bool) -> None:
        self._header = _wav_header() if with_header else b""

    def push(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + pcm(samples)

    def finish(self) -> bytes:
        return self._header


def _wav_header() -> bytes:
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    return b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVEfmt " + form + b"data" + struct.pack("<I", _UNKNOWN - 36)


class _LibSndFile:
    """Flac comes whole: libsndfile, which reads most of it, takes no length for an endless one."""

    def __init__(self, form: str, subtype: str) -> None:
        import soundfile

        self._whole = form == "FLAC"
        self._bytes = io.BytesIO()
        self._given = 0
        self._file = soundfile.SoundFile(self._bytes, "w", RATE_HZ, 1, subtype, format=form)

    def push(self, samples: Samples) -> bytes:
        self._file.write(np.clip(np.nan_to_num(samples), -1.0, 1.0))
        return b"" if self._whole else self._new()

    def finish(self) -> bytes:
        self._file.close()
        return self._new()

    def _new(self) -> bytes:
        new = self._bytes.getvalue()[self._given :]
        self._given += len(new)
        return new


class _Aac:
    """AAC in ADTS frames, by FFmpeg."""

    def __init__(self) -> None:
        try:
            import av
        except ImportError:
            raise RequestError("AAC cannot be written on this machine: ask for mp3, opus, flac or wav.") from None
        self._av: Any = av
        self._bytes = io.BytesIO()
        self._given = 0
        self._container = av.open(self._bytes, "w", format="adts")
        self._stream: Any = self._container.add_stream("aac", rate=RATE_HZ, layout="mono")

    def push(self, samples: Samples) -> bytes:
        frame = self._av.AudioFrame.from_ndarray(
            np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32)[None], format="fltp", layout="mono"
        )
        frame.sample_rate = RATE_HZ
        self._container.mux(self._stream.encode(frame))
        return self._new()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._new()

    def _new(self) -> bytes:
        new = self._bytes.getvalue()[self._given :]
        self._given += len(new)
        return new
