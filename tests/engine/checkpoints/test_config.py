"""config.json is checked before anything large is read; each fault is one sentence naming the file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from engine.checkpoints.config import Quantisation, read_config
from engine.errors import CheckpointError

GOOD: dict[str, Any] = {
    "text_config": {
        "hidden_size": 64,
        "intermediate_size": 80,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_hidden_layers": 2,
        "vocab_size": 900,
        "max_position_embeddings": 512,
    },
    "audio_encoder_config": {
        "n_mels": 128,
        "n_audio_ctx": 1500,
        "n_audio_state": 48,
        "n_audio_head": 4,
        "n_audio_layer": 2,
        "llm_dim": 64,
    },
}


def folder_with(tmp_path: Path, changes: dict[str, Any], name: str = "Some-Model") -> Path:
    """A model folder whose config.json is GOOD with dotted keys replaced; the value ... removes a key."""
    config = copy.deepcopy(GOOD)
    for dotted, value in changes.items():
        *path, last = dotted.split("/")
        block = config
        for key in path:
            block = block.setdefault(key, {})
        if value is ...:
            del block[last]
        else:
            block[last] = value
    folder = tmp_path / name
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_sound_config_is_read(tmp_path: Path) -> None:
    config = read_config(folder_with(tmp_path, {}))
    assert (config.variant, config.name, config.context_length) == ("chat", "Some-Model", 512)
    assert config.quantisation is None


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("Step-Audio-2-mini", "chat"),
        ("Step-Audio-2-mini-Base", "base"),
        ("Step-Audio-2-mini-Think", "think"),
        ("Step-Audio-2-mini-Think-4bit", "think"),
    ],
)
def test_the_variant_comes_from_the_published_name(tmp_path: Path, name: str, variant: str) -> None:
    assert read_config(folder_with(tmp_path, {}, name)).variant == variant


def test_the_folder_may_name_its_variant_itself(tmp_path: Path) -> None:
    assert (
        read_config(folder_with(tmp_path, {"earshot/variant": "think", "earshot/name": "Starter"})).variant == "think"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"text_config": ...}, "no 'text_config': this is not a Step-Audio 2 model"),
        ({"text_config/vocab_size": ...}, "'text_config.vocab_size' is missing"),
        ({"text_config/hidden_size": "64"}, "'text_config.hidden_size' is '64'"),
        ({"text_config/num_hidden_layers": 0}, "'text_config.num_hidden_layers' is 0"),
        ({"text_config/num_hidden_layers": 10**30}, "'text_config.num_hidden_layers' is impossibly large"),
        ({"audio_encoder_config/n_audio_layer": 1 << 63}, "'audio_encoder_config.n_audio_layer' is impossibly large"),
        ({"text_config/rms_norm_eps": "1e-6"}, "'text_config.rms_norm_eps' is '1e-6'; a positive number"),
        ({"text_config/rope_theta": None}, "'text_config.rope_theta' is None"),
        ({"text_config/max_position_embeddings": [512]}, "'text_config.max_position_embeddings' is [512]"),
        ({"text_config/max_position_embeddings": -1}, "'text_config.max_position_embeddings' is -1"),
        ({"audio_encoder_config/n_audio_head": True}, "'audio_encoder_config.n_audio_head' is True"),
        ({"audio_encoder_config/llm_dim": 32}, "the adaptor gives 32 values, the language model takes 64"),
        ({"text_config/num_key_value_heads": 3}, "num_attention_heads is not a multiple of num_key_value_heads"),
        ({"quantization": {"bits": 3, "group_size": 64}}, "asks for 3 bits in groups of 64"),
        ({"quantization": {"bits": 4, "group_size": 48}}, "asks for 4 bits in groups of 48"),
        ({"quantization": {"bits": 4, "group_size": 64, "mode": "nf4"}}, "quantised in the way 'nf4'"),
        ({"quantization": 4}, "'quantization' is not an object"),
        ({"earshot/variant": "poet"}, "unknown variant 'poet'"),
    ],
)
def test_a_faulty_config_is_one_sentence_naming_the_file(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    folder = folder_with(tmp_path, changes)
    with pytest.raises(CheckpointError) as caught:
        assert read_config(folder).variant
    assert sentence in str(caught.value)
    assert str(folder / "config.json") in str(caught.value)


def test_quantisation_may_differ_by_module(tmp_path: Path) -> None:
    block = {"bits": 4, "group_size": 64, "lm_head": {"bits": 8, "group_size": 32}, "model.layers.0.mlp.up_proj": False}
    quantisation = read_config(folder_with(tmp_path, {"quantization": block})).quantisation
    assert quantisation == Quantisation(4, 64, {"lm_head": (8, 32), "model.layers.0.mlp.up_proj": None})
    assert quantisation is not None
    assert quantisation.of("lm_head") == (8, 32)
    assert quantisation.of("model.layers.0.mlp.up_proj") is None
    assert quantisation.of("model.layers.1.mlp.up_proj") == (4, 64)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe\x00"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        read_config(tmp_path)


def test_no_folder_and_no_config_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        read_config(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file, not a folder"):
        read_config(tmp_path / "file")
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        read_config(tmp_path)
