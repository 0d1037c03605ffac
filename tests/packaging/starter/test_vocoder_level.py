"""A vocoder made louder says the same, louder."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from engine.speaking.vocoder import Vocoder, VocoderConfig
from starter.training.vocoder_level import louder


def test_a_vocoder_made_louder_says_the_same_louder() -> None:
    mx.random.seed(1)
    vocoder = Vocoder(VocoderConfig(base_channels=16, f0_channels=8, harmonics=5))
    vocoder.eval()
    mel, noise = mx.random.normal((1, 20, 80)) - 4, mx.random.normal((1, 20 * 480))
    before = np.array(vocoder(mel, noise))
    vocoder.load_weights(list(louder(dict(tree_flatten(vocoder.parameters())), 0.5).items()), strict=False)
    after = np.array(vocoder(mel, noise))
    quiet = np.abs(after) < 0.98  # what is louder is cut off
    assert np.abs(before[quiet]).max() > 1e-3
    np.testing.assert_allclose(after[quiet], before[quiet] * np.exp(0.5), rtol=1e-3, atol=1e-5)
