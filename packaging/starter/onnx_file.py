"""Write ONNX models by hand: a graph of named nodes and weights, as the protobuf bytes of ONNX IR 8, opset 17.

Only what the starter's two small networks need. Source: onnx.proto of the ONNX project (field numbers).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

FLOAT, INT8, INT32, INT64 = 1, 3, 6, 7
_KINDS = {"float32": FLOAT, "int8": INT8, "int32": INT32, "int64": INT64}
Attribute = int | float | list[int]


class OnnxGraph:
    """Collects nodes and weights; `save` writes the model."""

    def __init__(self, name: str) -> None:
        """An empty graph."""
        self.name = name
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, kind: int, shape: list[int | str]) -> str:
        """Declare an input; sizes may be names."""
        self._inputs.append(_value_info(name, kind, shape))
        return name

    def output(self, name: str, kind: int, shape: list[int | str]) -> None:
        """Declare an output made by a node with that name."""
        self._outputs.append(_value_info(name, kind, shape))

    def weight(self, value: np.ndarray) -> str:
        """Add a constant."""
        stored = np.ascontiguousarray(value)
        name = self._fresh("w")
        dims = b"".join(_number(1, size) for size in stored.shape)
        kind = _number(2, _KINDS[stored.dtype.name])
        self._weights.append(dims + kind + _bytes(8, name.encode()) + _bytes(9, stored.tobytes()))
        return name

    def matrix(self, value: np.ndarray, axis: int) -> str:
        """Add a constant as 8-bit numbers with one scale for each place on `axis`; they become float32 on loading."""
        numbers, scales = quantised(value, axis)
        return self.node("DequantizeLinear", self.weight(numbers), self.weight(scales), axis=axis)

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """Add a node with one output; returns the output's name (`name`, or a fresh one)."""
        output = name or self._fresh(operator.lower())
        body = b"".join(_bytes(1, value.encode()) for value in inputs) + _bytes(2, output.encode())
        body += _bytes(4, operator.encode())
        body += b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items())
        self._nodes.append(body)
        return output

    def save(self, path: Path) -> None:
        """Write the model file."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _bytes(2, self.name.encode())
        graph += b"".join(_bytes(5, weight) for weight in self._weights)
        graph += b"".join(_bytes(11, value) for value in self._inputs)
        graph += b"".join(_bytes(12, value) for value in self._outputs)
        opset = _bytes(8, _bytes(1, b"") + _number(2, 17))
        path.write_bytes(_number(1, 8) + _bytes(2, b"earshot") + _bytes(7, graph) + opset)

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"


def quantised(value: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers −127 … 127 of the value's shape and scales (n,) for its `axis`; their product is nearly the value."""
    others = tuple(i for i in range(value.ndim) if i != axis)
    scales = np.maximum(np.abs(value).max(axis=others, keepdims=True), 1e-8) / 127
    return np.round(value / scales).astype(np.int8), scales.reshape(-1).astype(np.float32)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _bytes(tag: int, value: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(value)) + value


def _attribute(name: str, value: Attribute) -> bytes:
    start = _bytes(1, name.encode())
    if isinstance(value, float):
        return start + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, 2)
    return start + b"".join(_number(8, item) for item in value) + _number(20, 7)


def _value_info(name: str, kind: int, shape: list[int | str]) -> bytes:
    dims = [_number(1, size) if isinstance(size, int) else _bytes(2, size.encode()) for size in shape]
    tensor = _number(1, kind) + _bytes(2, b"".join(_bytes(1, dim) for dim in dims))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))
