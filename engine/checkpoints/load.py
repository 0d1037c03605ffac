"""Loads a model folder in the published layout: what hears and what writes. (What speaks: load_speaking.)"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
from mlx import nn

from engine.backends import Backend, choose
from engine.backends.cpu import Packed
from engine.checkpoints import weights as weights_of
from engine.checkpoints.config import CheckpointConfig, read_config
from engine.checkpoints.memory import check_fits, on_gpu, set_limits, speaking_needs, working_room
from engine.checkpoints.parts import reading_parts, tensors_of_a_rank
from engine.checkpoints.shards import StoredTensor, list_tensors
from engine.errors import CheckpointError, RequestError
from engine.events import Progress
from engine.hearing import Adaptor, Encoder, Hearing
from engine.language import LanguageModel, LlmConfig, Vocabulary
from engine.ranks import LeadingModel, Ranks
from engine.ranks.parts import config_of_a_part, shape_part, sum_up

_DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
_BYTES_PER_VALUE = {"F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, eq=False)
class LoadedCheckpoint:
    """The networks of one folder, ready to use."""

    config: CheckpointConfig
    vocabulary: Vocabulary
    llm: LanguageModel
    hearing: Hearing
    backend: Backend


def loading(
    folder: Path,
    *,
    dtype: str = "auto",
    insist: bool = False,
    backend: str = "auto",
    ranks: Ranks | None = None,
) -> Generator[Progress, None, LoadedCheckpoint]:
    """Load `folder`, telling how far it is; the generator's value is the loaded checkpoint.

    `dtype` is "float32", "float16", "bfloat16", or "auto": what is stored on a GPU, float32 on a CPU (which multiplies
    float32 many times faster than anything narrower; quantised matrices are expanded there). `insist` loads a model
    that does not seem to fit; `backend` is one of `backends.NAMES`; `ranks` share the language model, of which this is
    number 0. Raises CheckpointError with a sentence for whatever is wrong with the folder, RequestError for a model
    that cannot be shared by so many.
    """
    folder, attached = Path(folder), choose(backend)
    config = read_config(folder)
    tensors = list_tensors(folder)
    vocabulary = Vocabulary.load(folder)
    if vocabulary.size > config.text["vocab_size"]:
        raise CheckpointError(
            "The tokenizer in {folder} knows {tokens:,} tokens, the model only {known:,}. They belong to "
            "different models; download the folder again.",
            folder=folder,
            tokens=vocabulary.size,
            known=config.text["vocab_size"],
        )
    target = _dtype(dtype)
    if ranks is not None:
        tensors = tensors_of_a_rank(tensors, ranks.rank, ranks.size)
    check_fits(config.name, _whole_need(tensors, config, target), insist=insist)
    set_limits()
    return (yield from _fill_networks(config, vocabulary, tensors, target, attached, ranks))


def loading_part(
    folder: Path, ranks: Ranks, *, dtype: str = "auto", insist: bool = False, backend: str = "auto"
) -> Generator[Progress, None, LanguageModel]:
    """Load what a rank other than 0 computes: its part of the language model. See `loading`."""
    folder, attached = Path(folder), choose(backend)
    config, target = read_config(folder), _dtype(dtype)
    tensors = tensors_of_a_rank(list_tensors(folder), ranks.rank, ranks.size)
    check_fits(config.name, needed_bytes(tensors, config, target), insist=insist)
    set_limits()
    stored = yield from reading_parts(tensors)
    packed = _unpack(stored, config, target, attached, needed_bytes(tensors, config, target))
    llm = _new_llm(config, ranks)
    total = yield from _filling(llm, stored, config, target, "")
    _finish(llm, attached, packed, total, ranks)
    return llm


def memory_needed(folder: Path) -> int:
    """Bytes that a model folder takes in use: its weights, what speaks, and a full context; from its headers only.

    Raises CheckpointError.
    """
    return _whole_need(list_tensors(folder), read_config(folder), _dtype("auto"))


def stored_bytes(folder: Path) -> int:
    """Bytes that a model folder's weights take as they are stored, from its headers only. Raises CheckpointError."""
    return sum(tensor.bytes for tensor in list_tensors(folder).values())


def _whole_need(tensors: dict[str, StoredTensor], config: CheckpointConfig, dtype: mx.Dtype | None) -> int:
    value_bytes = dtype.size if dtype is not None else mx.bfloat16.size
    room = working_room(config.text, config.audio, config.context_length, value_bytes)
    return needed_bytes(tensors, config, dtype) + room + speaking_needs(config.folder)


def _dtype(name: str) -> mx.Dtype | None:
    if name == "auto":
        return None if on_gpu() else mx.float32
    if name not in _DTYPES:
        raise RequestError(
            "'{name}' is not a precision Earshot knows; choose auto, {known}.", name=name, known=", ".join(_DTYPES)
        )
    return _DTYPES[name]


