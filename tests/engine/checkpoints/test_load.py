"""Loading a folder: the right numbers in the right places, or one sentence naming what is wrong."""

from __future__ import annotations

import json
import re
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu import cpu as cpu_backend
from engine.backends.cpu.packed_product import PackedProduct
from engine.checkpoints import load as loading_module
from engine.checkpoints import memory
from engine.checkpoints.convert import converting
from engine.checkpoints.memory import MemoryBudget
from engine.engine import Engine
from engine.errors import CheckpointError, EngineError, RequestError, StorageError
from engine.events import Progress
from tests.permissions import unprivileged

SHARD = "model-00001-of-00001.safetensors"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def change_weights(folder: Path, change: Callable[[dict[str, mx.array]], None]) -> None:
    weights = mx.load(str(folder / SHARD))
    assert isinstance(weights, dict)
    mx.eval(list(weights.values()))
    change(weights)
    mx.save_safetensors(str(folder / SHARD), weights)


def change_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def complaint(folder: Path, kind: type[EngineError] = CheckpointError, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        Engine.load(folder, **options)
    return str(caught.value)


def logits(engine: Engine) -> mx.array:
    """What the model thinks of three letters."""
    return engine.llm(engine.llm.embed(mx.array([[1, 2, 3]])), engine.llm.new_cache())


def embeddings(engine: Engine) -> mx.array:
    return engine.hearing.encode(np.sin(np.arange(16_000) / 20).astype(np.float32) * 0.1)[0]


def largest_difference(left: mx.array, right: mx.array) -> float:
    return float(mx.abs(left - right).max() / mx.abs(right).max())


def test_loading_tells_how_far_it_is_and_ends_with_the_engine(folder: Path) -> None:
    steps = Engine.loading(folder)
    seen: list[Progress] = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            engine = end.value
            break
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1].done == seen[-1].total > 0
    assert (engine.variant, engine.context_length) == ("chat", 4096)
    assert not engine.capabilities.speaks


def test_half_precision_folders_give_nearly_the_same_numbers(folder: Path) -> None:
    expected = logits(Engine.load(folder))

    def halve(weights: dict[str, mx.array]) -> None:
        weights.update({name: array.astype(mx.bfloat16) for name, array in weights.items()})

    change_weights(folder, halve)
    engine = Engine.load(folder)
    assert logits(engine).dtype == mx.float32, "a CPU computes in float32"
    assert largest_difference(logits(engine), expected) < 0.05
    assert logits(Engine.load(folder, dtype="bfloat16")).dtype == mx.bfloat16


@pytest.mark.parametrize(("bits", "group_size", "allowed"), [(8, 32, 0.05), (4, 32, 0.6)])
def test_quantised_folders_load_expanded_on_a_cpu_and_packed_on_a_gpu_with_equal_results(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int, group_size: int, allowed: float
) -> None:
    whole = Engine.load(tiny_model)
    target = tmp_path / "small"
    list(converting(tiny_model, target, bits=bits, group_size=group_size))
    expanded = Engine.load(target)
    assert largest_difference(logits(expanded), logits(whole)) < allowed
    monkeypatch.setattr(loading_module, "on_gpu", lambda: True)
    packed = Engine.load(target, dtype="float32")
    assert packed.config.quantisation is not None
    assert packed.config.quantisation.of("model.layers.0.self_attn.q_proj") == (bits, group_size)
    assert largest_difference(logits(packed), logits(expanded)) < 1e-5
    assert largest_difference(embeddings(packed), embeddings(expanded)) < 1e-4


