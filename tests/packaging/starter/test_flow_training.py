"""The flow's training: its network is the engine's, its losses fall, and its weights come back. Needs PyTorch."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import flow_pieces
import mlx.core as mx
import numpy as np
import pytest

from engine.speaking.flow import Flow, FlowConfig

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
import torch_flow  # noqa: E402
import train_flow  # noqa: E402
from plan import Plan  # noqa: E402
from training import load  # noqa: E402

CPU = torch.device("cpu")
_SMALL = replace(
    flow_pieces.CONFIG,
    input_size=16,
    encoder=replace(
        flow_pieces.CONFIG.encoder, input_size=16, output_size=16, linear_units=32, num_blocks=1, num_up_blocks=1
    ),
    estimator=replace(flow_pieces.CONFIG.estimator, depth=1, num_heads=1, head_dim=16, hidden_size=16),
)


def both(config: FlowConfig = _SMALL) -> tuple[Flow, torch_flow.FlowNetwork]:
    """The engine's flow with random weights, and the network that is trained with the same."""
    mx.random.seed(0)
    flow, net = Flow(config), torch_flow.FlowNetwork(config)
    net.take({name: torch.from_numpy(np.array(value)) for name, value in _flat(flow).items()})
    return flow, net


def _flat(flow: Flow) -> dict[str, mx.array]:
    from mlx.utils import tree_flatten

    return dict(tree_flatten(flow.trainable_parameters()))


def batch(rows: int = 2, tokens: int = 14) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, mel and embeddings."""
    chance = np.random.default_rng(1)
    mel = chance.standard_normal((rows, 2 * tokens, 80)).astype(np.float32)
    embedding = chance.standard_normal((rows, 192)).astype(np.float32)
    found = chance.integers(0, 6561, (rows, tokens))
    return torch.from_numpy(found), torch.from_numpy(mel), torch.from_numpy(embedding)


def test_conditioning_is_the_engines_with_the_sight_of_a_stream_too() -> None:
    flow, net = both()
    tokens, _, _ = batch()
    seen = flow_pieces.stream_mask(14, voice=5, piece=4)
    for sight in (None, seen):
        here = None if sight is None else tuple(torch_flow.bias_of(sight, rate, CPU) for rate in (1, 2))
        there = None if sight is None else tuple(flow_pieces.bias_of(sight, rate) for rate in (1, 2))
        own = flow_pieces.conditioning(flow, mx.array(tokens.numpy()), there)
        np.testing.assert_allclose(net.conditioning(tokens, here).detach().numpy(), np.array(own), atol=1e-5)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_the_solved_loss_is_the_error_of_the_engines_synthesis(guidance: float) -> None:
    flow, net = both(replace(_SMALL, guidance=guidance))
    tokens, mel, embedding = batch(rows=1)
    noise = torch.from_numpy(np.random.default_rng(2).standard_normal(mel.shape).astype(np.float32))
    frames = torch.tensor([8])
    _, error = torch_flow.solved_loss(net, tokens, mel, embedding, frames, None, train_flow.FLOW_STEPS, noise)
    own_tokens, own_mel = mx.array(tokens[0].numpy()), mx.array(mel[0].numpy())
    given = own_tokens[4:], own_tokens[:4], own_mel[:8], mx.array(embedding[0].numpy()), mx.array(noise[0].numpy())
    made = flow(*given, steps=train_flow.FLOW_STEPS)
    assert error.item() == pytest.approx(mx.abs(made - own_mel[8:]).mean().item(), rel=1e-4)


def test_a_new_network_says_the_mean_mel_and_its_weights_come_back(tmp_path: Path) -> None:
    net = torch_flow.FlowNetwork(_SMALL)
    net.start_at(torch.linspace(-5, 1, 80))
    x, t = torch.randn(1, 6, 80), torch.tensor([0.3])
    said = net.estimator(x, x, t, torch.zeros(1, 80), x, None)
    np.testing.assert_allclose(said[0].detach().numpy(), np.tile(np.linspace(-5, 1, 80), (6, 1)), atol=1e-5)
    training = train_flow.Training(net, Plan(10, 10, 1e-3), CPU)
    training.write(tmp_path / "flow.safetensors", torch.float32)
    flow = Flow(_SMALL)
    load(flow, tmp_path / "flow.safetensors")
    again = torch_flow.FlowNetwork(_SMALL)
    again.take({name: torch.from_numpy(np.array(value)) for name, value in _flat(flow).items()})
    for name, value in again.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name


@pytest.mark.parametrize("solved", [0.0, 1.0])
def test_the_loss_falls_when_trained(solved: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(train_flow, "LENGTHS", (60, 60, 60))
    chance = np.random.default_rng(3)
    mel = (chance.standard_normal((90, 160)) - 5.0).astype(np.float16)
    codes = chance.integers(0, 6561, 90).astype(np.int32)
    voices = {train_flow.REPLY_VOICE: [(0, 0, 40), (1, 40, 90)]}
    found = train_flow.Corpus(codes, mel, chance.standard_normal((2, 192)).astype(np.float32), voices)
    training = train_flow.Training(torch_flow.FlowNetwork(_SMALL), Plan(40, 10, 3e-3, warm_up=2), CPU)
    options = argparse.Namespace(solved=solved, tokens_per_batch=240)
    losses = [train_flow.one_step(training, found, chance, options)[0][0].item() for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    net = torch_flow.FlowNetwork(_SMALL)
    training = train_flow.Training(net, Plan(10, 10, 1e-2, warm_up=1), CPU)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tokens, mel, embedding = batch()
    training.step(torch_flow.flow_loss, tokens, mel * np.inf, embedding, torch.tensor([4, 4]), None)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    training.step(torch_flow.flow_loss, tokens, mel, embedding, torch.tensor([4, 4]), None)
    assert not all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
