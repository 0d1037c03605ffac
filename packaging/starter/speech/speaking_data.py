"""Speech of flite and espeak-ng, made on this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Speaker:
    """A synthetic voice. `shift` plays the recording that much faster, moving pitch and formants together.

    `rate` is flite's duration stretch (1.0 is normal, more is slower) or espeak-ng's words a minute.
    """

    program: str
    voice: str
    rate: float = 1.0
    pitch: int = 50
    shift: float = 1.0

    @property
    def name(self) -> str:
        """Who it sounds like: what changes the voice's colour, not its speed."""
        return f"{self.program}:{self.voice}:{self.pitch}:{self.shift:.2f}"


def speak(text: str, speaker: Speaker) -> tuple[NDArray[np.int16], int]:
    """The text as int16 mono samples (n,) and their rate. Raises CalledProcessError when the program fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav", dir=_scratch()) as file:
        subprocess.run(_command(text, speaker, file.name), check=True, capture_output=True, timeout=60)
        with wave.open(file.name, "rb") as sound:
            rate_hz = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return samples, round(rate_hz * speaker.shift)


def _command(text: str, speaker: Speaker, path: str) -> list[str]:
    if speaker.program == "flite":
        stretch = f"duration_stretch={speaker.rate:.3f}"
        return ["flite", "-voice", speaker.voice, "--setf", stretch, "-t", text, "-o", path]
    options = ["-v", speaker.voice, "-s", str(round(speaker.rate)), "-p", str(speaker.pitch)]
    return ["espeak-ng", *options, "-w", path, "--", text]


def _scratch() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None
