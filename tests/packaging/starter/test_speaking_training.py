"""Flow and vocoder trained as one: rows begin with a recording, pieces lie on what was recorded, and both learn."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mlx.core as mx
import numpy as np
import pytest

from engine.resources import resource
from engine.speaking.flow import Flow
from engine.speaking.voice import Voice
from tests.packaging.starter.small_flow import SMALL
from tests.packaging.starter.test_flow_training import found_sentences

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from safetensors.numpy import load_file  # noqa: E402

from starter.networks.torch_ear import Ear, Judge, TokenJudge  # noqa: E402
from starter.networks.torch_flow import FlowNetwork  # noqa: E402
from starter.networks.vocoder_critics import Critics  # noqa: E402
from starter.networks.vocoder_network import Sizes, VocoderNetwork  # noqa: E402
from starter.training import train_speaking  # noqa: E402
from starter.training.flow_corpus import TOKEN_SAMPLES, FlowCorpus  # noqa: E402
from starter.training.from_shipped import speech_tokenizer, trained  # noqa: E402
from starter.training.mlx_steps import load  # noqa: E402
from starter.training.train_vocoder import started  # noqa: E402

RECORDED = 12  # tokens of a voice's recording


@pytest.fixture(scope="module")
def ear() -> Ear:
    weights = trained(resource("starter"))
    return Ear({name: torch.from_numpy(np.array(w)) for name, w in weights.items() if not name.startswith("llm.")})


@pytest.fixture(scope="module")
def tokenizer() -> TokenJudge:
    weights = speech_tokenizer(resource("starter") / "token2wav" / "speech_tokenizer_v2_25hz.onnx")
    return TokenJudge({name: torch.from_numpy(np.array(weight)) for name, weight in weights.items()})


def corpus() -> FlowCorpus:
    """Twelve utterances whose samples count up, and recordings of both built-in voices."""
    found = found_sentences()
    count = len(found.codes) * TOKEN_SAMPLES
    found.samples = (torch.arange(count) % 30_000).short().view(-1, TOKEN_SAMPLES)
    for name in ("woman", "man"):
        tokens, mel = np.full(RECORDED, 6000, np.int32), np.full((2 * RECORDED, 80), -7.0, np.float32)
        found.begin_with(name, Voice(name, tokens, np.full(192, 0.5, np.float32), mel))
    return found


def test_rows_begin_with_the_recording_and_then_a_sentence() -> None:
    found = corpus()
    rows = found.rows_after("man", 100, 6, np.random.default_rng(1))
    assert (rows.tokens[:, :RECORDED] == 6000).all()
    assert (rows.mel[:, : 2 * RECORDED] == -7.0).all()
    assert (rows.embeddings == 0.5).all()
    assert (rows.places[:, RECORDED] % 40 == 0).all(), "not a sentence's first token"
    assert (rows.places[:, RECORDED:] // 40 % 3 == 1).all(), "another voice's mel"
    assert {int(code) % 3 for code in rows.tokens[:, RECORDED:].unique()} <= {0, 1}, "neither the woman's nor the man's"


def test_a_piece_lies_on_what_was_recorded() -> None:
    found = corpus()
    rows = found.rows_after("woman", 100, 5, np.random.default_rng(1))
    frames = (torch.arange(200.0) + 1000 * torch.arange(5)[:, None])[..., None].expand(-1, -1, 80)  # says where it lies
    pieces = train_speaking.pieces_of_rows(found, rows, frames, torch.full((5,), 2 * RECORDED), 8, 64)
    first = pieces.mel[:, 0, 0].long()
    assert (first % 1000 >= 2 * RECORDED).all()
    places = rows.places[first // 1000, first % 1000 // 2] * TOKEN_SAMPLES + first % 2 * 480
    np.testing.assert_allclose(pieces.samples[:, 0] * 32768, places % 30_000, rtol=1e-5)
    assert len(pieces.mel) == 8


@pytest.mark.parametrize("judge", ["ear", "tokenizer"])
def test_who_judges_tells_what_differs_from_what_is_the_same(judge: str, request: pytest.FixtureRequest) -> None:
    judging: Judge = request.getfixturevalue(judge)
    chance = torch.Generator().manual_seed(2)
    recorded = 0.1 * torch.randn(2, 60 * 480, generator=chance)
    other = 0.1 * torch.randn(2, 60 * 480, generator=chance).cumsum(1).sin()
    assert judging.distance(recorded, recorded).item() == 0
    assert judging.distance(other, recorded).item() > 0.3
    assert not any(weight.requires_grad for weight in judging.parameters())
    made = other.requires_grad_()
    judging.distance(made, recorded).backward()
    assert made.grad is not None
    assert made.grad.abs().max() > 0, "nobody could learn from it"


@pytest.mark.slow
def test_a_run_teaches_both_and_writes_what_the_engine_loads(tmp_path: Path, ear: Ear, tokenizer: TokenJudge) -> None:
    torch.manual_seed(0)
    parser = argparse.ArgumentParser()
    train_speaking.add_arguments(parser)
    places = [str(tmp_path), str(tmp_path)]
    for name in ("flow", "vocoder", "tokenizer", "speaker", "ear", "voices"):
        places += [f"--{name}", "unused"]
    run = "--steps 3 --tokens-per-batch 180 --lengths 60 --rows 4 --judged-rows 2 --piece-frames 24 --vocoder-steps 1"
    options = parser.parse_args(
        [*places, *run.split(), *["--warm-up", "1", "--device", "cpu", "--log-every", "0", "--save-every", "999"]]
    )
    networks = train_speaking.Networks(
        FlowNetwork(SMALL), started(None, Sizes(base_channels=16, f0_channels=8)), Critics(), ear, tokenizer
    )
    before = [{name: w.clone() for name, w in one.state_dict().items()} for one in (networks.flow, networks.vocoder)]
    found = corpus()
    lines = SimpleNamespace(known=found, held_out=found, refresh=lambda _: None)
    train_speaking.Training(networks, lines, options).run(tmp_path)
    for one, old in zip((networks.flow, networks.vocoder), before, strict=True):
        assert any(not torch.equal(weight, old[name]) for name, weight in one.state_dict().items())
    load(Flow(replace(SMALL)), tmp_path / "flow.safetensors")
    assert set(load_file(tmp_path / "vocoder.safetensors")) == set(VocoderNetwork(Sizes()).state_dict())
    (measured,) = map(json.loads, (tmp_path / "speaking-measured.jsonl").read_text().splitlines())
    assert {"mel_woman", "sound_man", "heard_man", "heard_tokens_man"} <= set(measured)
    assert mx.isfinite(mx.array(list(measured.values()))).all()
