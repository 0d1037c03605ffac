"""Which sound devices there are and which to use, and streams opened on them. The only file that knows PortAudio."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from app.audio import device_list
from app.translations import sentence
from engine.errors import EngineError
from engine.events import Samples

log = logging.getLogger(__name__)

_BLUETOOTH = re.compile(
    r"airpods|bluetooth|beats|bose|buds|\bwh-|\bwf-|jabra|hands.?free|hfp|headset bt", re.IGNORECASE
)
_BUILT_IN = re.compile(r"built-?in|macbook|imac|mac mini|mac studio", re.IGNORECASE)
_BLOCK_S = 0.01
_LONGEST_GAP_S = 1.5
LATENCY_S = 0.02  # Python can be as late with a block; talk has to silence a reply within 50 ms
_SERVER_DOORS = ("default", "pulse", "pipewire")  # PulseAudio and PipeWire through ALSA, on Linux
_SERVER_RATE_HZ = 48_000


class DeviceError(EngineError):
    """A microphone or loudspeaker cannot be used."""


@dataclass(frozen=True)
class Device:
    """One direction of a sound device, with its own rate."""

    name: str
    rate_hz: int
    channels: int
    default: bool = False

    @property
    def bluetooth(self) -> bool:
        """Whether its name says that it is wireless."""
        return bool(_BLUETOOTH.search(self.name))

    @property
    def built_in(self) -> bool:
        """Whether it is part of the computer."""
        return bool(_BUILT_IN.search(self.name))


class OpenStream(Protocol):
    """A running stream."""

    rate_hz: int
    latency_s: float
    device: str
    lost: bool
    longest_gap_s: float  # a device that asks for no block for this long is gone

    def close(self) -> None:
        """Stop and free it; may take long, so never on the GUI thread."""


class SoundSystem(Protocol):
    """What the app needs of the system's sound; PortAudio in the app, a fake in tests."""

    def inputs(self) -> list[Device]:
        """All microphones."""

    def outputs(self) -> list[Device]:
        """All loudspeakers."""

    def open_input(self, device: Device, on_block: Callable[[Samples], None]) -> OpenStream:
        """Start recording; blocks (n,) come on the device's thread. Raises DeviceError."""

    def open_output(self, device: Device, fill: Callable[[Samples], None]) -> OpenStream:
        """Start playing; `fill` writes the next block (n,) on the device's thread. Raises DeviceError."""

    def refresh(self) -> bool:
        """Look for devices again; only while no stream is open. False, and nothing done, while another thread is still
        inside the system's library: a device that hangs is opened or closed there.
        """

    @property
    def busy(self) -> bool:
        """Whether a thread is inside the system's library."""

    def fingerprint(self) -> bytes:
        """Changes when a device comes or goes, or another one becomes the default."""


def chosen(devices: list[Device], name: str) -> Device | None:
    """The device of this name, else the system's default, else any."""
    named = [device for device in devices if name and device.name == name]
    return next(iter(named or [device for device in devices if device.default] or devices), None)


def chosen_input(inputs: list[Device], name: str, output: Device | None, prefer_built_in: bool) -> Device | None:
    """The microphone to use: an explicit choice wins; a built-in one keeps a Bluetooth output sounding well."""
    device = chosen(inputs, name)
    explicit = device is not None and name == device.name
    if prefer_built_in and not explicit and output is not None and output.bluetooth:
        return next((each for each in inputs if each.built_in), device)
    return device


def _own_rate(listed: dict[str, Any]) -> int:
    """The rate a device really runs at: ALSA's ways to a sound server claim 44.1 kHz, whatever the server does."""
    return _SERVER_RATE_HZ if listed["name"] in _SERVER_DOORS else int(listed["default_samplerate"])


