"""Writes small ONNX models in memory: the few fields of onnx.proto (ONNX IR 9) that one operator needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8 = 1, 2
_IR_VERSION, _INT_ATTRIBUTE = 9, 2


def model(graph: bytes, versions: Mapping[str, int]) -> bytes:
    """A model with the versions of the operator sets that it uses."""
    sets = b"".join(_field(8, _field(1, domain) + _field(2, number)) for domain, number in versions.items())
    return _field(1, _IR_VERSION) + _field(7, graph) + sets


def graph(nodes: Sequence[bytes], weights: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
    """A graph of what the functions below make."""
    parts = ((1, nodes), (5, weights), (11, inputs), (12, outputs))
    return _field(2, "graph") + b"".join(_field(number, one) for number, many in parts for one in many)


def node(
    operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, int], domain: str = ""
) -> bytes:
    """One operation; its attributes are whole numbers."""
    names = b"".join(_field(1, name) for name in inputs) + b"".join(_field(2, name) for name in outputs)
    settings = b"".join(
        _field(5, _field(1, name) + _field(3, number) + _field(20, _INT_ATTRIBUTE))
        for name, number in attributes.items()
    )
    return names + _field(4, operator) + settings + _field(7, domain)


def tensor(name: str, array: NDArray[np.generic], kind: int) -> bytes:
    """A constant of kind FLOAT or UINT8."""
    sizes = b"".join(_field(1, size) for size in array.shape)
    return sizes + _field(2, kind) + _field(8, name) + _field(9, np.ascontiguousarray(array).tobytes())


def value(name: str, shape: Sequence[int]) -> bytes:
    """A graph's input or output of float32."""
    sizes = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, FLOAT) + _field(2, sizes)))


def _field(number: int, content: int | str | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    raw = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])
