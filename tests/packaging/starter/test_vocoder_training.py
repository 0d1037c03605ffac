"""The vocoder's training in PyTorch: the engine's network, and what it learns from while more is made."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from engine.speaking.vocoder import Vocoder, VocoderConfig

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")

from safetensors.numpy import load_file, save_file  # noqa: E402

from starter.networks.vocoder_critics import Critics, vocoder_loss  # noqa: E402
from starter.networks.vocoder_network import Sizes, VocoderNetwork, load_weights, weights_of  # noqa: E402
from starter.speech.shards import Shards  # noqa: E402
from starter.training import train_vocoder  # noqa: E402

SIZES = Sizes(base_channels=16, f0_channels=8, harmonics=5)


def in_the_engine(weights: dict[str, np.ndarray], sizes: Sizes) -> Vocoder:
    vocoder = Vocoder(VocoderConfig(**asdict(sizes)))
    vocoder.load_weights([(name, mx.array(array)) for name, array in weights.items()])
    vocoder.eval()
    return vocoder


@torch.no_grad()
def test_the_engine_makes_the_same_sound_of_the_same_weights() -> None:
    torch.manual_seed(0)
    network = VocoderNetwork(SIZES)
    network.f0_predictor.classifier.bias.fill_(170.0)
    vocoder = in_the_engine(weights_of(network), SIZES)
    chance = np.random.default_rng(1)
    mel = chance.normal(-4, 2, (1, 30, 80)).astype(np.float32)
    noise = chance.standard_normal((1, 30 * 480)).astype(np.float32)
    theirs = np.array(vocoder(mx.array(mel), mx.array(noise)))
    ours = network(torch.tensor(mel.swapaxes(1, 2)), torch.tensor(noise)).numpy()
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_only_the_vocoder_learns_from_what_the_critics_see() -> None:
    torch.manual_seed(0)
    critics, recorded = Critics(), 0.1 * torch.randn(1, 2400)
    made = (0.1 * torch.randn(1, 2400)).requires_grad_()
    seen, different = vocoder_loss(critics, recorded, made)
    together = [[part.chunk(2) for part in found] for found in critics(torch.cat([recorded, made]))]
    as_seen = torch.stack([((found[-1][1] - 1) ** 2).mean() for found in together]).mean()
    pairs = [(true.detach(), false) for found in together for true, false in found[:-1]]
    as_different = sum((true - false).abs().mean() / (true.abs().mean() + 1e-3) for true, false in pairs)
    torch.testing.assert_close(seen, as_seen)
    torch.testing.assert_close(different, as_different / len(critics.critics))
    gradients = [
        torch.autograd.grad(one + other, made, retain_graph=True)[0]
        for one, other in ((seen, different), (as_seen, as_different / len(critics.critics)))
    ]
    torch.testing.assert_close(*gradients)
    (seen + different).backward()
    assert all(weight.grad is None and weight.requires_grad for weight in critics.parameters())


def test_weights_of_fewer_harmonics_are_taken_with_the_rest_silent() -> None:
    fewer = weights_of(VocoderNetwork(Sizes(base_channels=16, f0_channels=8, harmonics=3)))
    network = VocoderNetwork(SIZES)
    load_weights(network, fewer)
    found = weights_of(network)
    np.testing.assert_array_equal(found["m_source.l_linear.weight"][:, :3], fewer["m_source.l_linear.weight"])
    assert not found["m_source.l_linear.weight"][:, 3:].any()
    assert {name for name, _ in tree_flatten(in_the_engine(found, SIZES).parameters())} == set(found)


def spoken(folder: Path, number: int) -> None:
    """A shard of four utterances, one of another voice."""
    chance, length = np.random.default_rng(number), 48_000 * 2
    for rate_hz, label in ((16_000, "16k"), (24_000, "24k")):
        noise = chance.integers(-3000, 3000, 4 * length * rate_hz // 48_000).astype(np.int16)
        np.save(folder / f"{number:05}.{label}.npy", noise)
    voices = ["woman", "man", "woman", "another"]
    entries = [{"text": "", "speaker": v, "start": i * length, "length": length} for i, v in enumerate(voices)]
    (folder / f"{number:05}.json").write_text(json.dumps(entries))


def pool(folder: Path) -> train_vocoder.Pool:
    spoken(folder, 0)
    spoken(folder, 1)
    made = train_vocoder.Pool(Shards(folder), folder, torch.device("cpu"))
    made.refresh(2)
    return made


def test_made_mels_are_learned_once_all_of_their_shard_is_there(tmp_path: Path) -> None:
    found = pool(tmp_path)
    np.savez(tmp_path / "00001.made.npz", **{f"00001-{i}": np.full((100, 80), 1.0 + i) for i in range(3)})
    found.refresh(1)
    assert found.reply.made_starts is None
    found.refresh(1)
    _, mel, _ = found.reply.pieces(64, made=True)
    assert {float(x) for x in mel.unique()} == {1.0, 2.0, 3.0}
    np.savez(tmp_path / "00001.made.npz", **{"00001-0": np.full((100, 80), 9.0)})
    os.utime(tmp_path / "00001.made.npz", (1, 1))
    found.refresh(1)
    _, mel, _ = found.reply.pieces(64, made=True)
    assert {float(x) for x in mel.unique()} == {9.0, 2.0, 3.0}, "what is made anew takes the old one's place"
    samples, mel, f0 = found.batch(20)
    assert (samples.shape, mel.shape, f0.shape) == ((20, 40 * 480), (20, 80, 40), (20, 40))


def test_a_run_writes_weights_that_the_engine_loads_and_another_run_goes_on_from(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    train_vocoder.add_arguments(parser)
    options = parser.parse_args(["--steps", "2", "--rows", "4", "--judged-rows", "2", "--critics-from", "0.1"])
    network = train_vocoder.started(None, SIZES)
    train_vocoder.Training(network, pool(tmp_path), tmp_path, options).run()
    weights = {name: array.astype(np.float32) for name, array in load_file(tmp_path / "vocoder.safetensors").items()}
    in_the_engine(weights, SIZES)
    save_file(weights, tmp_path / "before.safetensors")
    again = weights_of(train_vocoder.started(tmp_path / "before.safetensors", SIZES))
    np.testing.assert_array_equal(again["conv_pre.weight"], weights["conv_pre.weight"])


def test_weights_gone_wrong_are_not_written(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    train_vocoder.add_arguments(parser)
    training = train_vocoder.Training(
        train_vocoder.started(None, SIZES), pool(tmp_path), tmp_path, parser.parse_args([])
    )
    with torch.no_grad():
        for network in (training.network, training.averaged):
            network.conv_pre.bias.fill_(float("nan"))
    training.keep()
    assert not (tmp_path / "vocoder.safetensors").exists()
    assert torch.isfinite(training.averaged.conv_pre.bias).all()