class _InUse:
    """Counts the threads inside PortAudio and the streams that are open. PortAudio must not be taken down below them:
    it frees what they work on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = self._streams = 0

    def __enter__(self) -> None:
        with self._lock:
            self.calls += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self.calls -= 1

    def count_stream(self, change: int) -> None:
        """One more is open, or one less."""
        with self._lock:
            self._streams += change

    def run_alone(self, task: Callable[[], None]) -> bool:
        """Do something while nothing is in use and nothing can come into use; False if something is."""
        with self._lock:
            alone = not self.calls and not self._streams
            if alone:
                task()
            return alone


class _PortAudioStream:
    def __init__(self, device: Device, rate_hz: int, in_use: _InUse) -> None:
        self.device, self.rate_hz, self.latency_s = device.name, rate_hz, 0.0
        self.lost = False
        self.longest_gap_s = _LONGEST_GAP_S
        self.closing = False
        self._in_use = in_use
        self.stream: Any = None

    def finished(self) -> None:
        self.lost = not self.closing

    def close(self) -> None:
        self.closing = True
        with self._in_use:
            self.stream.abort(ignore_errors=True)
            self.stream.close(ignore_errors=True)
            self._in_use.count_stream(-1)


class PortAudio:
    """The real sound system. Every method but the callbacks belongs on the audio worker's thread; one that hung there
    may come back while its successor works.
    """

    def __init__(self) -> None:
        self._module: ModuleType | None = None
        self._lock = threading.Lock()
        self._in_use = _InUse()

    @property
    def _sd(self) -> ModuleType:
        with self._lock:
            if self._module is None:
                try:
                    import sounddevice
                except OSError as error:
                    raise DeviceError(
                        sentence("The PortAudio library is missing, so there is no sound: install libportaudio2.")
                    ) from error
                self._module = sounddevice
            return self._module

    def inputs(self) -> list[Device]:
        """All microphones."""
        return self._devices("input")

    def outputs(self) -> list[Device]:
        """All loudspeakers."""
        return self._devices("output")

    def refresh(self) -> bool:
        """Make PortAudio read its list again, unless a device hangs in it."""
        library = self._sd

        def renew() -> None:
            library._terminate()
            library._initialize()

        renewed = self._in_use.run_alone(renew)
        if not renewed:
            log.warning("a device still hangs: the list of devices is read again later")
        return renewed

    @property
    def busy(self) -> bool:
        """Whether a thread is inside PortAudio."""
        return self._in_use.calls > 0

    def fingerprint(self) -> bytes:
        """What the system itself says of its devices."""
        return device_list.fingerprint()

    def _devices(self, kind: str) -> list[Device]:
        try:
            with self._in_use:
                listed, defaults = self._sd.query_devices(), self._sd.default.device
        except self._sd.PortAudioError as error:
            log.warning("devices cannot be listed: %s", error)
            return []
        default = defaults[0 if kind == "input" else 1]
        found = [
            Device(each["name"], _own_rate(each), each[f"max_{kind}_channels"], each["index"] == default)
            for each in listed
            if each[f"max_{kind}_channels"] > 0
        ]
        return sorted(found, key=lambda device: not device.default)

    def open_input(self, device: Device, on_block: Callable[[Samples], None]) -> OpenStream:
        """Record at the device's own rate; its first channel."""

        def callback(block: Any, frames: int, time: Any, status: Any) -> None:
            on_block(block[:, 0])

        return self._open("InputStream", device, callback)

    def open_output(self, device: Device, fill: Callable[[Samples], None]) -> OpenStream:
        """Play at the device's own rate, the same on every channel."""
        mono = np.zeros(1 << 15, np.float32)

        def callback(block: Any, frames: int, time: Any, status: Any) -> None:
            fill(mono[:frames])
            block[:] = mono[:frames, None]

        return self._open("OutputStream", device, callback)

    def _open(self, kind: str, device: Device, callback: Callable[..., None]) -> OpenStream:
        """Open with one channel (a loudspeaker with two); if that fails once more with the native channel count."""
        few = min(device.channels, 1 if kind == "InputStream" else 2)
        error: Exception | None = None
        for channels in (few, device.channels):
            try:
                with self._in_use:
                    return self._started(kind, device, callback, channels)
            except self._sd.PortAudioError as failure:
                log.warning("%s with %d channels of %s: %s", kind, channels, device.name, failure)
                error = failure
        words = sentence("The microphone {name} cannot be opened ({reason}): choose another one in the settings.")
        if kind == "OutputStream":
            words = sentence("The loudspeaker {name} cannot be opened ({reason}): choose another one in the settings.")
        raise DeviceError(words.format(name=device.name, reason=error))

    def _started(self, kind: str, device: Device, callback: Callable[..., None], channels: int) -> OpenStream:
        opened = _PortAudioStream(device, device.rate_hz, self._in_use)
        side = "input" if kind == "InputStream" else "output"
        index = next(
            (
                d["index"]
                for d in self._sd.query_devices()
                if d["name"] == device.name and d[f"max_{side}_channels"] > 0
            ),
            None,
        )
        opened.stream = getattr(self._sd, kind)(
            samplerate=device.rate_hz,
            device=index,
            channels=channels,
            dtype="float32",
            blocksize=round(device.rate_hz * _BLOCK_S),
            latency=LATENCY_S,
            callback=callback,
            finished_callback=opened.finished,
        )
        self._in_use.count_stream(1)
        try:
            opened.stream.start()
        except Exception:
            opened.close()
            raise
        opened.rate_hz, opened.latency_s = int(opened.stream.samplerate), float(opened.stream.latency)
        return opened
