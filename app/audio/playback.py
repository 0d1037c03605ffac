"""The loudspeaker: a bounded buffer that the engine fills and the device empties."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import soxr

from app.audio.devices import OpenStream
from app.audio.ring import Ring
from engine.events import Samples

RATE_HZ = 24_000
BUFFER_S = 8.0
_FADE_SAMPLES = 240  # stopping fades over 5 ms at 48 kHz, so that it does not click
_PIECE_SAMPLES = 2400


class Sound:
    """One thing that is played: a reply or a repetition. Made by `Playback.begin`, belongs to one writing thread."""

    def __init__(self, rate_hz: int) -> None:
        self.ring = Ring(int(BUFFER_S * rate_hz))
        self.resampler = soxr.ResampleStream(RATE_HZ, rate_hz, 1, dtype="float32")
        self.rate_hz = rate_hz
        self.started = False
        self.complete = False  # nothing more will be written
        self.start_at_s = 0.0  # on the monotonic clock, at the earliest
        self.underruns = 0
        self.written_24k = 0
        self.heard_before_24k = 0  # through devices that went away
        self.held = False  # paused: the device gets silence, and the samples stay
        self.silent = 0  # samples of silence that it got since
        self.begins_softly = False  # after a pause
        self.heard_at_least = 0  # samples at the device's rate; those on their way when it was paused were heard, too
        self.moving = threading.Lock()  # between the writer and a change of device; the callback never takes it

    def move_to(self, rate_hz: int) -> None:
        """Go on at another device's rate; nothing may be reading."""
        with self.moving:
            if rate_hz == self.rate_hz:
                return
            self.heard_before_24k += self.ring.taken * RATE_HZ // self.rate_hz
            rest = soxr.resample(self.ring.read(), self.rate_hz, rate_hz)
            self.heard_at_least = 0
            self.ring = Ring(int(BUFFER_S * rate_hz) + len(rest))
            self.ring.write(rest)
            self.resampler = soxr.ResampleStream(RATE_HZ, rate_hz, 1, dtype="float32")
            self.rate_hz = rate_hz

    def give_silence(self, out: Samples) -> None:
        """For the device while it is held. What fades at first stays, too, and is heard in full afterwards."""
        if self.started and not self.silent:
            _fade_out(out, self.ring.peek_into(out[:_FADE_SAMPLES]))
        self.silent += len(out)

    def due(self, now_s: float) -> bool:
        """Whether it is to start: it waited long enough, or waiting longer would be of no use."""
        nearly_full = self.ring.available >= 0.8 * BUFFER_S * self.rate_hz
        return now_s >= self.start_at_s or self.complete or nearly_full

    def feed(self, samples_24k: Samples, last: bool = False) -> bool:
        """Queue a short piece if there is room for all of it."""
        with self.moving:
            if self.ring.free < 2 * len(samples_24k) * self.rate_hz // RATE_HZ + self.rate_hz // 20:
                return False
            self.ring.write(self.resampler.resample_chunk(samples_24k, last=last))
            self.written_24k += len(samples_24k)
            self.complete |= last
            return True


