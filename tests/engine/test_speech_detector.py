from __future__ import annotations

import os

import numpy as np
import pytest

from engine.speech_detector import SpeechDetector
from tests.sounds import babble, silence, tone


def test_speech_is_told_from_tones_and_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    assert SpeechDetector().probabilities(babble(2.0)).mean() > 0.8
    assert SpeechDetector().probabilities(tone(2.0)).max() < 0.3
    assert SpeechDetector().probabilities(noise).max() < 0.3


def test_digital_silence_is_not_speech_and_makes_the_detector_start_afresh() -> None:
    detector = SpeechDetector()
    first = detector.probabilities(babble(1.0))
    assert detector.probabilities(silence(1.0)).max() == 0
    np.testing.assert_array_equal(detector.probabilities(babble(1.0)), first)


def test_loading_the_network_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    SpeechDetector()
    assert "OMP_THREAD_LIMIT" not in os.environ
    monkeypatch.setenv("OMP_THREAD_LIMIT", "3")
    SpeechDetector()
    assert os.environ["OMP_THREAD_LIMIT"] == "3"
