"""Windows, counts and batches. (How close the numbers are to the official ones: tests/test_parity.py.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from engine.hearing import WINDOW_SAMPLES, Adaptor, Encoder, Hearing, frame_count, log_mel, patch_count, patch_counts

CONFIG = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 1, "llm_dim": 24}


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    mx.random.seed(0)
    encoder, adaptor = Encoder.from_config(CONFIG), Adaptor.from_config(CONFIG, 32)
    mx.eval(encoder.parameters(), adaptor.parameters())
    return Hearing(encoder, adaptor)


def _noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 399, 400, 401, 16_000, 23_456])
def test_frames_are_as_many_as_counted(samples: int) -> None:
    mel = log_mel(_noise(samples))
    assert mel.shape == (128, frame_count(samples))
    assert bool(mx.isfinite(mel).all())


def test_silence_is_even_and_finite() -> None:
    mel = np.array(log_mel(np.zeros(16_000, dtype=np.float32)))
    np.testing.assert_allclose(mel, (-10 + 4) / 4, atol=1e-5)


def test_a_tone_sounds_in_its_own_band() -> None:
    seconds = np.arange(16_000) / 16_000
    mel = np.array(log_mel(np.sin(2 * np.pi * 1000 * seconds).astype(np.float32)))
    low, high = (int(mel[:, 50].argmax()) for mel in (mel, np.array(log_mel(np.sin(2 * np.pi * 3000 * seconds)))))
    assert mel[:, 50].max() > mel[:, 50].min() + 1.5
    assert low < high


@pytest.mark.parametrize("wrong", [np.zeros(0, dtype=np.float32), np.zeros((2, 5), dtype=np.float32)])
def test_what_is_no_row_of_samples_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="non-empty row"):
        log_mel(wrong)


@pytest.mark.parametrize("samples", [1, 800, 16_000, 47_999, WINDOW_SAMPLES + 1, WINDOW_SAMPLES + 8_000])
def test_embeddings_are_as_many_as_counted(hearing: Hearing, samples: int) -> None:
    counts = patch_counts(samples)
    assert [window.shape for window in hearing.encode(_noise(samples))] == [(count, 24) for count in counts]


def test_the_same_sound_gives_the_same_embeddings_whatever_stands_beside_it(hearing: Hearing) -> None:
    """Batched windows of one length equal the windows alone; of different lengths they keep their counts."""
    a, b, short = _noise(32_000, 1), _noise(32_000, 2), _noise(9_000, 3)
    together = hearing.encode_batch([a, b])
    for window, alone in zip((a, b), together, strict=True):
        np.testing.assert_allclose(np.array(hearing.encode(window)[0]), np.array(alone), atol=1e-4)
    mixed = hearing.encode_batch([a, short])
    assert [row.shape[0] for row in mixed] == [patch_count(frame_count(n)) for n in (32_000, 9_000)]


def test_what_lies_behind_a_windows_end_cannot_be_heard(hearing: Hearing) -> None:
    """Keys beyond a row's length are masked: other numbers there change nothing well inside it."""
    mel = log_mel(_noise(16_000))
    T = mel.shape[1]
    lengths = mx.array([T - 2])
    padded = mx.pad(mel, [(0, 0), (0, 100)])
    loud = mx.concatenate([mel, mx.ones((128, 100)) * 3], axis=1)
    quiet_features, _ = hearing.encoder(padded[None], lengths)
    loud_features, _ = hearing.encoder(loud[None], lengths)
    inside = (T - 2) // 4 - 2
    np.testing.assert_allclose(np.array(quiet_features[:, :inside]), np.array(loud_features[:, :inside]), atol=1e-5)


def test_windows_that_are_too_long_or_none_at_all(hearing: Hearing) -> None:
    with pytest.raises(ValueError, match="at most"):
        hearing.encode_batch([_noise(WINDOW_SAMPLES + 1)])
    assert hearing.encode_batch([]) == []


def test_published_convolutions_are_turned_round() -> None:
    stored = {"conv1.weight": mx.zeros((16, 128, 3)), "conv1.bias": mx.zeros(16)}
    assert {name: array.shape for name, array in Encoder.published(stored).items()} == {
        "conv1.weight": (16, 3, 128),
        "conv1.bias": (16,),
    }
    assert Adaptor.published({"conv.weight": mx.zeros((4, 5, 3))})["conv.weight"].shape == (4, 3, 5)


def test_training_reaches_the_first_convolution(hearing: Hearing) -> None:
    mel = log_mel(_noise(8_000))[None]

    def loss(encoder: Encoder) -> mx.array:
        features, _ = encoder(mel, mx.array([mel.shape[2] - 2]))
        return mx.square(features[..., 0] - 1).mean()

    step: Callable[..., Any] = nn.value_and_grad(hearing.encoder, loss)
    _, gradients = step(hearing.encoder)
    assert float(mx.abs(gradients["conv1"]["weight"]).max()) > 0


def test_a_window_encoded_in_steps_is_the_same_window(hearing: Hearing) -> None:
    window = _noise(23_456)
    steps = hearing.encode_in_steps(window)
    for _ in range(len(hearing.encoder.blocks) + 1):
        next(steps)
    with pytest.raises(StopIteration) as ended:
        next(steps)
    embeddings = ended.value.value
    np.testing.assert_array_equal(np.array(embeddings), np.array(hearing.encode(window)[0]))
