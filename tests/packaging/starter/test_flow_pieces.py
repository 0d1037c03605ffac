"""The flow over batches is the engine's own, and sees in pieces what it sees in a stream."""

from __future__ import annotations

import flow_pieces
import mlx.core as mx
import numpy as np
import pytest

from engine.speaking.flow import Flow
from tests.packaging.starter.small_flow import SMALL


@pytest.fixture(scope="module")
def flow() -> Flow:
    mx.random.seed(0)
    return Flow(SMALL)


def test_conditioning_in_training_is_the_flows_own(flow: Flow) -> None:
    tokens = mx.random.randint(0, 6561, (2, 12), key=mx.random.key(1))
    everything = np.ones((12, 12), dtype=np.bool_)
    biases = flow_pieces.bias_of(everything, 1), flow_pieces.bias_of(everything, 2)
    own = np.array(flow.conditioning(tokens))
    np.testing.assert_allclose(np.array(flow_pieces.conditioning(flow, tokens, None)), own, atol=1e-5)
    np.testing.assert_allclose(np.array(flow_pieces.conditioning(flow, tokens, biases)), own, atol=1e-5)


def test_velocity_in_training_is_the_estimators_own(flow: Flow) -> None:
    x, mu, cond = mx.random.normal((3, 2, 20, 80), key=mx.random.key(2))
    t, speaker = mx.array([0.2, 0.7]), mx.random.normal((2, 80), key=mx.random.key(3))
    own = flow.estimator(x, None, mu, t, speaker, cond)
    made = flow_pieces.velocity(flow, x, mu, t, speaker, cond, None)
    np.testing.assert_allclose(np.array(made), np.array(own), atol=1e-5)


def test_a_piece_sees_itself_the_newest_before_it_and_the_end_of_the_voice() -> None:
    seen = flow_pieces.stream_mask(300, voice=100, piece=20)
    assert seen[:100, :100].all()  # the voice sees all of itself
    assert not seen[:100, 100:].any()
    assert seen[130, 120:140].all()  # its own piece, ahead too
    assert not seen[130, 140:].any()
    assert seen[290, 50:100].all()  # the voice's last ones
    assert seen[290, 180:280].all()  # as many of the newest as the voice has
    assert not seen[290, 100:180].any()
