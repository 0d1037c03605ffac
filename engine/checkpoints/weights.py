"""Puts a folder's tensors into networks: names, shapes, precision and quantisation checked, nothing read twice."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from engine.backends.cpu import Packed
from engine.checkpoints.config import Quantisation
from engine.checkpoints.shards import StoredTensor
from engine.errors import CheckpointError
from engine.events import Progress

_STEP_BYTES = 256_000_000  # read and checked together: few steps, yet a bar that moves


def map_tensors(tensors: Mapping[str, StoredTensor]) -> dict[str, mx.array]:
    """Lazy arrays for the listed tensors: a file's bytes are read when an array is evaluated, not before."""
    files = {tensor.file for tensor in tensors.values()}
    weights: dict[str, mx.array] = {}
    for file in sorted(files):
        try:
            loaded = mx.load(str(file))
        except (RuntimeError, ValueError):
            raise CheckpointError(
                "{file} is damaged: its weights cannot be read. Download it again.", file=file
            ) from None
        assert isinstance(loaded, dict)
        weights |= {name: array for name, array in loaded.items() if name in tensors}
    return weights


def split_prefix(weights: Mapping[str, mx.array], prefix: str) -> dict[str, mx.array]:
    """The weights below `prefix`, without it."""
    return {name[len(prefix) :]: array for name, array in weights.items() if name.startswith(prefix)}


def dequantise(
    weights: dict[str, mx.array], quantisation: Quantisation, file: Path, dtype: mx.Dtype
) -> dict[str, mx.array]:
    """Replace every packed matrix by its values in `dtype` (a CPU multiplies plain floats many times faster)."""
    plain = dict(weights)
    for path in _quantised_paths(weights):
        bits, group_size = _checked_pair(weights, path, quantisation, file)
        scales, biases = (plain.pop(f"{path}.{kind}").astype(dtype) for kind in ("scales", "biases"))
        plain[f"{path}.weight"] = mx.dequantize(
            plain[f"{path}.weight"], scales, biases, group_size=group_size, bits=bits
        )
    return plain


def packed_matrices(
    weights: Mapping[str, mx.array], quantisation: Quantisation, file: Path, prefixes: tuple[str, ...]
) -> dict[str, Packed]:
    """The packed matrices below any of the prefixes, by their paths. Raises CheckpointError."""
    found = {}
    for path in _quantised_paths(weights):
        if path.startswith(prefixes):
            bits, _ = _checked_pair(weights, path, quantisation, file)
            values, scales, biases = (weights[f"{path}.{kind}"] for kind in ("weight", "scales", "biases"))
            found[path] = Packed(values, scales, biases, bits)
    return found


def quantise_modules(
    network: nn.Module, weights: Mapping[str, mx.array], quantisation: Quantisation, file: Path, prefix: str
) -> None:
    """Turn those modules of `network` into quantised ones whose weights are stored packed.

    `prefix` is what the folder puts before the network's own names.
    """
    pairs = {path: _checked_pair(weights, path, quantisation, file, prefix) for path in _quantised_paths(weights)}

    def wanted(path: str, module: nn.Module) -> bool | dict[str, int]:
        if path not in pairs or not hasattr(module, "to_quantized"):
            return False
        return {"bits": pairs[path][0], "group_size": pairs[path][1]}

    nn.quantize(network, class_predicate=wanted)


def _quantised_paths(weights: Mapping[str, mx.array]) -> Iterator[str]:
    return (name.removesuffix(".scales") for name in weights if name.endswith(".scales"))


def _checked_pair(
    weights: Mapping[str, mx.array], path: str, quantisation: Quantisation, file: Path, prefix: str = ""
) -> tuple[int, int]:
    pair = quantisation.of(prefix + path)
    scales, biases, packed = (weights.get(f"{path}.{kind}") for kind in ("scales", "biases", "weight"))
    if pair is None or packed is None or scales is None or biases is None:
        raise CheckpointError(
            "{file} and the stored weights disagree on whether '{prefix}{path}' is quantised. Download both again.",
            file=file,
            prefix=prefix,
            path=path,
        )
    bits, group_size = pair
    fits = packed.ndim == scales.ndim == 2 and packed.shape[0] == scales.shape[0] and scales.shape == biases.shape
    if not fits or packed.dtype != mx.uint32 or packed.shape[1] * 32 != scales.shape[1] * group_size * bits:
        raise CheckpointError(
            "{file} says {bits} bits in groups of {group_size} for '{prefix}{path}', but its weights are stored "
            "otherwise. Download both again.",
            file=file,
            bits=bits,
            group_size=group_size,
            prefix=prefix,
            path=path,
        )
    return bits, group_size


def fill(
    network: nn.Module, weights: Mapping[str, mx.array], folder: Path, prefix: str, dtype: mx.Dtype | None
) -> Generator[Progress, None, int]:
    """Give `network` its weights and evaluate them step by step; returns their bytes in memory.

    `dtype` converts floating-point weights (None keeps what is stored). Raises CheckpointError for a missing tensor,
    a wrong shape, or values that are not numbers. Tensors the network has no place for are left alone.
    """
    expected = dict(tree_flatten(network.parameters()))
    chosen: list[tuple[str, mx.array]] = []
    for name, parameter in expected.items():
        array = weights.get(name)
        if array is None:
            raise CheckpointError(
                "The model in {folder} lacks the weights '{prefix}{name}'. Download it again.",
                folder=folder,
                prefix=prefix,
                name=name,
            )
        if array.shape != parameter.shape:
            raise CheckpointError(
                "The weights '{prefix}{name}' in {folder} have the shape {shape}, config.json asks for {needed}. "
                "The folder mixes two models; download it again.",
                prefix=prefix,
                name=name,
                folder=folder,
                shape=tuple(array.shape),
                needed=tuple(parameter.shape),
            )
        convert = dtype is not None and mx.issubdtype(array.dtype, mx.floating)
        chosen.append((name, array.astype(dtype) if convert and dtype is not None else array))
    network.load_weights(chosen, strict=False)
    done = 0
    total = sum(array.nbytes for _, array in chosen)
    for step in _steps(chosen):
        _evaluate(step, folder, prefix)
        done += sum(array.nbytes for _, array in step)
        yield Progress("loading", done, total, "bytes")
    network.eval()
    mx.eval(mx.random.state)  # of values that a new network begins with: not made, their seeds would wait for ever
    return total


def _steps(arrays: list[tuple[str, mx.array]]) -> Iterator[list[tuple[str, mx.array]]]:
    step: list[tuple[str, mx.array]] = []
    size = 0
    for name, array in arrays:
        step.append((name, array))
        size += array.nbytes
        if size >= _STEP_BYTES:
            yield step
            step, size = [], 0
    if step:
        yield step


def _evaluate(step: list[tuple[str, mx.array]], folder: Path, prefix: str) -> None:
    floats = [(name, array) for name, array in step if mx.issubdtype(array.dtype, mx.floating)]
    try:
        finite = mx.stack([mx.all(mx.isfinite(array)) for _, array in floats]) if floats else mx.array([True])
        mx.eval([array for _, array in step], finite)
    except RuntimeError as error:
        raise CheckpointError(
            "The weights in {folder} cannot be read ({reason}). Download the model again.", folder=folder, reason=error
        ) from None
    for (name, _), good in zip(floats, finite.tolist(), strict=False):  # type: ignore[arg-type]
        if not good:
            raise CheckpointError(
                "The weights '{prefix}{name}' in {folder} hold values that are not numbers. Download the model again.",
                prefix=prefix,
                name=name,
                folder=folder,
            )