@pytest.mark.parametrize("small", [True, False])
def test_a_cpu_writes_with_a_small_models_packed_matrices(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    list(converting(tiny_model, tmp_path / "small", bits=8, group_size=32))
    if not small:
        monkeypatch.setattr(cpu_backend, "LARGE_BYTES", 1)
    llm = Engine.load(tmp_path / "small").llm
    products: list[object] = []
    multiplied = PackedProduct.dot
    monkeypatch.setattr(PackedProduct, "dot", lambda *given: products.append(given[0]) or multiplied(*given))
    x, one, whole = llm.embed(mx.array([[1, 2, 3, 4]])), llm.new_cache(), llm.new_cache()
    llm(x[:, :3], one)
    assert largest_difference(llm(x[:, 3:], one), llm(x, whole)) < 1e-3
    assert bool(products) == small


def test_conversion_keeps_speech_matrices_at_eight_bits_and_the_source_untouched(
    tiny_model: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    list(converting(tiny_model, tmp_path / "small", bits=4, group_size=32))
    block = json.loads((tmp_path / "small" / "config.json").read_text())["quantization"]
    assert (block["bits"], block["group_size"]) == (4, 32)
    assert block["lm_head"] == block["model.embed_tokens"] == {"bits": 8, "group_size": 32}
    assert block["model.layers.0.mlp.down_proj"] is False, "48 inputs do not divide into groups of 32"
    assert {path.name: path.read_bytes() for path in tiny_model.iterdir()} == before


def test_a_conversion_that_is_stopped_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    steps = converting(tiny_model, tmp_path / "small", group_size=32)
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_conversions_that_make_no_sense_are_sentences(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="3 bits in groups of 64 are not possible"):
        next(converting(tiny_model, tmp_path / "small", bits=3))
    with pytest.raises(RequestError, match="exists already"):
        next(converting(tiny_model, tmp_path))
    list(converting(tiny_model, tmp_path / "small", group_size=32))
    with pytest.raises(RequestError, match="quantised already"):
        next(converting(tmp_path / "small", tmp_path / "smaller", group_size=32))


def test_a_conversion_into_a_place_that_cannot_be_written_is_a_sentence(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    tmp_path.chmod(0o755)
    with (
        unprivileged(),
        pytest.raises((StorageError, CheckpointError), match=r"cannot be (written|read)|does not exist"),
    ):
        list(converting(tiny_model, tmp_path / "locked" / "small", group_size=32))


@pytest.mark.parametrize("target", ["Step-Audio-2-mini-Think-4bit", "mine"])
def test_a_copy_is_of_the_same_variant_as_its_source(tiny_model: Path, tmp_path: Path, target: str) -> None:
    source = Path(shutil.copytree(tiny_model, tmp_path / "Step-Audio-2-mini-Think"))
    list(converting(source, tmp_path / target, group_size=32))
    assert Engine.load(tmp_path / target).variant == Engine.load(source).variant == "think"


def test_a_conversion_takes_over_every_other_file(folder: Path, tmp_path: Path) -> None:
    (folder / "token2wav").mkdir()
    (folder / "token2wav" / "config.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text("[]")
    list(converting(folder, tmp_path / "small", group_size=32))
    assert (tmp_path / "small" / "token2wav" / "config.json").read_text() == "{}"
    assert (tmp_path / "small" / "tokenizer_config.json").read_text() == "[]"


def test_a_conversion_onto_a_full_disk_is_a_sentence_and_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"could not be written .* Free some space"):
            list(converting(tiny_model, tmp_path / "small", group_size=32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tensor_is_named(folder: Path) -> None:
    change_weights(folder, lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"))
    (folder / "model.safetensors.index.json").unlink()
    (folder / SHARD).rename(folder / "model.safetensors")
    assert "lacks the weights 'model.layers.1.mlp.up_proj.weight'" in complaint(folder)


def test_a_wrong_shape_is_named_with_both_shapes(folder: Path) -> None:
    def narrow(weights: dict[str, mx.array]) -> None:
        weights["model.norm.weight"] = mx.ones(16)

    change_weights(folder, narrow)
    sentence = complaint(folder)
    assert "'model.norm.weight'" in sentence
    assert "(16,)" in sentence
    assert "(32,)" in sentence


@pytest.mark.parametrize("name", ["model.layers.0.mlp.up_proj.weight", "encoder.conv1.weight", "adapter.linear2.bias"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused(folder: Path, name: str, bad: float) -> None:
    def spoil(weights: dict[str, mx.array]) -> None:
        flat = np.array(weights[name])
        flat.flat[0] = bad
        weights[name] = mx.array(flat)

    change_weights(folder, spoil)
    sentence = complaint(folder)
    assert f"'{name}'" in sentence
    assert "not numbers" in sentence


def test_packed_weights_that_disagree_with_the_config_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    list(converting(tiny_model, tmp_path / "small", bits=8, group_size=32))

    def lie(config: dict[str, Any]) -> None:
        config["quantization"]["bits"] = 4

    change_config(tmp_path / "small", lie)
    assert "says 4 bits" in complaint(tmp_path / "small")
    change_config(tmp_path / "small", lambda config: config.pop("quantization"))
    assert "does not say how the weights are quantised" in complaint(tmp_path / "small")


def test_packed_weights_whose_scales_are_of_another_shape_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    list(converting(tiny_model, tmp_path / "small", bits=8, group_size=32))
    file = tmp_path / "small" / "model-00001.safetensors"
    weights = mx.load(str(file))
    assert isinstance(weights, dict)
    mx.eval(list(weights.values()))
    weights["lm_head.scales"] = weights["lm_head.scales"][:-1]
    mx.save_safetensors(str(file), weights)
    assert "its weights are stored otherwise" in complaint(tmp_path / "small")


def test_a_tokenizer_without_the_special_tokens_is_refused(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["content"] != "<tts_start>"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert "<tts_start>" in complaint(folder)


def test_a_tokenizer_of_another_model_is_refused(folder: Path) -> None:
    def shrink(config: dict[str, Any]) -> None:
        config["text_config"]["vocab_size"] = 1000

    change_config(folder, shrink)
    assert "belong to different models" in complaint(folder)


def test_a_truncated_shard_is_named(folder: Path) -> None:
    content = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(content[: len(content) // 2])
    assert str(folder / SHARD) in complaint(folder)
    assert "cut short" in complaint(folder)


def test_a_folder_nobody_may_read_is_a_sentence(folder: Path) -> None:
    (folder / SHARD).chmod(0)
    with unprivileged():
        sentence = complaint(folder)
    assert "cannot be read" in sentence
    assert str(folder) in sentence


def test_an_unknown_precision_is_a_sentence(folder: Path) -> None:
    assert "'int3' is not a precision" in complaint(folder, RequestError, dtype="int3")


def test_a_model_that_does_not_fit_is_refused_with_the_sizes_unless_the_user_insists(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_budget", lambda: MemoryBudget(2_000_000_000, 20_000_000))
    sentence = complaint(folder)
    assert re.search(r"needs about \d+ MB of memory and this machine has 20 MB to give", sentence)
    assert Engine.load(folder, insist=True).name


def test_speaking_without_token2wav_is_a_sentence(tiny_model: Path) -> None:
    with pytest.raises(CheckpointError, match="has no token2wav folder, so it cannot speak"):
        assert Engine.load(tiny_model).speaking
