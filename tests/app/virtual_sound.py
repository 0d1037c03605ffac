"""A sound card that is not there: PulseAudio with a loudspeaker that can be recorded and a microphone that can be fed.

The app's own PortAudio streams run against it, so a test hears what a person would hear.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 48_000
_START_TIMEOUT_S = 20.0
_LUMP_S = 2.2  # a null sink makes its first two seconds at once
_ROUGH_HZ = 8_000
_ROUGH = ("--format=u8", "--channels=1", f"--rate={_ROUGH_HZ}")

_ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""

_PULSE = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink sink_name=speaker rate={rate} channels=2 sink_properties=device.description=Loudspeaker
load-module module-null-sink sink_name=mouth rate={rate} channels=1 sink_properties=device.description=Mouth
load-module module-remap-source master=mouth.monitor source_name=microphone
set-default-sink speaker
set-default-source microphone
"""


def available() -> bool:
    """Whether PulseAudio, its ALSA plug-in and its tools are on this machine (Debian: see packaging/requirements)."""
    return all(shutil.which(program) for program in ("pulseaudio", "pacat", "parec", "pactl"))


class VirtualSound:
    """A running PulseAudio of our own with one loudspeaker and one microphone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "pulse.socket"
        self._server: subprocess.Popen[bytes] | None = None
        self._listeners: list[subprocess.Popen[bytes]] = []
        self.environment = {
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_STATE_PATH": str(folder),
            "ALSA_CONFIG_PATH": str(folder / "alsa.conf"),
        }

    def start(self) -> None:
        """Start the server; returns when it answers. Raises RuntimeError with its own words when it does not."""
        (self._folder / "alsa.conf").write_text(_ALSA)
        script = self._folder / "pulse.pa"
        script.write_text(_PULSE.format(socket=self._socket, rate=RATE_HZ))
        log = (self._folder / "pulse.log").open("wb")
        self._server = subprocess.Popen(
            ["pulseaudio", "-n", "-F", str(script), "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"],
            env=os.environ | self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self.control("info", check=False) != 0:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PulseAudio did not start: {(self._folder / 'pulse.log').read_text()}")
            time.sleep(0.05)
        self._listen_closely("speaker.monitor")
        self._listen_closely("mouth.monitor")

    def _listen_closely(self, source: str) -> None:
        """Keep a listener on a null sink; without one it moves its sound in lumps of two seconds."""
        path = self._folder / f"{source}.u8"
        command = ["parec", f"--device={source}", "--latency-msec=10", "--raw", *_ROUGH, str(path)]
        self._listeners.append(subprocess.Popen(command, env=os.environ | self.environment))
        _wait_for_bytes(path, round(_LUMP_S * _ROUGH_HZ))

    def stop(self) -> None:
        """End the server."""
        for listener in self._listeners:
            listener.kill()
            listener.wait(10)
        self._listeners = []
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
            self._server = None

    def control(self, *command: str, check: bool = True) -> int:
        """Run pactl, e.g. control("unload-module", "module-null-sink"); returns its exit code."""
        done = subprocess.run(
            ["pactl", *command], env=os.environ | self.environment, capture_output=True, timeout=20, check=check
        )
        return done.returncode

    def say(self, samples: NDArray[np.float32], rate_hz: int) -> subprocess.Popen[bytes]:
        """Speak mono samples into the microphone; returns at once, wait() on the process waits for the last word."""
        path = self._folder / f"say-{time.monotonic_ns()}.wav"
        soundfile.write(path, samples, rate_hz, subtype="FLOAT")
        return subprocess.Popen(["paplay", "--device=mouth", str(path)], env=os.environ | self.environment)

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """Record the loudspeaker for the time of the block; what was heard is in the Recording afterwards."""
        recording = Recording(self._folder / f"heard-{time.monotonic_ns()}.raw")
        process = subprocess.Popen(
            [
                *("parec", "--device=speaker.monitor", "--format=float32le", "--channels=1", f"--rate={RATE_HZ}"),
                *("--latency-msec=10", str(recording.path)),
            ],
            env=os.environ | self.environment,
        )
        _wait_for_bytes(recording.path, 1)
        try:
            yield recording
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)


def _wait_for_bytes(path: Path, count: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not (path.exists() and path.stat().st_size >= count):
        if time.monotonic() > deadline:
            raise RuntimeError(f"PulseAudio gives no sound for {path.name}.")
        time.sleep(0.02)


class Recording:
    """What the loudspeaker played, mono at 48 kHz."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def samples(self) -> NDArray[np.float32]:
        """Everything recorded so far; may be called while the recording runs."""
        raw = self.path.read_bytes()
        return np.frombuffer(raw[: len(raw) // 4 * 4], np.float32)

    def seconds(self) -> float:
        """Length of what was recorded so far."""
        return len(self.samples()) / RATE_HZ
