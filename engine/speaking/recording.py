"""From a recording of any length to the few seconds that make the best voice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError, VoiceError
from engine.events import Samples
from engine.samples import BrokenOffError, resample, stream
from engine.speaking.voice_features import RATE_MEL_HZ, RATE_TOKENS_HZ
from engine.speech_detector import SpeechDetector

LONGEST_S = 10.0
_SHORTEST_S = 2.0
_LEAST_SPEECH_S = 1.0
_SEARCHED_S = 600.0
_MARGIN_S = 0.16
_SILENT_PEAK = 1e-3
_CLIPPED_AT = 0.999
_MOST_CLIPPED = 0.2


def read_recording(path: Path) -> Samples:
    """The first ten minutes of a sound file, 24 kHz mono. Raises SoundError when it is not sound."""
    blocks: list[Samples] = []
    length = 0
    for block in _readable(path):
        blocks.append(block)
        length += len(block)
        if length >= _SEARCHED_S * RATE_MEL_HZ:
            break
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def _readable(path: Path) -> Iterator[Samples]:
    """Blocks of the file up to where it breaks off: what is there may still make a voice."""
    blocks = stream(path, RATE_MEL_HZ)
    got_any = False
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            return
        except BrokenOffError:
            if got_any:
                return
            raise
        got_any = True
        yield block


def best_part(samples_24k: Samples, what: Path | str) -> Samples:
    """At most ten seconds with as much clear speech as possible; `what` names the recording in sentences.

    Raises VoiceError when it is too short, silent, without speech or overdriven.
    """
    seconds = len(samples_24k) / RATE_MEL_HZ
    if seconds < _SHORTEST_S:
        raise VoiceError(
            "{what} lasts {seconds:.1f} seconds: record 3 to 10 seconds of one person speaking.",
            what=what,
            seconds=seconds,
        )
    if float(np.abs(samples_24k).max()) < _SILENT_PEAK:
        raise VoiceError("{what} is silent: check the microphone and record again.", what=what)
    samples_16k = resample(samples_24k, RATE_MEL_HZ, RATE_TOKENS_HZ)
    speech = SpeechDetector().probabilities(samples_16k) > 0.5
    clipped = _clipped_chunks(samples_16k)[: len(speech)]
    start, end = _best_window(speech, clipped)
    overdriven = VoiceError(
        "{what} is overdriven: move away from the microphone or lower its level, and record again.", what=what
    )
    if clipped.mean() > _MOST_CLIPPED and not (speech & ~clipped)[start:end].any():
        raise overdriven
    if speech[start:end].sum() * SpeechDetector.CHUNK_S < _LEAST_SPEECH_S:
        raise VoiceError(
            "{what} holds no clear speech: record 3 to 10 seconds of one person speaking, without music.", what=what
        )
    if (speech & clipped)[start:end].sum() > _MOST_CLIPPED * speech[start:end].sum():
        raise overdriven
    return _cut(samples_24k, start, end)


def _clipped_chunks(samples_16k: Samples) -> NDArray[np.bool_]:
    """Which chunks of the detector touch full scale, or rest on the recording's own peak, more than now and then."""
    whole = samples_16k[: len(samples_16k) // SpeechDetector.CHUNK_SAMPLES * SpeechDetector.CHUNK_SAMPLES]
    loud = np.abs(whole) >= _CLIPPED_AT
    return loud.reshape(-1, SpeechDetector.CHUNK_SAMPLES).sum(axis=1) > SpeechDetector.CHUNK_SAMPLES // 100


def _best_window(speech: NDArray[np.bool_], clipped: NDArray[np.bool_]) -> tuple[int, int]:
    """Chunks start … end of the ten seconds with most speech and least clipping, trimmed to where somebody speaks."""
    worth = speech.astype(np.int64) - 2 * (speech & clipped)
    width = min(int(LONGEST_S / SpeechDetector.CHUNK_S), len(speech))
    sums = np.concatenate([[0], np.cumsum(worth)])
    start = int(np.argmax(sums[width:] - sums[:-width])) if width else 0
    inside = np.flatnonzero(speech[start : start + width])
    if not len(inside):
        return start, start
    return start + int(inside[0]), start + int(inside[-1]) + 1


def _cut(samples_24k: Samples, start: int, end: int) -> Samples:
    """The samples of these chunks, with a little room on both sides."""
    first = max(0, int((start * SpeechDetector.CHUNK_S - _MARGIN_S) * RATE_MEL_HZ))
    last = int((end * SpeechDetector.CHUNK_S + _MARGIN_S) * RATE_MEL_HZ)
    return samples_24k[first : min(last, first + int(LONGEST_S * RATE_MEL_HZ))]


def checked(samples: Samples, rate_hz: int) -> Samples:
    """Samples of any rate as finite 24 kHz mono. Raises SoundError for an impossible rate."""
    if rate_hz <= 0:
        raise SoundError("A recording cannot have {rate_hz} samples a second.", rate_hz=rate_hz)
    return resample(np.nan_to_num(np.asarray(samples, np.float32)), rate_hz, RATE_MEL_HZ)
