"""The microphone: always a little ahead of the key, silent until it really gives sound."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import soxr

from app.audio.devices import OpenStream
from app.audio.ring import Ring
from engine.events import Samples

RATE_HZ = 16_000
_RING_S = 10
LONGEST_AGO_S = 0.3  # what is kept of the sound before somebody wants it, besides the pre-roll
_SILENT_S = 1.0  # of exact zeros mean a missing permission or a muted device


class Microphone:
    """Takes blocks from the device (any rate), gives 16 kHz. Everything but `on_block` runs on one thread, which calls
    `poll` about 30 times a second.
    """

    def __init__(self, pre_roll_s: float = 0.5) -> None:
        self.pre_roll_s = pre_roll_s
        self.level = 0.0  # loudness of the last poll, 0 … 1
        self.recording = False
        self._ring = Ring(_RING_S * 48_000)
        self._stream: OpenStream | None = None
        self._resampler: soxr.ResampleStream | None = None  # of the stream
        self._recorded: list[Samples] = []
        self._before: deque[Samples] = deque()
        self._zeros = 0
        self._heard = False
        self.overruns = 0
        self._last_block_s = 0.0

    def on_block(self, block: Samples) -> None:
        """The device's callback."""
        if self._ring.write(block) < len(block):
            self.overruns += 1
        self._last_block_s = time.monotonic()

    def attach(self, stream: OpenStream) -> None:
        """Use a stream whose callback is `on_block`. A recording under way goes on."""
        self._stream = stream
        self._ring.read()
        self._resampler = soxr.ResampleStream(stream.rate_hz, RATE_HZ, 1, dtype="float32")
        self._zeros, self._heard = 0, False
        self._last_block_s = time.monotonic()

    def detach(self) -> OpenStream | None:
        """Hand over the stream, to be closed elsewhere."""
        stream, self._stream = self._stream, None
        self._resampler = None
        self.level = 0.0
        self._before.clear()
        return stream

    @property
    def open(self) -> bool:
        """Whether a stream is attached."""
        return self._stream is not None

    @property
    def delivering(self) -> bool:
        """Whether samples other than zero have arrived: the device has warmed up."""
        return self.open and self._heard

    @property
    def silent(self) -> bool:
        """Whether nothing but exact zeros has come for over a second."""
        return self.open and self._stream is not None and self._zeros > _SILENT_S * RATE_HZ

    @property
    def lost(self) -> bool:
        """Whether the device went away."""
        stream = self._stream
        return stream is not None and (stream.lost or time.monotonic() - self._last_block_s > stream.longest_gap_s)

    @property
    def device(self) -> str:
        """Name of the device in use."""
        return self._stream.device if self._stream else ""

    def start(self, seconds_ago: float = 0.0) -> None:
        """Record from so many seconds ago, at most `LONGEST_AGO_S`, and the pre-roll before that."""
        self.poll()
        self._recorded = self._newest(self.pre_roll_s + min(seconds_ago, LONGEST_AGO_S))
        self.recording = True
        self._zeros = 0

    def stop(self) -> Samples:
        """End the recording; all of it, mono at 16 kHz."""
        self.poll()
        self.recording = False
        return self.take_recorded()

    def take_recorded(self) -> Samples:
        """What was recorded since the last time, to be kept elsewhere: hours of it are too much for the memory."""
        recorded, self._recorded = self._recorded, []
        return np.concatenate(recorded) if recorded else np.zeros(0, np.float32)

    def recorded_from(self, place: int) -> Samples:
        """What was recorded from this sample on, at 16 kHz."""
        new, missing = [], sum(map(len, self._recorded)) - place
        for block in reversed(self._recorded):
            if missing <= 0:
                break
            new.append(block[max(len(block) - missing, 0) :])
            missing -= len(block)
        return np.concatenate(new[::-1]) if new else np.zeros(0, np.float32)

    @property
    def recorded_s(self) -> float:
        """Length of the recording so far."""
        return sum(map(len, self._recorded)) / RATE_HZ

    def poll(self) -> None:
        """Take in what the device gave since the last time."""
        if not self._ring.available:
            return
        block = self._ring.read()
        if self._resampler is None:
            return
        if np.any(block):
            self._heard, self._zeros = True, 0
        samples = self._resampler.resample_chunk(block)
        if not np.any(block):
            self._zeros += len(samples)
        self.level = loudness(samples) if len(samples) else self.level
        if self.recording:
            self._recorded.append(samples)
        if len(samples):
            self._before.append(samples)
        self._trim()

    def newest(self, seconds: float) -> Samples:
        """The last of what came, at 16 kHz, whether it is recorded or not."""
        return np.concatenate([np.zeros(0, np.float32), *self._newest(seconds)])

    def _newest(self, seconds: float) -> list[Samples]:
        """The last of what came before."""
        newest, missing = [], round(seconds * RATE_HZ)
        for block in reversed(self._before):
            if missing <= 0:
                break
            newest.append(block[max(len(block) - missing, 0) :])
            missing -= len(block)
        return newest[::-1]

    def _trim(self) -> None:
        """Keep no more than may be wanted of what came before."""
        spare = sum(map(len, self._before)) - round((self.pre_roll_s + LONGEST_AGO_S) * RATE_HZ)
        while self._before and spare >= len(self._before[0]):
            spare -= len(self._before.popleft())
        if self._before and spare > 0:
            self._before[0] = self._before[0][spare:]


def loudness(samples: Samples) -> float:
    """How loud it seems, 0 (−60 dB) … 1 (−6 dB)."""
    power = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    return float(np.clip((20 * np.log10(max(power, 1e-6)) + 60) / 54, 0.0, 1.0))


def peaks(samples: Samples, count: int = 46) -> tuple[float, ...]:
    """The waveform as `count` bars, the highest 1."""
    if not len(samples):
        return ()
    highest = np.array([np.abs(part).max() if len(part) else 0.0 for part in np.array_split(samples, count)])
    return tuple(np.round(highest / max(float(highest.max()), 1e-6), 3).tolist())
