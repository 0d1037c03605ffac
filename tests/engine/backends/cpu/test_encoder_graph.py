"""The encoder's graphs hear what the network hears, and a CPU takes them where they are worth it."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map

from engine.backends.cpu import Cpu
from engine.backends.cpu.encoder_graph import BeginningByOnnx, BlockByOnnx
from engine.hearing import Adaptor, Encoder, Hearing

SIZES = {"n_mels": 16, "n_audio_ctx": 60, "n_audio_state": 24, "n_audio_head": 3, "n_audio_layer": 2}


@pytest.fixture
def encoder() -> Encoder:
    """One of random weights, biases and norms."""
    made = Encoder.from_config(SIZES)
    keys = iter(mx.random.split(mx.random.key(3), 1000))
    made.update(tree_map(lambda value: value + 0.1 * mx.random.normal(value.shape, key=next(keys)), made.parameters()))
    return made


def _attached(encoder: Encoder) -> None:
    adaptor = Adaptor.from_config(SIZES | {"llm_dim": 16, "kernel_size": 3, "adapter_stride": 2}, 24)
    Cpu().attach_hearing(Hearing(encoder, adaptor))


@pytest.mark.parametrize("frames", [(41,), (40, 17, 3)])  # one window, and several that are padded
def test_features_are_those_of_the_network(encoder: Encoder, frames: tuple[int, ...]) -> None:
    mels = mx.random.normal((len(frames), 16, max(frames)), key=mx.random.key(1))
    lengths = mx.array(frames) - 2
    expected, counts = encoder(mels, lengths)
    steps = [np.array(step) for step in encoder.in_steps(mels, lengths)]
    _attached(encoder)
    assert isinstance(encoder.begin, BeginningByOnnx)
    assert all(isinstance(block.compute, BlockByOnnx) for block in encoder.blocks)
    features, same_counts = encoder(mels, lengths)
    assert counts.tolist() == same_counts.tolist()
    assert np.abs(np.array(features) - expected).max() <= 1e-5 * np.abs(expected).max()
    for step, same in zip(steps, encoder.in_steps(mels, lengths), strict=True):
        assert np.abs(np.array(same) - step).max() <= 1e-5 * np.abs(step).max()


def test_a_large_or_a_half_precise_encoder_stays_as_it_is(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.backends.cpu.cpu.LARGE_BYTES", 1000)
    _attached(encoder)
    assert encoder.begin is encoder.blocks[0].compute is None
    monkeypatch.undo()
    encoder.set_dtype(mx.float16)
    _attached(encoder)
    assert encoder.begin is encoder.blocks[0].compute is None


def test_blocks_with_packed_matrices_are_left_to_mlx(encoder: Encoder) -> None:
    second = encoder.blocks[1]
    second.mlp[2] = second.mlp[2].to_quantized(group_size=32, bits=8)
    mels, lengths = mx.random.normal((1, 16, 41), key=mx.random.key(1)), mx.array([39])
    expected, _ = encoder(mels, lengths)
    _attached(encoder)
    assert isinstance(encoder.blocks[0].compute, BlockByOnnx)
    assert second.compute is None
    features, _ = encoder(mels, lengths)
    assert np.abs(np.array(features) - expected).max() <= 1e-5 * np.abs(expected).max()
