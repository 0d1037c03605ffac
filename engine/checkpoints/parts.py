"""Reads of a model folder only what one of several ranks keeps."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from engine.checkpoints.shards import StoredTensor
from engine.errors import CheckpointError
from engine.events import Progress
from engine.ranks.parts import stretch

_NUMPY: dict[str, Any] = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "U32": np.uint32}
_STEP_BYTES = 256_000_000
_LEADERS = ("encoder.", "adapter.", "model.embed_tokens.")


@dataclass(frozen=True)
class PartOfTensor(StoredTensor):
    """A stretch of a stored tensor; `shape` and `bytes` are the stretch's, `start` is where the whole begins."""

    whole: tuple[int, ...]
    stretch: tuple[int, int, int] | None  # axis, first, end; None for all of it


def tensors_of_a_rank(tensors: Mapping[str, StoredTensor], rank: int, size: int) -> dict[str, StoredTensor]:
    """What number `rank` of `size` keeps of the listed tensors; only 0 hears and knows ids by their embeddings.

    Raises RequestError when a tensor cannot be cut into equal parts.
    """
    parts: dict[str, StoredTensor] = {}
    for name, tensor in tensors.items():
        if rank and name.startswith(_LEADERS):
            continue
        if name.startswith("lm_head.") and tensor.shape[0] % size:
            if rank:
                continue
            cut = None  # rank 0 has it whole
        else:
            cut = stretch(name, tensor.shape, rank, size) if name.startswith(("model.", "lm_head.")) else None
        shape = tensor.shape if cut is None else _shape(tensor.shape, cut)
        count = tensor.bytes * math.prod(shape) // max(math.prod(tensor.shape), 1)
        parts[name] = PartOfTensor(tensor.file, tensor.dtype, shape, count, tensor.start, tensor.shape, cut)
    return parts


def _shape(whole: tuple[int, ...], cut: tuple[int, int, int]) -> tuple[int, ...]:
    axis, start, end = cut
    return (*whole[:axis], end - start, *whole[axis + 1 :])


def reading_parts(tensors: Mapping[str, StoredTensor]) -> Generator[Progress, None, dict[str, mx.array]]:
    """Arrays of what `tensors_of_a_rank` listed; the rest of the files is not read. Raises CheckpointError."""
    total = sum(tensor.bytes for tensor in tensors.values())
    done = told = 0
    arrays: dict[str, mx.array] = {}
    for name, tensor in tensors.items():
        assert isinstance(tensor, PartOfTensor)
        arrays[name] = _read(tensor)
        done += tensor.bytes
        if done - told >= _STEP_BYTES:
            yield Progress("loading", done, total, "bytes")
            told = done
    return arrays


def _read(tensor: PartOfTensor) -> mx.array:
    try:
        whole = np.memmap(tensor.file, _NUMPY[tensor.dtype], "r", tensor.start, tensor.whole)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "{path} cannot be read ({reason}). Download it again.", path=tensor.file, reason=error
        ) from None
    cut = [slice(None)] * len(tensor.whole)
    if tensor.stretch is not None:
        axis, start, end = tensor.stretch
        cut[axis] = slice(start, end)
    array = mx.array(np.ascontiguousarray(whole[tuple(cut)]))
    return array.view(mx.bfloat16) if tensor.dtype == "BF16" else array
