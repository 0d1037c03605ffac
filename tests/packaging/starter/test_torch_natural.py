"""Natural speech on a GPU: weights unpacked, resampling, surroundings, labels as the engine's tokenizer gives them."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from engine.resources import resource
from starter.networks.speech_tokenizer import SpeechTokenizer
from starter.speech.sound_features import log_mel
from starter.training.from_shipped import speech_tokenizer

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.networks.torch_tokenizer import TokenLabels  # noqa: E402
from starter.speech.torch_sounds import heard  # noqa: E402
from starter.speech.torch_surroundings import Surroundings  # noqa: E402

CPU = torch.device("cpu")


def test_packed_weights_come_back_with_their_scales_and_zero_points() -> None:
    pytest.importorskip("onnx", reason="reads the file of natural voices; nothing else needs it")
    from starter.speech.natural_weights import unpacked

    stored = {
        "conv.weight": np.array([[[1, 3]], [[5, 7]]], np.uint8),
        "conv.weight:scale": np.float32(0.5),
        "conv.weight:zero": np.uint8(3),
        "fc.weight": np.array([[1, 2], [3, 4]], np.int8),
        "fc.weight:scale": np.array([10, 100], np.float32),
        "fc.weight:zero": np.zeros(2, np.int8),
        "lstm.W": np.ones((2, 3, 4), np.int8),
        "lstm.W:scale": np.array([2, 3], np.float32),
        "lstm.W:zero": np.zeros(2, np.int8),
        "bias": np.array([1.5], np.float32),
    }
    found = unpacked(stored)
    assert found["conv.weight"].tolist() == [[[-1.0, 0.0]], [[1.0, 2.0]]]
    assert found["fc.weight"].tolist() == [[10, 200], [30, 400]]
    assert found["lstm.W"][:, 0, 0].tolist() == [2, 3]
    assert found["bias"].tolist() == [1.5]


def test_24_khz_become_16_khz() -> None:
    pytest.importorskip("onnx", reason="reads the file of natural voices; nothing else needs it")
    from starter.speech.natural_speech import at_16k, sinc_filters

    time = torch.arange(2400) / 24_000
    made = at_16k(torch.sin(2 * torch.pi * 440 * time)[None], sinc_filters())
    wanted = torch.sin(2 * torch.pi * 440 * torch.arange(1600) / 16_000)
    assert made.shape == (1, 1600)
    assert (made[0, 100:-100] - wanted[100:-100]).abs().max() < 0.01


def test_labels_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    path = resource("starter") / "token2wav" / "speech_tokenizer_v2_25hz.onnx"
    weights = speech_tokenizer(path)
    network = SpeechTokenizer.of(weights)
    draws = np.random.default_rng(0)
    sounds = [(8000 * np.sin(np.cumsum(draws.uniform(0.02, 0.3, n)))).astype(np.int16) for n in (16_000, 12_345)]
    labels = TokenLabels({name: torch.from_numpy(np.array(value)) for name, value in weights.items()}, CPU)
    for sound, made in zip(sounds, labels.codes(sounds), strict=True):
        count = len(sound) // 640
        mel = log_mel(mx.array(sound[: count * 640].astype(np.float32) / 32768)[None])
        assert made.shape == (count,)
        # What ends alone is mirrored there, what is filled up ends in silence: a digit of its last tokens may differ.
        wanted = np.array(network.codes(mel))[0, :count]
        assert (wanted[:, None] // 3 ** np.arange(8) % 3 == made[:, None] // 3 ** np.arange(8) % 3).mean() > 0.95


def test_surroundings_disturb_and_stay_finite() -> None:
    around = Surroundings(CPU, room_count=4, noise_count=6)
    torch.manual_seed(0)
    rows, width = 8, 32 * 1600
    source = (3000 * torch.randn(rows, width * 6 // 5)).to(torch.int16)
    counts = [torch.full((rows,), value) for value in (40_000, 0, 45_000)]
    samples, lead, length = counts
    mels, frames = heard(source, samples, torch.ones(rows), lead, length, width, 0.8, around)
    clean, _ = heard(source, samples, torch.ones(rows), lead, length, width, 0.0, around)
    assert torch.isfinite(mels).all()
    assert frames.tolist() == [(45_000 + 479) // 160] * rows
    assert (mels - clean).abs().mean() > 0.05


def test_a_negative_tempo_plays_backwards() -> None:
    source = torch.arange(-4000, 4000)[None].to(torch.int16)
    given = (torch.tensor([8000]), torch.tensor([-1.0]), torch.tensor([8000]), torch.tensor([8000]))
    forwards = torch.flip(source, (1,))
    mel, _ = heard(source, *given, 8000, 0.0)
    same, _ = heard(
        forwards, torch.tensor([8000]), torch.tensor([1.0]), torch.tensor([0]), torch.tensor([8000]), 8000, 0.0
    )
    assert (mel - same).abs().mean() < 0.05
