"""Writes a state dict in PyTorch's zipped .pt form, without PyTorch. The twin of engine/checkpoints/torch_file.py."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_KINDS = {
    np.dtype("<f4"): "FloatStorage",
    np.dtype("<f2"): "HalfStorage",
    np.dtype("<f8"): "DoubleStorage",
    np.dtype("<i8"): "LongStorage",
    np.dtype("<i4"): "IntStorage",
    np.dtype("<u2"): "BFloat16Storage",  # the upper halves of float32 numbers
}


def write(path: Path, tensors: Mapping[str, NDArray], root: str = "archive") -> None:
    """Write arrays by name; float32, float16, float64, int32, int64, and uint16 taken as the bits of bfloat16."""
    arrays = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _member(archive, f"{root}/data.pkl", _description(arrays))
        _member(archive, f"{root}/byteorder", b"little")
        for index, value in enumerate(arrays.values()):
            _member(archive, f"{root}/data/{index}", value.tobytes())
        _member(archive, f"{root}/version", b"3\n")


def _member(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a file with a fixed date, so that the same tensors give the same bytes."""
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def _description(arrays: Mapping[str, NDArray]) -> bytes:
    """The pickle, protocol 2: a dictionary of calls of torch._utils._rebuild_tensor_v2."""
    parts = [b"\x80\x02}("]
    for index, (name, value) in enumerate(arrays.items()):
        kind = _KINDS.get(value.dtype)
        if kind is None:
            raise ValueError(f"{name}: {value.dtype} cannot be written")
        storage = b"(" + _text("storage") + _name("torch", kind) + _text(str(index)) + _text("cpu")
        storage += _number(value.size) + b"tQ"
        strides = tuple(stride // value.itemsize for stride in value.strides)
        tensor = b"(" + storage + b"K\x00" + _tuple(value.shape) + _tuple(strides) + b"\x89"
        tensor += _name("collections", "OrderedDict") + b")Rt"
        parts.append(_text(name) + _name("torch._utils", "_rebuild_tensor_v2") + tensor + b"R")
    parts.append(b"u.")
    return b"".join(parts)


def _text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _name(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def _number(value: int) -> bytes:
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def _tuple(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(_number(value) for value in values) + b"t"
