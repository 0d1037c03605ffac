"""Small ONNX files that take and give what the published voice networks do, written as protobuf bytes by hand.

Field numbers are those of the ONNX project's onnx.proto.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.speaking.voice_networks import SPEAKER_FILE, TOKENIZER_FILE

_FLOAT, _INT32 = 1, 6


def write_voice_networks(folder: Path, seed: int = 0) -> None:
    """Write a speech tokenizer (a convolution and eight ternary digits) and a speaker network (a mean, projected)."""
    random = np.random.default_rng(seed)
    digits = (3.0 ** np.arange(8)).astype(np.float32).reshape(1, 8, 1)
    tokenizer = [
        _node("Conv", ["feats", "filters", "offsets"], "digits", strides=[4], kernel_shape=[4]),
        _node("Tanh", ["digits"], "bounded"),
        _node("Mul", ["bounded", "spread"], "spread_out"),
        _node("Round", ["spread_out"], "ternary"),
        _node("Add", ["ternary", "one"], "counted"),
        _node("Conv", ["counted", "places"], "number", kernel_shape=[1]),
        _node("Squeeze", ["number", "axis"], "flat"),
        _node("Cast", ["flat"], "codes", to=_INT32),
    ]
    filters = random.standard_normal((8, 128, 4)).astype(np.float32) * 0.2
    weights = {
        "filters": filters,
        "offsets": random.standard_normal(8).astype(np.float32) * 0.1,
        "spread": np.array(1.4, np.float32),
        "one": np.array(1.0, np.float32),
        "places": digits,
        "axis": np.array([1], np.int64),
    }
    inputs = [_value("feats", _FLOAT, [1, 128, "T"]), _value("feats_length", _INT32, [1])]
    outputs = [_value("codes", _INT32, [1, "N"])]
    (folder / TOKENIZER_FILE).write_bytes(_model(tokenizer, weights, inputs, outputs))
    speaker = [
        _node("Abs", ["fbank"], "loudness"),
        _node("ReduceMean", ["loudness"], "means", axes=[1], keepdims=0),
        _node("MatMul", ["means", "projection"], "embedding"),
    ]
    projection = {"projection": random.standard_normal((80, 192)).astype(np.float32)}
    inputs = [_value("fbank", _FLOAT, [1, "T", 80])]
    (folder / SPEAKER_FILE).write_bytes(_model(speaker, projection, inputs, [_value("embedding", _FLOAT, [1, 192])]))


def _model(nodes: list[bytes], weights: dict[str, NDArray], inputs: list[bytes], outputs: list[bytes]) -> bytes:
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"graph")
    graph += b"".join(_bytes(5, _tensor(name, value)) for name, value in weights.items())
    graph += b"".join(_bytes(11, value) for value in inputs) + b"".join(_bytes(12, value) for value in outputs)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _number(2, 17))


def _node(operator: str, inputs: list[str], output: str, **attributes: int | list[int]) -> bytes:
    body = b"".join(_bytes(1, name.encode()) for name in inputs) + _bytes(2, output.encode())
    body += _bytes(4, operator.encode())
    for name, value in attributes.items():
        if isinstance(value, int):
            content = _number(3, value) + _number(20, 2)
        else:
            content = b"".join(_number(8, one) for one in value) + _number(20, 7)
        body += _bytes(5, _bytes(1, name.encode()) + content)
    return body


def _tensor(name: str, value: NDArray) -> bytes:
    kind = {"float32": 1, "int64": 7}[value.dtype.name]
    dims = b"".join(_number(1, side) for side in value.shape)
    return dims + _number(2, kind) + _bytes(8, name.encode()) + _bytes(9, np.ascontiguousarray(value).tobytes())


def _value(name: str, kind: int, shape: list[int | str]) -> bytes:
    dims = [_number(1, side) if isinstance(side, int) else _bytes(2, side.encode()) for side in shape]
    tensor = _number(1, kind) + _bytes(2, b"".join(_bytes(1, dim) for dim in dims))
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, tensor))


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _bytes(tag: int, value: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += struct.pack("B", value & 127 | 128)
        value >>= 7
    return out + struct.pack("B", value)
