"""The flow's training: its network is the engine's, its losses fall, and its weights come back. Needs PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mlx.core as mx
import numpy as np
import pytest

from engine.speaking.flow import Flow, FlowConfig
from engine.speaking.flow_stream import FlowStream
from engine.speaking.noise import Noise
from starter.networks import flow_pieces
from tests.packaging.starter.small_flow import SMALL

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.networks import torch_flow  # noqa: E402
from starter.speech.natural_lines import VOICES  # noqa: E402
from starter.training import train_flow  # noqa: E402
from starter.training.flow_corpus import FlowCorpus  # noqa: E402
from starter.training.mlx_steps import load  # noqa: E402
from starter.training.plan import Plan  # noqa: E402

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


def found_sentences(count: int = 4) -> FlowCorpus:
    """So many sentences of 40 tokens that three voices say; each utterance has codes of its own."""
    chance, length = np.random.default_rng(3), 40
    total = count * VOICES * length
    made = FlowCorpus(
        *(None, None, torch.from_numpy(np.repeat(np.arange(count * VOICES), length).astype(np.int16))),
        *(torch.from_numpy((chance.standard_normal((total, 160)) - 5.0).astype(np.float16)),),
        *(torch.from_numpy(chance.standard_normal((count * VOICES, 192)).astype(np.float32)), total),
    )
    for number in range(count * VOICES):
        made.voices[("woman", "man", "af_sky")[number % VOICES]].append(number)
        made.starts.append(number * length)
        made.lengths.append(length)
    return made


def test_a_row_is_one_voice_and_its_tokens_are_of_the_same_sentences() -> None:
    found, chance = found_sentences(), np.random.default_rng(1)
    sources = set()
    for _ in range(40):
        said, heard, who = found._row("man", 100, chance)
        assert who % VOICES == 1
        assert {place // 40 % VOICES for place in said} == {1}
        assert (said // (40 * VOICES) == heard // (40 * VOICES)).all(), "another sentence"
        assert (said % 40 == heard % 40).all(), "another moment"
        sources |= {int(place) // 40 % VOICES for place in heard}
    assert sources == {0, 1, 2}


def test_a_new_tokenizers_tokens_are_alike_where_their_digits_are() -> None:
    net = torch_flow.FlowNetwork(SMALL)
    net.input_embedding = torch.nn.Embedding(6561, 16)
    train_flow.new_tokens(net)
    table = net.input_embedding.weight.detach()
    step = table[1] - table[0]
    torch.testing.assert_close(table[3280] - table[3279], step)
    torch.testing.assert_close(table[6560], -table[0])


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
    chance, found = np.random.default_rng(3), found_sentences()
    training = train_flow.Training(torch_flow.FlowNetwork(SMALL), Plan(40, 10, 3e-3, warm_up=2), CPU)
    losses = [train_flow.one_step(training, found, chance, solved, 240)[0][0].item() for _ in range(40)]
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


def test_a_run_writes_weights_and_how_far_its_mels_are_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_flow, "CONFIG", SMALL)
    monkeypatch.setattr(train_flow, "LENGTHS", (60, 60, 60))
    known = found_sentences()
    lines = SimpleNamespace(known=known, held_out=known, refresh=lambda: None)
    options = SimpleNamespace(
        **{"device": "cpu", "resume": None, "new_tokens": False, "steps": 2, "minutes": 5, "peak": 1e-2, "warm_up": 1},
        **{"solved": 1.0, "solved_from": 0.5, "tokens_per_batch": 240},
    )
    train_flow.train(lines, tmp_path, options)
    load(Flow(SMALL), tmp_path / "flow.safetensors")
    (measured,) = map(json.loads, (tmp_path / "flow-measured.jsonl").read_text().splitlines())
    assert measured["step"] == 2
    assert measured["mel_error_woman"] > 0
    assert measured["mel_error_man"] > 0
