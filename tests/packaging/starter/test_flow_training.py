"""The flow is trained on what it is used for: its own forward pass, and the sight it has in a stream."""

from __future__ import annotations

from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest
import train_flow

from engine.speaking.flow import Flow

_SMALL = replace(
    train_flow.CONFIG,
    input_size=16,
    encoder=replace(
        train_flow.CONFIG.encoder, input_size=16, output_size=16, linear_units=32, num_blocks=1, num_up_blocks=1
    ),
    estimator=replace(train_flow.CONFIG.estimator, depth=1, num_heads=1, head_dim=16, hidden_size=16),
)


@pytest.fixture(scope="module")
def flow() -> Flow:
    mx.random.seed(0)
    return Flow(_SMALL)


def test_conditioning_in_training_is_the_flows_own(flow: Flow) -> None:
    tokens = mx.random.randint(0, 6561, (2, 12), key=mx.random.key(1))
    everything = np.ones((12, 12), dtype=np.bool_)
    biases = train_flow.bias_of(everything, 1), train_flow.bias_of(everything, 2)
    own = np.array(flow.conditioning(tokens))
    np.testing.assert_allclose(np.array(train_flow.conditioning(flow, tokens, None)), own, atol=1e-5)
    np.testing.assert_allclose(np.array(train_flow.conditioning(flow, tokens, biases)), own, atol=1e-5)


def test_velocity_in_training_is_the_estimators_own(flow: Flow) -> None:
    x, mu, cond = mx.random.normal((3, 2, 20, 80), key=mx.random.key(2))
    t, speaker = mx.array([0.2, 0.7]), mx.random.normal((2, 80), key=mx.random.key(3))
    own = flow.estimator(x, None, mu, t, speaker, cond)
    made = train_flow.velocity(flow, x, mu, t, speaker, cond, None)
    np.testing.assert_allclose(np.array(made), np.array(own), atol=1e-5)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_the_solved_loss_is_the_error_of_the_flows_own_synthesis(guidance: float) -> None:
    mx.random.seed(8)
    flow = Flow(replace(_SMALL, guidance=guidance))
    tokens = mx.random.randint(0, 6561, (1, 14), key=mx.random.key(1))
    mel, noise = (
        mx.random.normal((1, 28, 80), key=mx.random.key(2)),
        mx.random.normal((1, 28, 80), key=mx.random.key(3)),
    )
    embedding = mx.random.normal((1, 192), key=mx.random.key(4))
    _, error = train_flow.solved_loss(flow, tokens, mel, embedding, mx.array([8]), None, mx.random.key(3))
    made = flow(tokens[0, 4:], tokens[0, :4], mel[0, :8], embedding[0], noise[0], steps=train_flow.FLOW_STEPS)
    assert error.item() == pytest.approx(mx.abs(made - mel[0, 8:]).mean().item(), rel=1e-4)


def test_a_piece_sees_itself_the_newest_before_it_and_the_end_of_the_voice() -> None:
    seen = train_flow.stream_mask(300, voice=100, piece=20)
    assert seen[:100, :100].all()  # the voice sees all of itself
    assert not seen[:100, 100:].any()
    assert seen[130, 120:140].all()  # its own piece, ahead too
    assert not seen[130, 140:].any()
    assert seen[290, 50:100].all()  # the voice's last ones
    assert seen[290, 180:280].all()  # as many of the newest as the voice has
    assert not seen[290, 100:180].any()


def test_the_loss_falls_when_trained(flow: Flow) -> None:
    from training import Plan, Trainer

    trainer = Trainer(flow, Plan(40, 10, 3e-3, warm_up=2), train_flow.flow_loss)
    tokens = mx.random.randint(0, 6561, (4, 10), key=mx.random.key(4))
    mel = mx.random.normal((4, 20, 80), key=mx.random.key(5)) - 5.0
    batch = tokens, mel, mx.random.normal((4, 192), key=mx.random.key(6)), mx.array([0, 4, 8, 8]), None
    losses = [trainer.step(*batch, mx.random.key(7))[0].item() for _ in range(40)]
    assert losses[-1] < 0.5 * losses[0]