def _expands(config: CheckpointConfig) -> bool:
    return config.quantisation is not None and not on_gpu()


def needed_bytes(tensors: dict[str, StoredTensor], config: CheckpointConfig, dtype: mx.Dtype | None) -> int:
    """Bytes the weights take in memory once loaded with `dtype` (None: as stored)."""
    total = 0
    for name, tensor in tensors.items():
        values = tensor.bytes // _BYTES_PER_VALUE.get(tensor.dtype, 4)
        if tensor.dtype == "U32" and _expands(config) and config.quantisation is not None:
            pair = config.quantisation.of(name.removesuffix(".weight"))
            values = values * 32 // (pair[0] if pair else 32)
            total += values * (dtype or mx.float32).size
        elif tensor.dtype in _BYTES_PER_VALUE and dtype is not None:
            total += values * dtype.size
        else:
            total += tensor.bytes
    return total


def _fill_networks(
    config: CheckpointConfig,
    vocabulary: Vocabulary,
    tensors: dict[str, StoredTensor],
    dtype: mx.Dtype | None,
    backend: Backend,
    ranks: Ranks | None,
) -> Generator[Progress, None, LoadedCheckpoint]:
    stored = weights_of.map_tensors(tensors) if ranks is None else (yield from reading_parts(tensors))
    all_bytes = needed_bytes(tensors, config, dtype)
    packed = _unpack(stored, config, dtype, backend, all_bytes)
    encoder, adaptor = Encoder.from_config(config.audio), Adaptor.from_config(config.audio, _adaptor_width(stored))
    llm = _new_llm(config, ranks)
    total = 0
    parts = (
        (encoder, "encoder.", Encoder.published(weights_of.split_prefix(stored, "encoder."))),
        (adaptor, "adapter.", Adaptor.published(weights_of.split_prefix(stored, "adapter."))),
        (llm, "", {name: array for name, array in stored.items() if name.startswith(("model.", "lm_head."))}),
    )
    stored.clear()  # the networks hold the arrays from here on, so that nothing is kept twice
    for network, prefix, weights in parts:
        progress = _filling(network, weights, config, dtype, prefix)
        while True:
            try:
                step = next(progress)
            except StopIteration as end:
                total += end.value
                break
            yield Progress("loading", total + step.done, max(all_bytes, total + step.done), "bytes")
    _finish(llm, backend, packed, total, ranks)
    hearing = Hearing(encoder, adaptor)
    backend.attach_hearing(hearing)
    return LoadedCheckpoint(config, vocabulary, llm, hearing, backend)


def _unpack(
    stored: dict[str, mx.array], config: CheckpointConfig, dtype: mx.Dtype | None, backend: Backend, all_bytes: int
) -> dict[str, Packed]:
    """Expand the packed matrices in `stored` where this machine wants that; those it reads beside them, by path."""
    file = config.folder / "config.json"
    if any(name.endswith(".scales") for name in stored) and config.quantisation is None:
        raise CheckpointError(
            "{file} does not say how the weights are quantised. Download the folder again.", file=file
        )
    packed: dict[str, Packed] = {}
    if _expands(config) and config.quantisation is not None:
        if backend.packs(all_bytes):
            packed = weights_of.packed_matrices(stored, config.quantisation, file, ("model.", "lm_head"))
        expanded = weights_of.dequantise(stored, config.quantisation, file, dtype or mx.float32)
        stored.clear()
        stored.update(expanded)
    return packed


def _new_llm(config: CheckpointConfig, ranks: Ranks | None) -> LanguageModel:
    sizes = LlmConfig.from_dict(config.text)
    if ranks is None:
        return LanguageModel(sizes)
    sizes = config_of_a_part(sizes, ranks.size)
    llm = LanguageModel(sizes) if ranks.rank else LeadingModel(sizes, ranks)
    shape_part(llm, ranks)
    return llm


def _filling(
    network: nn.Module, weights: dict[str, mx.array], config: CheckpointConfig, dtype: mx.Dtype | None, prefix: str
) -> Generator[Progress, None, int]:
    if config.quantisation is not None and not _expands(config):
        file = config.folder / "config.json"
        weights_of.quantise_modules(network, weights, config.quantisation, file, prefix)
    return (yield from weights_of.fill(network, weights, config.folder, prefix, dtype))


def _finish(llm: LanguageModel, backend: Backend, packed: dict[str, Packed], total: int, ranks: Ranks | None) -> None:
    llm.fuse()
    if ranks is not None:
        sum_up(llm, ranks)
    backend.attach_language(llm, packed, total)


def _adaptor_width(stored: dict[str, mx.array]) -> int:
    """Width of the adaptor's hidden layer; config.json does not state it, so it is read off the tensor."""
    weight = stored.get("adapter.linear1.weight")
    if weight is None or weight.ndim != 2:
        raise CheckpointError("The model lacks the weights 'adapter.linear1.weight'. Download it again.")
    return int(weight.shape[0])
