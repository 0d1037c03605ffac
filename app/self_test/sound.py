"""Checks of what reads, hears and plays sound."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

_RATE_HZ = 24_000
_TONE_HZ = 440.0
_TONE_S = 0.5
# Written here and read again; what only another program writes lies in resources/.
_WRITTEN = {
    **{"wav": ("WAV", "PCM_16"), "flac": ("FLAC", "PCM_16"), "aiff": ("AIFF", "PCM_16"), "mp3": ("MP3", None)},
    **{"ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")},
}
_LOUDEST_OTHER = 0.1  # of the tone's own strength


def find_sound_devices() -> str:
    """Load PortAudio. Raises OSError where it is missing."""
    import sounddevice
    import soundfile
    import soxr

    portaudio = sounddevice.get_portaudio_version()[1]
    return f"{portaudio}; libsndfile {soundfile.__libsndfile_version__}; soxr {soxr.__version__}"


def decode_files() -> str:
    """Decode one file of each kind and find its tone. Raises RuntimeError where that is not in it."""
    import soundfile

    from engine.resources import resource
    from engine.samples import read

    time = np.arange(round(_RATE_HZ * _TONE_S)) / _RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * _TONE_HZ * time)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = [resource("sounds", "tone.m4a")]
        for ending, (kind, inside) in _WRITTEN.items():
            files.append(Path(folder) / f"tone.{ending}")
            soundfile.write(files[-1], tone, _RATE_HZ, format=kind, subtype=inside)
        for file in files:
            _require_tone(read(file, 16_000), file.suffix)
    return ", ".join(file.suffix[1:] for file in files)


def _require_tone(samples_16k: np.ndarray, kind: str) -> None:
    if not 0.8 * _TONE_S < len(samples_16k) / 16_000 < 1.5 * _TONE_S:
        raise RuntimeError(f"a {kind} file of {_TONE_S} s was decoded into {len(samples_16k) / 16_000:.2f} s")
    strength = np.abs(np.fft.rfft(samples_16k * np.hanning(len(samples_16k)))) ** 2
    hz = np.fft.rfftfreq(len(samples_16k), 1 / 16_000)
    near = np.abs(hz - _TONE_HZ) < 20
    if strength[~near].sum() > _LOUDEST_OTHER * strength[near].sum():
        raise RuntimeError(f"a {kind} file was decoded into something else than its tone")


def find_speech() -> str:
    """Find speech in a recording that comes along, and none in silence."""
    from engine.speech_detector import SpeechDetector

    detector = SpeechDetector()
    speech = detector.probabilities(examples_16k()[0])
    detector.reset()
    hush = detector.probabilities(np.random.default_rng(0).normal(0, 2e-3, 16_000).astype(np.float32))
    if speech.max() < 0.8 or hush.max() > 0.5:
        raise RuntimeError(f"speech is found with {speech.max():.2f} where it is and {hush.max():.2f} where it is not")
    return f"{(speech > 0.5).mean():.0%} of a recording is speech"


def examples_16k() -> list[np.ndarray]:
    """The recorded questions that come along, in their order."""
    from engine.resources import resource
    from engine.samples import read

    return [read(file, 16_000) for file in sorted(resource("examples").glob("*.flac"))]
