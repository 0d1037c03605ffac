"""Sessions of onnxruntime for our own small graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.threads import cores

if TYPE_CHECKING:
    import onnxruntime

SPREAD_BYTES = 16_000_000  # of weights: from here on products are worth spreading over the cores


def session_of(model: bytes, *, spread: bool = False) -> onnxruntime.InferenceSession:
    """A session of an ONNX model. With `spread` a large one uses all cores, otherwise one."""
    import onnxruntime  # takes a while, and a GPU never needs it here

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores() if spread and len(model) >= SPREAD_BYTES else 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # each of many sessions would keep what its longest run took
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def floats(array: mx.array) -> NDArray[np.float32]:
    """A copy in float32."""
    return np.array(array.astype(mx.float32))
