"""Decides whether an utterance contains speech, so that silence never reaches the model."""

from __future__ import annotations

from engine.events import Samples
from engine.speech_detector import SpeechDetector

SHORTEST_SPEECH_S = 0.3
_LIKELY = 0.5


def speech_seconds(samples_16k: Samples) -> float:
    """Seconds of speech in a recording (n,)."""
    likely = SpeechDetector().probabilities(samples_16k) > _LIKELY
    return float(likely.sum()) * SpeechDetector.CHUNK_S


def has_speech(samples_16k: Samples) -> bool:
    """Whether at least 0.3 s of it are speech."""
    return speech_seconds(samples_16k) >= SHORTEST_SPEECH_S