class Playback:
    """Plays one sound at a time. `begin`, `stop` and the properties belong to the GUI thread, `write` and `finish` to
    whoever makes the sound, `fill` to the device.
    """

    def __init__(self) -> None:
        self._stream: OpenStream | None = None
        self._sound: Sound | None = None
        self._fading: Sound | None = None
        self._last_fill_s = 0.0
        self._level = 0.0
        self.muted = False  # there is no loudspeaker: what is written is dropped

    def fill(self, out: Samples) -> None:
        """The device's callback: the next samples, or silence."""
        out[:] = 0.0
        self._last_fill_s = time.monotonic()
        sound, fading = self._sound, self._fading
        if fading is not None:
            self._fading = None
            _fade_out(out, fading.ring.read_into(out[:_FADE_SAMPLES]))
            return
        if sound is None or (not sound.started and not sound.due(self._last_fill_s)):
            return
        if not sound.started and not sound.ring.available:
            return
        if sound.held:
            sound.give_silence(out)
            self._level = 0.0
            return
        sound.started = True
        if sound.ring.read_into(out) < len(out) and not sound.complete:
            sound.underruns += 1
        if sound.begins_softly:
            sound.begins_softly = False
            soft = out[:_FADE_SAMPLES]
            soft *= np.linspace(0.0, 1.0, len(soft), dtype=np.float32)
        self._level = float(np.abs(out).max())

    def attach(self, stream: OpenStream) -> None:
        """Use a stream whose callback is `fill`; what was playing goes on there."""
        if self._sound is not None:
            self._sound.move_to(stream.rate_hz)
        self._stream = stream
        self.muted = False
        self._last_fill_s = time.monotonic()

    def detach(self) -> OpenStream | None:
        """Hand over the stream, to be closed elsewhere."""
        stream, self._stream = self._stream, None
        return stream

    @property
    def open(self) -> bool:
        """Whether a stream is attached."""
        return self._stream is not None

    @property
    def lost(self) -> bool:
        """Whether the device went away."""
        stream = self._stream
        return stream is not None and (stream.lost or time.monotonic() - self._last_fill_s > stream.longest_gap_s)

    @property
    def level(self) -> float:
        """Loudness of what sounds now, 0 … 1."""
        return min(self._level * 1.4, 1.0) if self.sounding else 0.0

    def begin(self) -> Sound:
        """End what is playing and make room for something new."""
        self.stop()
        sound = Sound(self._stream.rate_hz if self._stream else 48_000)
        self._sound = sound
        return sound

    def write(self, sound: Sound, samples_24k: Samples, cancelled: Callable[[], bool], wait_s: float = 0.0) -> bool:
        """Queue samples; waits while the buffer is full. False when the sound was stopped or `cancelled` meanwhile.

        `wait_s` is how many seconds from now on the sound should wait before it starts, if it has not.
        """
        if not sound.started:
            sound.start_at_s = time.monotonic() + wait_s
        pieces = np.array_split(samples_24k.astype(np.float32, copy=False), max(len(samples_24k) // _PIECE_SAMPLES, 1))
        return all(self._queue(sound, piece, cancelled) for piece in pieces)

    def finish(self, sound: Sound, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Nothing more will be written."""
        self._queue(sound, np.zeros(0, np.float32), cancelled, last=True)

    def _queue(self, sound: Sound, piece: Samples, cancelled: Callable[[], bool], last: bool = False) -> bool:
        waiting = threading.Event()
        if self.muted:
            sound.complete |= last
            return sound is self._sound and not cancelled()
        while not sound.feed(piece, last):
            if self.muted:
                return True
            if sound is not self._sound or cancelled():
                return False
            waiting.wait(0.02)
        return sound is self._sound and not cancelled()

    def stop(self) -> int:
        """Silence, at once. Returns the samples (24 kHz) that were heard of what played."""
        sound, self._sound = self._sound, None
        if sound is None:
            return 0
        if sound.started and not sound.held and self._stream is not None:
            self._fading = sound
        return self._heard(sound)

    def hold(self) -> None:
        """Pause the present sound where it is. Its samples stay, for as long as it takes."""
        sound = self._sound
        if sound is not None and not sound.held:
            sound.heard_at_least, sound.silent = self._heard_of_device(sound), 0
            sound.held = True

    def release(self) -> None:
        """Go on where it was held."""
        sound = self._sound
        if sound is not None and sound.held:
            sound.heard_at_least = self._heard_of_device(sound)
            sound.begins_softly = True
            sound.held = False
            sound.silent = 0  # not before: the device would take it for the beginning of a pause

    @property
    def held(self) -> bool:
        """Whether the present sound is paused."""
        return self._sound is not None and self._sound.held

    def _heard(self, sound: Sound) -> int:
        heard = self._heard_of_device(sound) * RATE_HZ // sound.rate_hz
        return min(sound.heard_before_24k + heard, sound.written_24k)

    def _heard_of_device(self, sound: Sound) -> int:
        """Samples at the device's rate that have left it: neither those on their way, nor silence behind them."""
        latency_s = self._stream.latency_s if self._stream else 0.0
        out = 0 if self._ended(sound) else max(int(latency_s * sound.rate_hz) - sound.silent, 0)
        return max(sound.ring.taken - out, sound.heard_at_least)

    def _ended(self, sound: Sound) -> bool:
        return sound.complete and (sound.ring.available == 0 or self.muted)

    @property
    def samples_played(self) -> int:
        """Samples (24 kHz) of the present sound that have left the loudspeaker."""
        return self._heard(self._sound) if self._sound else 0

    @property
    def sounding(self) -> bool:
        """Whether the present sound has begun and is not over."""
        return self._sound is not None and self._sound.started and not self._ended(self._sound)

    @property
    def over(self) -> bool:
        """Whether the present sound was played to its end."""
        return self._sound is not None and self._ended(self._sound)

    @property
    def underruns(self) -> int:
        """How often the present sound had to pause for lack of samples."""
        return self._sound.underruns if self._sound else 0


def _fade_out(out: Samples, count: int) -> None:
    """Let so many samples become silence, so that it does not click."""
    out[:count] *= np.linspace(1.0, 0.0, count, dtype=np.float32)
