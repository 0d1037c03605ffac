"""Finds a known sound in a recording, and says how well it came through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from engine.events import Samples

_SEARCH_SHIFTS = np.linspace(-1.0, 1.0, 81)


@dataclass(frozen=True, eq=False)
class Found:
    """Where a sound lies in a recording and what came of it. `blocks_db` is the SNR of each 20 ms that sound."""

    start: int  # sample of the recording
    gain: float
    snr_db: float
    blocks_db: Samples


def find(sound: Samples, sound_hz: int, recording: Samples, recording_hz: int) -> Found:
    """Align `sound` (n,) with the recording by cross-correlation and compare them sample by sample.

    One gain and one delay, fine to a fortieth of a sample, hold for the whole sound: a gap, a repetition or a missing
    piece anywhere spoils the blocks from there on.
    """
    wanted = soxr.resample(sound, sound_hz, recording_hz, quality="VHQ").astype(np.float64)
    start = _best_start(wanted, recording.astype(np.float64))
    piece = np.zeros(len(wanted))
    heard = recording[max(start, 0) : start + len(wanted)]
    piece[max(-start, 0) : max(-start, 0) + len(heard)] = heard
    wanted = _delayed_like(wanted, piece)
    gain = float(wanted @ piece / max(wanted @ wanted, 1e-12))
    rest = piece - gain * wanted
    return Found(start, gain, _db(gain * wanted, rest), _blocks(gain * wanted, rest, recording_hz // 50))


def _best_start(wanted: Samples, recording: Samples) -> int:
    size = 1 << (len(wanted) + len(recording)).bit_length()
    products = np.fft.irfft(np.fft.rfft(recording, size) * np.conj(np.fft.rfft(wanted, size)), size)
    start = int(np.argmax(products))
    return start if start < len(recording) else start - size


def _delayed_like(wanted: Samples, piece: Samples) -> Samples:
    """`wanted`, shifted by the part of a sample that fits best."""
    spectrum, frequencies = np.fft.rfft(wanted), np.fft.rfftfreq(len(wanted))
    cross = np.conj(spectrum) * np.fft.rfft(piece)
    scores = [np.real(cross * np.exp(2j * np.pi * frequencies * shift)).sum() for shift in _SEARCH_SHIFTS]
    shift = _SEARCH_SHIFTS[int(np.argmax(scores))]
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequencies * shift), len(wanted))


def _db(signal: Samples, rest: Samples) -> float:
    return float(10 * np.log10(np.sum(signal**2) / max(float(np.sum(rest**2)), 1e-12)))


def _blocks(signal: Samples, rest: Samples, length: int) -> Samples:
    count = len(signal) // length
    pairs = zip(
        np.array_split(signal[: count * length], count), np.array_split(rest[: count * length], count), strict=True
    )
    loud = np.sqrt(np.mean(signal**2)) / 10
    return np.array([_db(one, other) for one, other in pairs if np.sqrt(np.mean(one**2)) > loud])


def last_sound(recording: Samples, threshold: float = 1e-3) -> int:
    """The last sample that is not silent; -1 when all are."""
    sounding = np.flatnonzero(np.abs(recording) > threshold)
    return int(sounding[-1]) if len(sounding) else -1
