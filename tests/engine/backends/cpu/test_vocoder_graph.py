"""The vocoder's graph gives what the network gives."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map

from engine.backends.cpu.vocoder_graph import VocoderByOnnx
from engine.speaking.vocoder import Vocoder, VocoderConfig

ONE_BLOCK = VocoderConfig(32, 16, 80, 4, block_kernels=(7,), source_kernels=(3, 3, 3))
THREE_BLOCKS = VocoderConfig(32, 16, 80, 4)


def vocoder(config: VocoderConfig, loudness: float = 1.0) -> Vocoder:
    """One of random weights, biases and activations."""
    made = Vocoder(config)
    keys = iter(mx.random.split(mx.random.key(3), 1000))
    made.update(tree_map(lambda value: value + 0.02 * mx.random.normal(value.shape, key=next(keys)), made.parameters()))
    made.conv_post.weight = made.conv_post.weight * loudness
    made.fuse()
    return made


@pytest.mark.parametrize("config", [ONE_BLOCK, THREE_BLOCKS], ids=["one block", "three blocks"])
@pytest.mark.parametrize("loudness", [1.0, 300.0], ids=["quiet", "limited"])
def test_samples_are_those_of_the_network(config: VocoderConfig, loudness: float) -> None:
    network = vocoder(config, loudness)
    mel = mx.random.normal((2, 9, 80), key=mx.random.key(0))
    source = 0.1 * mx.random.normal((2, 9 * config.hop_samples), key=mx.random.key(1))
    expected, made = (np.array(take(mel, source)) for take in (network.shape, VocoderByOnnx(network)))
    assert made.shape == expected.shape == (2, 9 * config.hop_samples)
    limited = np.abs(expected) >= 0.99
    assert limited.any() == (loudness > 1)
    assert np.abs(made - expected).max() <= (1e-5 if loudness == 1 else 1e-3) * np.abs(expected).max()
