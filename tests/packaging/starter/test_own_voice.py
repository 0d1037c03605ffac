"""The starter's own voice for its ear: what is spoken again, how it is stored, and that the ear's training finds it."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.speaking.voice import Voice
from tests.packaging.starter.small_flow import SMALL

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from safetensors.numpy import save_file  # noqa: E402
from safetensors.torch import save_file as save_torch  # noqa: E402

from starter.networks import torch_voice  # noqa: E402
from starter.networks.torch_flow import FlowNetwork  # noqa: E402
from starter.networks.vocoder_network import Sizes, VocoderNetwork, weights_of  # noqa: E402
from starter.speech import spoken_corpus  # noqa: E402
from starter.speech.torch_sounds import SoundStore  # noqa: E402
from starter.training import label_speech, own_voice  # noqa: E402
from starter.training.rows import Corpus  # noqa: E402

CPU = torch.device("cpu")
SMALL_VOCODER = Sizes(base_channels=16, f0_channels=8, harmonics=2)


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> torch_voice.OwnVoice:
    """A small one with random weights."""
    torch.manual_seed(0)
    monkeypatch.setattr(torch_voice, "CONFIG", SMALL)
    monkeypatch.setattr(torch_voice, "Sizes", lambda: SMALL_VOCODER)
    monkeypatch.setattr(torch_voice, "LENGTH", 20)
    net = FlowNetwork(SMALL)
    net.start_at(torch.linspace(-3, -6, 80))
    flow, vocoder = tmp_path / "flow.safetensors", tmp_path / "vocoder.safetensors"
    save_torch(net.weights(), flow)
    save_file(weights_of(VocoderNetwork(SMALL_VOCODER)), vocoder)
    chance = np.random.default_rng(0)
    mel = chance.standard_normal((12, 80)).astype(np.float32)
    recorded = Voice("voice", np.arange(6, dtype=np.int32), chance.standard_normal(192).astype(np.float32), mel)
    return torch_voice.OwnVoice(flow, vocoder, recorded, CPU, rows=2)


def tokens(*lengths: int) -> list[NDArray[np.int32]]:
    chance = np.random.default_rng(1)
    return [chance.integers(0, 6561, length).astype(np.int32) for length in lengths]


def shard(folder: Path, name: str, entries: list[tuple[str, str, int]]) -> None:
    """A labelled shard of entries (kind, text, tokens)."""
    made = [
        {"kind": kind, "text": text, "block": 0, "samples": 640 * count + 100, "heard": kind == "heard"}
        for kind, text, count in entries
    ]
    (folder / f"{name}.json").write_text(json.dumps(made))
    said = sum(count for kind, _, count in entries if kind == "reply")
    np.save(folder / f"{name}.npy", np.zeros(20 * spoken_corpus.BLOCK, np.int16))
    np.save(folder / f"{name}.codes.npy", np.arange(said, dtype=np.int16))


def test_a_row_takes_what_it_has_room_for_and_a_longer_one_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_voice, "LENGTH", 10)
    assert torch_voice.in_rows([]) == []
    assert torch_voice.in_rows([4, 6, 1, 12, 3, 7]) == [[0, 1], [2], [3], [4, 5]]


@pytest.mark.parametrize("lengths", [(23, 5, 4), (5, 4, 23), (23,), (20,), ()])
def test_every_utterance_gets_mel_and_samples_of_its_length(
    lengths: tuple[int, ...], voice: torch_voice.OwnVoice
) -> None:
    mels, samples = voice.mels(tokens(*lengths), seed=1), voice.samples(tokens(*lengths), seed=1)
    assert [one.shape for one in mels] == [(2 * length, 80) for length in lengths]
    assert [one.shape for one in samples] == [(960 * length,) for length in lengths]
    assert all(np.isfinite(one).all() and one.any() for one in (*mels, *samples))


def test_replies_are_read_with_their_own_codes_and_those_with_digits_left_out(tmp_path: Path) -> None:
    shard(tmp_path, "00002", [("heard", "a", 9), ("reply", "b", 3), ("reply", "it is 5", 2), ("reply", "c", 4)])
    found = own_voice.replies(tmp_path / "00002.json")
    assert [(text, tokens.tolist()) for text, tokens in found] == [("b", [0, 1, 2]), ("c", [5, 6, 7, 8])]


def test_a_whole_corpus_is_spoken_once_and_heard_in_training(tmp_path: Path, voice: torch_voice.OwnVoice) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shard(corpus, "00000", [("heard", "known", 9), ("reply", "one", 30), ("reply", "two", 28)])
    shard(corpus, "00001", [("heard", "known", 9)])
    for mark in ("finished", "labelled"):
        (corpus / mark).write_text("")
    own_voice.speak_all(corpus, lambda: voice, share=1.0)
    assert own_voice.waiting(corpus) == label_speech.unlabelled(corpus) == []
    assert spoken_corpus.known_replies(corpus) == {"one", "two"}

    store = SoundStore(corpus, CPU, most_hours=0.1)
    assert store.refresh() == 4
    assert store.finished
    found = Corpus(corpus)
    found.refresh()
    assert sorted(heard.text for heard in found.heard) == ["known", "known", "one", "two"]
    assert found.replies == ["one", "two"]  # nothing that is said was lost or doubled
    (one,) = found.by_text["one"]
    assert one.samples == 30 * 640
    sound = store.gathered(torch.arange(one.block, one.block + one.samples // spoken_corpus.BLOCK)[None])
    spoken = voice.samples(own_tokens(corpus), seed=zlib.crc32(b"00000"))[0]
    np.testing.assert_array_equal(sound[0].numpy(), own_voice.heard(spoken))


def own_tokens(corpus: Path) -> list[NDArray[np.int32]]:
    return [tokens for _, tokens in own_voice.replies(corpus / "00000.json")]


def test_a_share_of_the_replies_is_spoken_and_none_that_is_too_long(
    tmp_path: Path, voice: torch_voice.OwnVoice
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shard(corpus, "00003", [("reply", "too long", 301), *(("reply", f"text {'x' * n}", 2) for n in range(60))])
    own_voice.speak([corpus / "00003.json"], voice, share=0.5)
    spoken = {entry["text"] for entry in json.loads((corpus / "own-00003.json").read_text())}
    assert 15 < len(spoken) < 45
    assert "too long" not in spoken
