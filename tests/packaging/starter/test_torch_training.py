"""The training in PyTorch: its networks are the engine's, and how it starts, steps and goes on. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from engine.hearing import Adaptor, Encoder
from engine.hearing.log_mel import log_mel
from engine.language import LanguageModel, LlmConfig
from engine.resources import resource
from starter.networks.network_sizes import AUDIO, HIDDEN, TEXT
from starter.training.from_shipped import trained
from starter.training.rows import _learned

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.networks.torch_networks import Starter  # noqa: E402
from starter.speech.torch_sounds import SoundStore, heard  # noqa: E402
from starter.training.torch_batches import Part  # noqa: E402
from starter.training.train_language import Schedule, Trainer, losses, spelling_loss, starter  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shipped() -> dict[str, mx.array]:
    return trained(resource("starter"))


@pytest.fixture(scope="module")
def net(shipped: dict[str, mx.array]) -> Starter:
    net = starter()
    missing = net.take({name: torch.from_numpy(np.array(array)) for name, array in shipped.items()})
    assert missing == ["letters.weight", "letters.bias"]
    return net


def own(network: object, shipped: dict[str, mx.array], prefix: str) -> object:
    network.load_weights(  # type: ignore[attr-defined]
        [
            (name.removeprefix(prefix), array.astype(mx.float32))
            for name, array in shipped.items()
            if name.startswith(prefix)
        ]
    )
    return network


def test_the_ear_is_the_engines(net: Starter, shipped: dict[str, mx.array]) -> None:
    encoder = own(Encoder.from_config(AUDIO), shipped, "encoder.")
    adaptor = own(Adaptor.from_config(AUDIO, HIDDEN), shipped, "adapter.")
    mel = 0.3 * np.random.default_rng(0).normal(size=(2, 128, 301)).astype(np.float32)
    lengths = np.array([299, 120])
    features, counts = encoder(mx.array(mel), mx.array(lengths))
    same, same_counts = net.encoder(torch.from_numpy(mel), torch.from_numpy(lengths))
    assert counts.tolist() == same_counts.tolist()
    for row, count in enumerate(counts.tolist()):
        assert np.allclose(np.array(features[row, :count]), same[row, :count].detach().numpy(), atol=1e-4)
    embeddings, same = np.array(adaptor(features)[0]), net.adapter(same)[0].detach().numpy()
    assert np.allclose(embeddings, same, atol=1e-5 * np.abs(embeddings).max())


def test_the_language_model_is_the_engines(net: Starter, shipped: dict[str, mx.array]) -> None:
    llm = own(LanguageModel(LlmConfig.from_dict(TEXT)), shipped, "llm.")
    ids = (np.arange(40) * 7)[None]
    hidden = np.array(llm.hidden_states(llm.embed(mx.array(ids))))
    same = net.llm.hidden_states(net.llm.model.embed_tokens(torch.from_numpy(ids))).detach().numpy()
    assert np.allclose(hidden, same, atol=1e-5 * np.abs(hidden).max())


def test_an_undisturbed_recording_has_the_engines_log_mel() -> None:
    sound = (3000 * np.random.default_rng(1).normal(size=20_000)).astype(np.int16)
    one, none = torch.ones(1), torch.zeros(1, dtype=torch.int32)
    count = torch.tensor([len(sound)])
    mel, frames = heard(torch.from_numpy(sound)[None], count, one, none, count, len(sound), strength=0.0)
    expected = np.array(log_mel(sound.astype(np.float32) / 32768.0))
    assert frames.tolist() == [expected.shape[1]]
    assert np.allclose(mel[0, :, :-3].numpy(), expected[:, :-3], atol=1e-4)


def test_disturbed_sounds_end_with_their_own_frames() -> None:
    sound = (3000 * np.random.default_rng(1).normal(size=(6, 8000))).astype(np.int16)
    count, length = torch.full((6,), 8000), torch.tensor([8000, 7000, 6000, 5000, 4000, 8000])
    torch.manual_seed(2)
    lead = torch.zeros(6, dtype=torch.int32)
    mel, frames = heard(torch.from_numpy(sound), count, torch.full((6,), 1.1), lead, length, 8000, strength=1.0)
    clean, _ = heard(torch.from_numpy(sound), count, torch.full((6,), 1.1), lead, length, 8000, strength=0.0)
    assert frames.tolist() == [52, 46, 40, 34, 27, 52]
    assert mel[4, :, 27:].abs().max() == 0
    assert torch.isfinite(mel).all()
    assert not torch.allclose(mel, clean)


def test_shards_are_loaded_once_they_are_labelled(tmp_path: Path) -> None:
    entries = (
        '[{"kind": "heard", "text": "Yes.", "block": 0, "samples": 1500, "heard": true},'
        ' {"kind": "reply", "text": "No.", "block": 1, "samples": 1700, "heard": false}]'
    )
    np.save(tmp_path / "00000.npy", np.arange(4800, dtype=np.int16))
    (tmp_path / "00000.json").write_text(entries)
    store = SoundStore(tmp_path, CPU, most_hours=0.01)
    assert store.refresh() == 0
    np.save(tmp_path / "00000.codes.npy", np.zeros(2, dtype=np.int16))
    assert store.refresh() == 1
    assert store.refresh() == 0
    assert store.hours == pytest.approx(0.1 / 3600)  # what is only said takes no room
    assert store.gathered(torch.tensor([[0, 0]])).tolist()[0] == [*range(1600), *range(1600)]
    (tmp_path / "finished").write_text("")
    assert store.finished


def test_rows_without_letters_do_not_count() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 12, 29)
    letters, frames = torch.tensor([[3, 4, 5], [0, 0, 0]]), torch.tensor([12, 12])
    both = spelling_loss(logits, frames, letters, torch.tensor([3, 0]))
    alone = spelling_loss(logits[:1], frames[:1], letters[:1], torch.tensor([3]))
    assert both.item() == pytest.approx(alone.item(), rel=1e-5)
    assert spelling_loss(logits, frames, letters, torch.tensor([0, 0])).item() == 0.0


def test_sounds_are_disturbed_more_and_more_while_the_ear_learns_alone() -> None:
    schedule = Schedule(minutes=10, peak=1.0, started=0.0, ear=0.4)
    strengths = [schedule.strength(progress) for progress in (0.0, 0.2, 0.39, 0.6, 1.0)]
    assert strengths[0] < strengths[1] < strengths[2]
    assert strengths[3] > strengths[4] > strengths[0]
    assert schedule.rate(0, 0.5) < schedule.rate(400, 0.5)  # each phase warms up
    assert schedule.rate(400, 1.0) < 0.02 < schedule.rate(400, 0.0)


def test_training_goes_on_from_the_shipped_weights(shipped: dict[str, mx.array], tmp_path: Path) -> None:
    mx.save_safetensors(str(tmp_path / "weights-0.safetensors"), shipped)
    trainer = Trainer(CPU)
    trainer.load(tmp_path)
    (tmp_path / "again").mkdir()
    trainer.save(tmp_path / "again")
    paths = sorted((tmp_path / "again").glob("weights-*.safetensors"))
    assert all(path.stat().st_size < 16e6 for path in paths)
    again: dict[str, mx.array] = {}
    for path in paths:
        again |= mx.load(str(path))
    assert again.keys() - shipped.keys() == {"letters.weight", "letters.bias"}
    for name, value in shipped.items():
        assert mx.array_equal(again[name], value), name


def test_more_blocks_than_were_shipped_change_nothing_at_first(shipped: dict[str, mx.array]) -> None:
    kept = {name: value for name, value in shipped.items() if not name.startswith("encoder.blocks.5.")}
    net = starter()
    net.take({name: torch.from_numpy(np.array(array)) for name, array in kept.items()})
    x = torch.randn(1, 6, 256)
    assert torch.allclose(net.encoder.blocks[5](x, torch.zeros(1, 1, 1, 6)), x)


def spelling_part() -> Part:
    letters = (torch.tensor([[3, 4]]), torch.tensor([2]))
    return Part({}, letters, torch.tensor([12]), torch.rand(1, 128, 52), torch.tensor([52]))


def test_weights_that_do_not_learn_do_not_fade() -> None:
    trainer = Trainer(CPU)
    before = {name: weight.clone() for name, weight in trainer.net.weights().items()}
    figures = trainer.step(spelling_part(), rate=0.1)
    after = trainer.net.weights()
    assert np.isfinite(figures["spelling"].item())
    assert torch.equal(after["llm.model.embed_tokens.weight"], before["llm.model.embed_tokens.weight"])
    assert not torch.equal(after["encoder.conv1.weight"], before["encoder.conv1.weight"])


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    trainer = Trainer(CPU)
    with torch.no_grad():
        trainer.net.letters.bias.fill_(float("nan"))
    before = trainer.net.encoder.conv1.weight.clone()
    trainer.step(spelling_part(), rate=0.1)
    assert torch.equal(trainer.net.encoder.conv1.weight, before)


def test_a_batch_without_sound_teaches_the_language_model_alone(net: Starter) -> None:
    written = _learned(np.array([[5, 6, 7, 8]], np.int32), np.array([[0, 0, 2, 1]], np.float32))
    batch = {"ids": np.array([[5, 6, 7, 8]], np.int32), "places": np.full((1, 4), -1, np.int32), **written}
    figures = losses(net, Part.of(batch, None, CPU, 0.5))
    assert "spelling" not in figures
    expected = (2 * figures["text"].item() + figures["speech"].item()) / 3
    assert figures["all"].item() == pytest.approx(expected, rel=1e-5)
