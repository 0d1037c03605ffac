"""Draws speech with matplotlib: waveform above, mel below."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import RequestError
from engine.storage import replacing

if TYPE_CHECKING:
    from engine.events import Samples
    from engine.speaking import Voice

_RATE_HZ, _MEL_WINDOW_SAMPLES = 24_000, 1920
_WIDTH_IN, _HEIGHT_IN, _DOTS_PER_INCH = 11.2, 4.8, 100


def check_it_can_draw() -> None:
    """Raises RequestError where matplotlib is missing, before anything else is done."""
    if find_spec("matplotlib") is None:
        raise RequestError("A picture needs matplotlib: pip install 'earshot-assistant[plot]', or leave --plot out.")


def draw_speech(path: Path, samples_24k: Samples, voice: Voice) -> None:
    """Write a PNG of the speech and, below it, of the voice recording it follows. Raises StorageError."""
    sounds = [("speech", samples_24k)]
    if len(voice.recording_24k):
        sounds.append((f"voice recording {voice.name}", voice.recording_24k))
    draw_sounds(path, sounds)


def draw_sounds(path: Path, sounds: Sequence[tuple[str, Samples]]) -> None:
    """Write a PNG of sounds with their titles, one below the other. Raises RequestError or StorageError."""
    check_it_can_draw()
    from matplotlib.figure import Figure  # pyplot would look for a screen

    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * len(sounds)), layout="constrained")
    rows = figure.subplots(2 * len(sounds), 1, squeeze=False, height_ratios=[2, 3] * len(sounds))[:, 0]
    for (title, samples), wave, spectrum in zip(sounds, rows[::2], rows[1::2], strict=True):
        seconds = len(samples) / _RATE_HZ
        wave.plot(np.arange(len(samples)) / _RATE_HZ, samples, linewidth=0.5)
        wave.set(title=f"{title}, {seconds:.1f} s", xlim=(0, seconds), xticks=[])
        spectrum.imshow(_mel(samples), origin="lower", aspect="auto", cmap="inferno", extent=(0, seconds, 0, 80))
        spectrum.set(xlabel="seconds", ylabel="mel band")
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=_DOTS_PER_INCH)


def _mel(samples_24k: Samples) -> NDArray[np.float32]:
    """(80, T), low tones first."""
    from engine.speaking.voice_features import voice_mel

    return voice_mel(np.pad(samples_24k, (0, max(0, _MEL_WINDOW_SAMPLES - len(samples_24k))))).T
