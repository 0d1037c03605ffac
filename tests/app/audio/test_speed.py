from __future__ import annotations

import numpy as np
import pytest

from app.audio.speed import Stretch, at_speed
from tests.sounds import babble


@pytest.mark.parametrize("speed", [0.8, 0.9, 1.25, 1.5])
def test_speed_changes_the_length_and_not_the_pitch(speed: float) -> None:
    time = np.arange(72_000) / 24_000
    voice = sum(np.sin(2 * np.pi * 130 * n * time) / n for n in range(1, 8)).astype(np.float32) * 0.2
    out = at_speed(voice, speed)
    assert len(out) == pytest.approx(72_000 / speed, abs=2)
    spectrum = np.abs(np.fft.rfft(out[4800:-4800] * np.hanning(len(out) - 9600)))
    assert np.argmax(spectrum) * 24_000 / (len(out) - 9600) == pytest.approx(130, abs=2)
    loudness = np.sqrt(np.mean(out[4800:-4800] ** 2)) / np.sqrt(np.mean(voice**2))
    assert loudness == pytest.approx(1.0, abs=0.05)


def test_normal_speed_is_the_same_samples() -> None:
    samples = np.ones(24_000, np.float32)
    assert at_speed(samples, 1.0) is samples


@pytest.mark.parametrize("speed", [0.8, 1.25, 2.0])
def test_a_stream_sounds_the_same_in_whatever_pieces_it_comes(speed: float) -> None:
    speech = babble(2.0)
    stretch = Stretch(speed)
    pieces = [stretch.push(speech[start : start + 777]) for start in range(0, len(speech), 777)]
    assert np.array_equal(np.concatenate([*pieces, stretch.finish()]), at_speed(speech, speed))
