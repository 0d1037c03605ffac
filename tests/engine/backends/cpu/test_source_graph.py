"""The graph's source is that of the network."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu.source_graph import SourceByOnnx
from engine.speaking.source import advances
from engine.speaking.vocoder import Vocoder, VocoderConfig

CONFIG = VocoderConfig(32, 16, 80, 20)


@pytest.mark.parametrize("noisy", [True, False])
def test_the_source_is_that_of_the_network_however_long_it_has_sounded(noisy: bool) -> None:
    vocoder = Vocoder(CONFIG)
    vocoder.m_source.l_linear.weight = mx.random.normal((1, 20), key=mx.random.key(2))
    vocoder.m_source.l_linear.bias = mx.array([0.1])
    f0 = mx.random.uniform(-100, 400, (2, 12), key=mx.random.key(0))  # a third of it is not voiced
    f0 = mx.maximum(f0, 0)
    phases = mx.cumsum(advances(f0, 50.0), axis=1) + mx.array(0xF1234567, mx.uint32)
    noise = mx.random.normal((2, 12 * CONFIG.hop_samples), key=mx.random.key(1)) if noisy else None
    expected, made = (np.array(take(f0, phases, noise)) for take in (vocoder.excite, SourceByOnnx(vocoder)))
    assert made.shape == expected.shape == (2, 12 * CONFIG.hop_samples)
    assert np.abs(expected).max() > 0.3
    assert np.abs(made - expected).max() <= 2e-5
