from __future__ import annotations

import numpy as np
import pytest

from engine.samples import resample
from engine.serving.realtime.config import TurnDetection
from engine.serving.realtime.input_buffer import InputBuffer, SpeechStarted, SpeechStopped
from engine.serving.realtime.sound_forms import FORMS, Incoming, Outgoing
from tests.sounds import babble


def decoded(form: str, code: int) -> float:
    """What a byte of G.711 stands for, in 16-bit steps."""
    incoming = Incoming(form)
    heard = np.concatenate([incoming.push(bytes([code]) * 800), incoming.finish()])
    return float(np.median(heard)) * 32768


@pytest.mark.parametrize(
    ("form", "code", "steps"),
    [
        *(("audio/pcmu", 0xFF, 0), ("audio/pcmu", 0x80, 32124), ("audio/pcmu", 0x00, -32124)),
        *(("audio/pcma", 0xD5, 8), ("audio/pcma", 0xAA, 32256), ("audio/pcma", 0x2A, -32256)),
    ],
)
def test_g711_is_read_as_its_tables_say(form: str, code: int, steps: int) -> None:
    assert decoded(form, code) == pytest.approx(steps, abs=0.02 * abs(steps) + 1)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_sent_is_heard_again(form: str) -> None:
    time = np.arange(24_000) / 24_000
    sound = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    outgoing, incoming = Outgoing(form), Incoming(form)
    data = b"".join([*(outgoing.push(piece) for piece in np.split(sound, 30)), outgoing.finish()])
    heard = [incoming.push(data[start : start + 333]) for start in range(0, len(data), 333)]  # odd pieces
    samples = np.concatenate([*heard, incoming.finish()])
    wanted = resample(sound, 24_000, 16_000)
    assert len(samples) == pytest.approx(len(wanted), abs=2)
    middle = slice(2000, 14_000)
    error = samples[middle] - wanted[middle]
    assert np.sqrt(np.mean(error**2)) < 0.02 * np.sqrt(np.mean(wanted[middle] ** 2))


def test_silence_does_not_pile_up() -> None:
    buffer = InputBuffer()
    buffer.detect(TurnDetection())
    for _ in range(100):
        assert list(buffer.push(np.zeros(16_000, np.float32))) == []
    assert buffer.seconds < 1.0


def test_speech_comes_with_what_was_just_before_it() -> None:
    buffer = InputBuffer()
    buffer.detect(TurnDetection(prefix_padding_ms=200, silence_duration_ms=400))
    sound = np.concatenate([np.zeros(32_000, np.float32), babble(1.0), np.zeros(16_000, np.float32)])
    happened = [each for piece in np.split(sound, 200) for each in buffer.push(piece)]
    started, stopped = happened
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert 1500 <= started.at_ms <= 2100
    assert stopped.at_ms - started.at_ms == pytest.approx(len(stopped.samples_16k) / 16, abs=1)
    assert buffer.seconds < 1.0


def test_a_buffer_without_a_detector_keeps_everything() -> None:
    buffer = InputBuffer()
    for _ in range(5):
        assert list(buffer.push(babble(1.0))) == []
    assert len(buffer.take()) == 5 * 16_000
    assert buffer.seconds == 0
