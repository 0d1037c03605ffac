"""A token2wav folder loads as published, or one sentence says what is wrong with which file."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from engine.checkpoints.flow_yaml import read_flow_config
from engine.checkpoints.load_speaking import load_flow, load_speaking, load_vocoder
from engine.checkpoints.torch_file import read
from engine.errors import CheckpointError
from tests.checkpoints import tiny_checkpoint
from tests.sounds import cut_in_half
from tests.starter_writers import write_torch_file

PUBLISHED = tiny_checkpoint() / "token2wav"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(PUBLISHED, tmp_path / "token2wav"))


def _rewrite(path: Path, **changes: np.ndarray | None) -> None:
    weights = {name: np.array(value) for name, value in read(path).items()}
    for name, value in changes.items():
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    write_torch_file(path, weights)


def test_sizes_come_from_the_folder_and_weights_are_float32(folder: Path) -> None:
    speaking = load_speaking(folder, steps=6)
    assert speaking.default_steps == 6
    assert speaking.flow.config.estimator.hidden_size == 32
    assert speaking.vocoder.config.base_channels == 32
    for network in (speaking.flow, speaking.vocoder):
        assert {value.dtype for _, value in tree_flatten(network.parameters())} == {mx.float32}


def test_weight_normalisation_is_folded(folder: Path) -> None:
    stem = "generator.conv_pre"
    stored = read(folder / "hift.pt")
    g = np.array(stored[f"{stem}.parametrizations.weight.original0"], np.float32)
    v = np.array(stored[f"{stem}.parametrizations.weight.original1"], np.float32)
    weight = g * v / np.sqrt(np.square(v).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(np.array(load_vocoder(folder).conv_pre.weight), weight.swapaxes(1, 2), atol=1e-6)


@pytest.mark.parametrize("name", ["flow.yaml", "flow.pt", "hift.pt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_speaking(folder)


@pytest.mark.parametrize("name", ["flow.pt", "hift.pt"])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    cut_in_half(folder / name)
    with pytest.raises(CheckpointError, match=f"{name} cannot be used: .*Download it again"):
        load_speaking(folder)


def test_a_missing_tensor_is_named(folder: Path) -> None:
    _rewrite(folder / "flow.pt", **{"encoder_proj.bias": None})
    with pytest.raises(CheckpointError, match=r"flow\.pt does not fit the model: encoder_proj\.bias is missing"):
        load_flow(folder)


def test_a_tensor_of_another_size_is_named(folder: Path) -> None:
    _rewrite(folder / "flow.pt", **{"encoder_proj.bias": np.zeros(81, np.float32)})
    with pytest.raises(CheckpointError, match=r"encoder_proj\.bias is \(81,\) where \(80,\) is needed"):
        load_flow(folder)


def test_an_unknown_tensor_is_named(folder: Path) -> None:
    _rewrite(folder / "hift.pt", extra=np.zeros(3, np.float32))
    with pytest.raises(CheckpointError, match="nothing is known of extra"):
        load_vocoder(folder)


def test_a_flow_in_the_place_of_the_vocoder_is_refused(folder: Path) -> None:
    shutil.copy(folder / "flow.pt", folder / "hift.pt")
    with pytest.raises(CheckpointError, match=r"hift\.pt does not hold a HiFT vocoder"):
        load_vocoder(folder)


def test_a_vocoder_for_another_mel_is_refused(folder: Path) -> None:
    weights = {name: np.array(value) for name, value in read(folder / "hift.pt").items()}
    for name in ("conv_pre", "f0_predictor.condnet.0"):
        stem = f"generator.{name}.parametrizations.weight"
        weights[f"{stem}.original1"] = weights[f"{stem}.original1"][:, :40]
    write_torch_file(folder / "hift.pt", weights)
    with pytest.raises(CheckpointError, match="belong to different models"):
        load_speaking(folder)


def test_the_tags_of_flow_yaml_are_data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    text = (folder / "flow.yaml").read_text()
    (folder / "flow.yaml").write_text(
        text + "other: !new:os.system\n    command: touch executed\nmore: !apply:os.getcwd []\n"
    )
    assert read_flow_config(folder / "flow.yaml").output_size == 80
    assert not (folder / "executed").exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("flow: ", "flow: [", "is not readable YAML"),
        ("flow: ", "other: ", "does not state all sizes of the flow"),
        ("    output_size: 80\n", "", "does not state all sizes of the flow"),
        ("num_heads: 2", "num_heads: 0", "impossible num_heads: 0"),
        ("num_heads: 2", "num_heads: many", "impossible num_heads: 'many'"),
        ("depth: 2", "depth: 99999999", "impossible depth"),
        ("depth: 2", "depth: 1048576", "impossible depth"),
        ("depth: 2", "depth: .nan", "impossible depth: nan"),
        ("num_up_blocks: 1", "num_up_blocks: 1.0", "impossible num_up_blocks: 1.0"),
        ("key_bias: true", "key_bias: 1", "impossible key_bias: 1"),
        ("mlp_ratio: 4.0", "mlp_ratio: .inf", "impossible mlp_ratio: inf"),
        ("mlp_ratio: 4.0", "mlp_ratio: 0", "impossible mlp_ratio: 0"),
        ("mlp_ratio: 4.0", "mlp_ratio: 0.001", "impossible mlp_ratio: 0.001"),
        ("attention_heads: 2", "attention_heads: 3", "cannot be divided among its heads"),
        ("in_channels: 320", "in_channels: 240", "another kind of model"),
        ("flow: !new:cosyvoice2", "flow: !!python/object/apply:os.system", "is not readable YAML"),
    ],
)
def test_a_broken_flow_yaml_gets_a_sentence(folder: Path, old: str, new: str, sentence: str) -> None:
    path = folder / "flow.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CheckpointError, match=rf"flow\.yaml.* {sentence}"):
        read_flow_config(path)
