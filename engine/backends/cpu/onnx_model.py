"""Writes ONNX models: a graph of named nodes and weights, as the protobuf bytes of ONNX IR 8, opset 17.

Only what our own small graphs need. Source: onnx.proto of the ONNX project (field numbers).
"""

from __future__ import annotations

import struct

import numpy as np

FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7
_KINDS = {"float32": FLOAT, "uint8": UINT8, "int8": INT8, "int32": INT32, "int64": INT64}
_VERSIONS = {"": 17, "com.microsoft": 1}
Attribute = int | float | list[int]


class OnnxGraph:
    """Collects nodes and weights."""

    def __init__(self, name: str) -> None:
        """An empty graph."""
        self.name = name
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._domains = {""}
        self._count = 0

    def input(self, name: str, kind: int, shape: list[int | str]) -> str:
        """Declare an input; sizes may be names."""
        self._inputs.append(_value_info(name, kind, shape))
        return name

    def output(self, name: str, kind: int, shape: list[int | str]) -> None:
        """Declare an output made by a node with that name."""
        self._outputs.append(_value_info(name, kind, shape))

    def weight(self, value: np.ndarray) -> str:
        """Add a constant of float32, uint8, int8, int32 or int64."""
        stored = np.ascontiguousarray(value)
        name = self._fresh("w")
        dims = b"".join(_number(1, size) for size in stored.shape)
        kind = _number(2, _KINDS[stored.dtype.name])
        self._weights.append(dims + kind + _bytes(8, name.encode()) + _bytes(9, stored.tobytes()))
        return name

    def node(self, operator: str, *inputs: str, name: str = "", domain: str = "", **attributes: Attribute) -> str:
        """Add a node with one output; returns the output's name (`name`, or a fresh one).

        `domain` is "com.microsoft" for onnxruntime's own operators.
        """
        output = name or self._fresh(operator.lower())
        body = b"".join(_bytes(1, value.encode()) for value in inputs) + _bytes(2, output.encode())
        body += _bytes(4, operator.encode())
        body += b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items())
        if domain:
            body += _bytes(7, domain.encode())
        self._domains.add(domain)
        self._nodes.append(body)
        return output

    def model(self) -> bytes:
        """The model file's content."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _bytes(2, self.name.encode())
        graph += b"".join(_bytes(5, weight) for weight in self._weights)
        graph += b"".join(_bytes(11, value) for value in self._inputs)
        graph += b"".join(_bytes(12, value) for value in self._outputs)
        operators = b"".join(
            _bytes(8, _bytes(1, domain.encode()) + _number(2, _VERSIONS[domain])) for domain in sorted(self._domains)
        )
        return _number(1, 8) + _bytes(2, b"earshot") + _bytes(7, graph) + operators

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"


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
