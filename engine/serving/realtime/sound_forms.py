"""Sound as it passes the socket: 16-bit PCM at 24 kHz, or G.711 at 8 kHz. Source: ITU-T G.711 (11/1988)."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from engine.events import Samples
from engine.hearing import RATE_HZ as HEARD_HZ
from engine.samples import from_pcm, pcm
from engine.serving.problems import ProblemError
from engine.serving.sounds import RATE_HZ as SPOKEN_HZ

FORMS = ("audio/pcm", "audio/pcmu", "audio/pcma")
_TELEPHONE_HZ = 8_000
_FULL = np.float32(32768)


def described(form: str) -> dict[str, Any]:
    """The form as clients read it."""
    return {"type": form, "rate": SPOKEN_HZ} if form == "audio/pcm" else {"type": form}


def bytes_of(text: str, param: str) -> bytes:
    """The bytes of a client's base64. Raises ProblemError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ProblemError(400, f"{param} is not base64.", param=param, code="invalid_value") from None


class Incoming:
    """A client's bytes become samples at 16 kHz, piece by piece."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._rest = b""
        self._converter = self._new()

    def push(self, data: bytes) -> Samples:
        """The samples (n,) of more bytes, so far as they are known already."""
        return np.asarray(self._converter.resample_chunk(self._decoded(data)), np.float32)

    def finish(self) -> Samples:
        """The last samples; what comes afterwards is another sound."""
        last = self._converter.resample_chunk(np.zeros(0, np.float32), last=True)
        self._converter, self._rest = self._new(), b""
        return np.asarray(last, np.float32)

    def _new(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(_rate(self._form), HEARD_HZ, 1, dtype="float32")

    def _decoded(self, data: bytes) -> Samples:
        if self._form != "audio/pcm":
            levels = _levels(self._form)[np.frombuffer(data, np.uint8)]
            return np.ascontiguousarray(levels / _FULL, np.float32)
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        return from_pcm(data[:whole])


class Outgoing:
    """Samples at 24 kHz become bytes for a client, piece by piece."""

    def __init__(self, form: str) -> None:
        self._form = form
        rate = _rate(form)
        self._converter = None if rate == SPOKEN_HZ else soxr.ResampleStream(SPOKEN_HZ, rate, 1, dtype="float32")

    def push(self, samples: Samples) -> bytes:
        """The bytes of more samples (n,), so far as they are known already."""
        return self._encoded(samples, last=False)

    def finish(self) -> bytes:
        """The last bytes."""
        return self._encoded(np.zeros(0, np.float32), last=True)

    def _encoded(self, samples: Samples, *, last: bool) -> bytes:
        if self._converter is None:
            return pcm(samples)
        converted = self._converter.resample_chunk(np.ascontiguousarray(samples, np.float32), last=last)
        levels = np.clip(np.nan_to_num(converted), -1.0, 1.0) * _FULL
        order, bounds = _nearest(self._form)
        return order[np.searchsorted(bounds, levels)].tobytes()


def bytes_per_s(form: str) -> int:
    """How many bytes a second of sound takes."""
    return _rate(form) * (2 if form == "audio/pcm" else 1)


def _rate(form: str) -> int:
    return SPOKEN_HZ if form == "audio/pcm" else _TELEPHONE_HZ


@cache
def _levels(form: str) -> NDArray[np.float32]:
    """What each byte of G.711 stands for, in 16-bit steps."""
    if form == "audio/pcmu":
        codes = np.arange(256, dtype=np.uint8) ^ np.uint8(0xFF)
        steps = (((codes & 0x0F).astype(np.int32) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
        return np.where(codes & 0x80, -steps, steps).astype(np.float32)
    codes = np.arange(256, dtype=np.uint8) ^ np.uint8(0x55)
    segment = ((codes & 0x70) >> 4).astype(np.int32)
    steps = ((codes & 0x0F).astype(np.int32) << 4) + np.where(segment == 0, 0x008, 0x108)
    steps = steps << np.maximum(segment - 1, 0)
    return np.where(codes & 0x80, steps, -steps).astype(np.float32)


@cache
def _nearest(form: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Bytes in the order of what they stand for, and the bounds between them."""
    levels = _levels(form)
    order = np.argsort(levels, kind="stable").astype(np.uint8)
    ascending = levels[order]
    return order, ((ascending[1:] + ascending[:-1]) / 2).astype(np.float32)
