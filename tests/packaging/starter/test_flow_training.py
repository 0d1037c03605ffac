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
from engine.speaking.flow_stream import FlowStream
from engine.speaking.noise import Noise
from tests.packaging.starter.small_flow import SMALL

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
import torch_flow  # noqa: E402
import train_flow  # noqa: E402
from plan import Plan  # noqa: E402
from training import load  # noqa: E402

CPU = torch.device("cpu")


def both(config: FlowConfig = SMALL) -> tuple[Flow, torch_flow.FlowNetwork]:
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


def corpus_of_two() -> train_flow.Corpus:
    """Two utterances of the reply voice."""
    chance = np.random.default_rng(3)
    mel = (chance.standard_normal((90, 160)) - 5.0).astype(np.float16)
    codes = chance.integers(0, 6561, 90).astype(np.int32)
    voices = {train_flow.REPLY_VOICE: [(0, 0, 40), (1, 40, 90)]}
    return train_flow.Corpus(codes, mel, chance.standard_normal((2, 192)).astype(np.float32), voices)


def test_conditioning_is_the_engines() -> None:
    flow, net = both()
    tokens, _, _ = batch()
    everything = np.ones((14, 14), dtype=np.bool_)
    own = np.array(flow.conditioning(mx.array(tokens.numpy())))
    for biases in (None, tuple(torch_flow.bias_of(everything, rate, CPU) for rate in (1, 2))):
        np.testing.assert_allclose(net.conditioning(tokens, biases).detach().numpy(), own, atol=1e-5)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_with_the_sight_of_a_stream_it_makes_the_mel_of_a_stream(guidance: float) -> None:
    voice, piece, steps = 8, 4, 2
    flow, net = both(replace(SMALL, guidance=guidance))
    tokens, mel, embedding = batch(rows=1, tokens=16)
    tokens[0, voice : voice + 3] = tokens[0, :3]  # a stream begins with the voice alone, its first tokens look ahead
    stream = FlowStream(flow, Noise(80), steps=steps)
    given, vector = mx.array(tokens[0].numpy()), mx.array(embedding[0].numpy())
    state = stream.begin(given[:voice], mx.array(mel[0, : 2 * voice].numpy()), vector)
    first, state = stream.step(state, np.array(given[voice : voice + piece + 3]), last=False)
    second, _ = stream.step(state, np.array(given[voice + piece :]), last=True)
    seen = flow_pieces.stream_mask(16, voice, piece)
    biases = tuple(torch_flow.bias_of(seen, rate, CPU) for rate in (1, 2))
    rows = torch_flow.FlowBatch(tokens, mel, embedding, torch.tensor([2 * voice]), biases)
    noise = torch.from_numpy(np.array(Noise(80).rows(0, 32)))[None]
    with torch.inference_mode():
        made = torch_flow.solved(net, rows.conditions(net), rows.bias, noise, steps)[0, 2 * voice :].numpy()
    # The second piece has four tokens and none to look ahead to: the first one's eight frames, then eight more.
    np.testing.assert_allclose(made, np.concatenate([np.array(first), np.array(second)]), atol=1e-4)


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_the_solved_loss_is_the_error_of_the_engines_synthesis(guidance: float) -> None:
    flow, net = both(replace(SMALL, guidance=guidance))
    tokens, mel, embedding = batch(rows=1)
    noise = torch.from_numpy(np.random.default_rng(2).standard_normal(mel.shape).astype(np.float32))
    rows = torch_flow.FlowBatch(tokens, mel, embedding, torch.tensor([8]))
    _, error = torch_flow.solved_loss(net, rows, train_flow.FLOW_STEPS, noise)
    own_tokens, own_mel = mx.array(tokens[0].numpy()), mx.array(mel[0].numpy())
    given = own_tokens[4:], own_tokens[:4], own_mel[:8], mx.array(embedding[0].numpy()), mx.array(noise[0].numpy())
    made = flow(*given, steps=train_flow.FLOW_STEPS)
    assert error.item() == pytest.approx(mx.abs(made - own_mel[8:]).mean().item(), rel=1e-4)


def test_a_new_network_says_the_mean_mel_and_its_weights_come_back(tmp_path: Path) -> None:
    net = torch_flow.FlowNetwork(SMALL)
    net.start_at(torch.linspace(-5, 1, 80))
    x, t = torch.randn(1, 6, 80), torch.tensor([0.3])
    said = net.estimator(x, x, t, torch.zeros(1, 80), x, None)
    np.testing.assert_allclose(said[0].detach().numpy(), np.tile(np.linspace(-5, 1, 80), (6, 1)), atol=1e-5)
    training = train_flow.Training(net, Plan(10, 10, 1e-3), CPU)
    training.write(tmp_path / "flow.safetensors", torch.float32)
    flow = Flow(SMALL)
    load(flow, tmp_path / "flow.safetensors")
    again = torch_flow.FlowNetwork(SMALL)
    again.take({name: torch.from_numpy(np.array(value)) for name, value in _flat(flow).items()})
    for name, value in again.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name


@pytest.mark.parametrize("solved", [0.0, 1.0])
def test_the_loss_falls_when_trained(solved: float, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(train_flow, "LENGTHS", (60, 60, 60))
    chance, found = np.random.default_rng(3), corpus_of_two()
    training = train_flow.Training(torch_flow.FlowNetwork(SMALL), Plan(40, 10, 3e-3, warm_up=2), CPU)
    options = argparse.Namespace(solved=solved, tokens_per_batch=240)
    losses = [train_flow.one_step(training, found, chance, options)[0][0].item() for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_gradient_that_is_not_finite_changes_nothing() -> None:
    net = torch_flow.FlowNetwork(SMALL)
    training = train_flow.Training(net, Plan(10, 10, 1e-2, warm_up=1), CPU)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    tokens, mel, embedding = batch()
    frames = torch.tensor([4, 4])
    training.step(torch_flow.flow_loss, torch_flow.FlowBatch(tokens, mel * np.inf, embedding, frames))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    training.step(torch_flow.flow_loss, torch_flow.FlowBatch(tokens, mel, embedding, frames))
    assert not all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("better", [True, False])
def test_what_is_kept_in_the_end_is_the_better_one_also_beside_itself(
    better: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_flow, "CONFIG", SMALL)
    errors = iter([0.5, 0.4] if better else [0.4, 0.5])
    monkeypatch.setattr(train_flow, "mel_errors", lambda *_: {f"mel_error_{train_flow.FLOW_STEPS}_steps": next(errors)})
    target = tmp_path / "flow.safetensors"
    train_flow.Training(torch_flow.FlowNetwork(SMALL), Plan(10, 10, 1e-3), CPU).write(target, torch.float16)
    before = target.read_bytes()
    found = corpus_of_two()
    options = argparse.Namespace(
        **{"device": "cpu", "resume": target, "steps": 2, "minutes": 5, "peak": 1e-2, "warm_up": 1},
        **{"solved": 1.0, "tokens_per_batch": 240},
    )
    monkeypatch.setattr(train_flow, "LENGTHS", (60, 60, 60))
    train_flow.train(found, found, tmp_path, options)
    assert (target.read_bytes() != before) == better
