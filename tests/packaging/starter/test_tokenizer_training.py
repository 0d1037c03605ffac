"""The speech tokenizer's training in PyTorch: MLX's network, sentences that voices say at once, what it learns."""

from __future__ import annotations

import json
import random
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from starter.networks.speech_tokenizer import SpeechTokenizer, TokenizerConfig

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.networks import torch_teacher  # noqa: E402
from starter.networks.speaker_network import SpeakerNetwork  # noqa: E402
from starter.networks.torch_speaker import SpeakerLabels, fbank  # noqa: E402
from starter.networks.torch_teacher import rounded  # noqa: E402
from starter.networks.torch_tokenizer import TokenizerNetwork, codes_of  # noqa: E402
from starter.speech.natural_lines import VOICES, Line, trimmed, write_shard  # noqa: E402
from starter.speech.natural_voices import plain  # noqa: E402
from starter.speech.shards import Shards  # noqa: E402
from starter.training import train_tokenizer  # noqa: E402
from starter.training.plan import Plan  # noqa: E402

CPU = torch.device("cpu")
SMALL = {"mels": 128, "width": 16, "expansion": 2, "kernel": 7, "blocks_50_hz": 1, "blocks_25_hz": 1}


def of_mlx(network: object) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in tree_flatten(network.parameters())}


def test_the_network_that_is_trained_is_the_one_that_is_written() -> None:
    mx.random.seed(0)
    theirs = SpeechTokenizer(TokenizerConfig(**SMALL))
    ours = TokenizerNetwork.of(of_mlx(theirs)).eval()
    mel = np.random.default_rng(0).standard_normal((2, 80, 128)).astype(np.float32)
    with torch.inference_mode():
        made = ours(torch.from_numpy(mel), torch.ones(2, 20, 1))
    np.testing.assert_allclose(made.numpy(), np.array(theirs(mx.array(mel))), atol=1e-5)
    again = {name: mx.array(value.numpy()) for name, value in ours.weights().items()}
    theirs.load_weights(list(again.items()), strict=True)


def test_the_speaker_network_is_the_one_that_is_written() -> None:
    from starter.speech.sound_features import fbank as theirs_fbank

    mx.random.seed(0)
    network = SpeakerNetwork(width=24, blocks=1)
    samples = (0.1 * np.random.default_rng(0).standard_normal((2, 16_000))).astype(np.float32)
    wanted = theirs_fbank(mx.array(samples))
    np.testing.assert_allclose(fbank(torch.from_numpy(samples)).numpy(), np.array(wanted), atol=1e-3)
    made = SpeakerLabels(of_mlx(network))(torch.from_numpy(samples))
    np.testing.assert_allclose(made.numpy(), np.array(network(wanted)), atol=1e-3)


def test_codes_count_in_base_three_and_rounding_lets_the_gradient_pass() -> None:
    digits = torch.tensor([[[-1.0] * 8, [0.0] * 8, [1.0] * 8, [1.0] + [-1.0] * 7]])
    assert codes_of(digits).tolist() == [[0, 3280, 6560, 2]]
    x = torch.tensor([0.2, 0.9], requires_grad=True)
    (rounded(x) * torch.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]


def said(seconds: float, level: int) -> tuple[np.ndarray, np.ndarray]:
    """What three voices say, another pitch each, at 24 and at 16 kHz, with silence around it."""

    def at(rate_hz: int) -> np.ndarray:
        time = np.arange(int(seconds * rate_hz)) / rate_hz
        loud = (time > 0.5) & (time < seconds - 0.4)
        return np.stack([level * loud * np.sin(2 * np.pi * hz * time) for hz in (220, 110, 150)]).astype(np.int16)

    return at(24_000), at(16_000)


def line(text: str) -> Line:
    return Line(text, (0, 1, 0), plain("af_sky"), 0)


def test_a_shard_holds_every_voice_beside_the_others_in_whole_tokens(tmp_path: Path) -> None:
    write_shard(tmp_path, 1, [(line("one two"), *said(2.4, 4000)), (line("no"), *said(2.4, 0))])
    entries = json.loads((tmp_path / "00001.json").read_text())
    assert [entry["speaker"] for entry in entries] == ["woman", "man", "af_sky"], "what is silent is left out"
    assert len({entry["length"] for entry in entries}) == 1
    shards = Shards(tmp_path)
    shards.refresh()
    for utterance in shards.training:
        assert len(utterance.samples_24k) == 960 * utterance.tokens
        assert len(utterance.samples_16k) == 640 * utterance.tokens
        assert 1.5 < utterance.tokens / 25 < 2.0, "silence at the ends is cut"


def test_what_a_voice_does_not_say_is_not_trimmed_to_nothing() -> None:
    high, low = said(2.0, 4000)
    high[1] = 0
    assert trimmed(high, low, random.Random(1))[0].shape == (VOICES, 0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    folder = tmp_path_factory.mktemp("lines")
    for number in range(2):
        texts = ("oh", "no no", "so it is")
        write_shard(folder, number, [(line(t), *said(2.0 + 0.3 * i, 4000)) for i, t in enumerate(texts)])
    found = Shards(folder)
    found.refresh()
    return found


def test_sentences_lie_in_batches_of_like_length_with_nothing_after_their_end(shards: Shards) -> None:
    known = train_tokenizer.Sentences.room_for(0.05, CPU)
    known.take(shards.training)
    assert len(known.starts) == 3
    groups = known.batches(10_000, np.random.default_rng(0))
    assert sorted(i for group in groups for i in group) == [0, 1, 2]
    samples, mel, counts, labels, sizes = known.batch(np.array([0, 1]))
    assert samples.shape[:2] == mel.shape[:2] == (2, VOICES)
    assert samples.shape[2] == 320 * mel.shape[2]
    assert counts.tolist() == known.lengths[:2]
    assert not samples[0, :, 640 * known.lengths[0] :].any()
    assert samples[0, 1].std() > 0.01
    assert sizes.tolist() == [2, 5]
    assert labels.shape == (2, 5)


@pytest.mark.slow
def test_the_losses_fall_when_trained(shards: Shards, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(train_tokenizer, "TOKENIZER", SMALL)
    monkeypatch.setattr(torch_teacher, "_WIDTH", 24)
    torch.manual_seed(0)
    known = train_tokenizer.Sentences.room_for(0.05, CPU)
    known.take(shards.training)
    training = train_tokenizer.Training(Plan(30, 10, 5e-3, warm_up=2), CPU)
    figures = [training.step(*known.batch(np.array([0, 1, 2]))) for _ in range(30)]
    for name in ("mel", "spelling"):
        assert figures[-1][name] < 0.9 * figures[0][name], name
    found = train_tokenizer.measured(training.averaged, known)
    assert {"letter_error", "codes_used", "same_codes", "mel_0_to_1", "mel_1_to_0"} <= set(found)
    training.write(tmp_path / "tokenizer.safetensors")
    tokenizer = SpeechTokenizer(TokenizerConfig(**SMALL))
    tokenizer.load_weights(str(tmp_path / "tokenizer.safetensors"), strict=True)
