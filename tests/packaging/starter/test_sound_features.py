"""The features that training makes on the GPU are the ones the engine makes of a recording."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from engine.speaking import voice_features
from starter.speech import sound_features


def _speechlike(rate_hz: int) -> np.ndarray:
    t = np.arange(2 * rate_hz) / rate_hz
    tone = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 20))
    return (0.1 * tone * (1 + np.sin(2 * np.pi * 3 * t)) + 1e-3 * np.sin(900 * t)).astype(np.float32)


def test_log_mel_agrees_with_the_engine() -> None:
    samples = _speechlike(16_000)
    made = np.array(sound_features.log_mel(mx.array(samples)[None]))[0]
    np.testing.assert_allclose(made, voice_features.log_mel(samples).reshape(128, -1).T, atol=2e-3)


def test_speech_mel_agrees_with_the_engine() -> None:
    samples = _speechlike(24_000)
    made = np.array(sound_features.speech_mel(mx.array(samples)[None]))[0]
    np.testing.assert_allclose(made, voice_features.voice_mel(samples), atol=2e-3)


def test_fbank_agrees_with_kaldi() -> None:
    samples = _speechlike(16_000)
    made = np.array(sound_features.fbank(mx.array(samples)[None]))[0]
    np.testing.assert_allclose(made, voice_features.kaldi_fbank(samples), atol=2e-2)


@pytest.mark.parametrize("hz", [80.0, 123.4, 200.0, 333.0])
def test_pitch_finds_the_fundamental_of_a_harmonic_tone(hz: float) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
    from starter.speech.pitch import pitch

    t = np.arange(24_000) / 24_000
    tone = 0.1 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 8))
    found = pitch(torch.tensor(tone, dtype=torch.float32)[None])[0].numpy()
    assert found.shape == (50,)
    np.testing.assert_allclose(found[3:-3], hz, rtol=2e-3)


def test_silence_has_no_pitch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
    from starter.speech.pitch import pitch

    assert pitch(torch.zeros(1, 24_000)).max() == 0.0


def test_the_mel_made_with_torch_agrees_with_the_engine() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
    from starter.networks.vocoder_losses import speech_mel

    samples = _speechlike(24_000)
    made = speech_mel(torch.tensor(samples)[None])[0].numpy()
    np.testing.assert_allclose(made, voice_features.voice_mel(samples), atol=2e-3)
