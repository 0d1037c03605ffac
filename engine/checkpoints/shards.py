"""The safetensors files of a model folder: which tensors lie where, checked before any is read."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from engine.checkpoints.config import read_json
from engine.errors import CheckpointError
from engine.regular_files import open_regular

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1}
_FLOATS = frozenset({"F32", "F16", "BF16"})
_PACKED = "U32"  # quantised matrices
_LARGEST_HEADER = 100_000_000
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as its file's header describes it."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    start: int  # where in the file its bytes begin


def list_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Every tensor of the folder by name, from the headers of its safetensors files.

    Raises CheckpointError when the index or a file is missing, damaged, cut short, or when they contradict each other.
    """
    index = folder / _INDEX
    if not index.exists():
        if not (folder / _SINGLE).exists():
            raise CheckpointError(
                "The folder {folder} has neither {index} nor {single}: the weights are missing. Download the "
                "model again.",
                folder=folder,
                index=_INDEX,
                single=_SINGLE,
            )
        return read_header(folder / _SINGLE)
    weight_map = read_json(index)
    weight_map = weight_map.get("weight_map") if isinstance(weight_map, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError("{index} is damaged: it has no 'weight_map'. Download it again.", index=index)
    headers = {name: read_header(_shard(index, name)) for name in sorted({str(v) for v in weight_map.values()})}
    tensors = {}
    for name, file in weight_map.items():
        if name not in headers[file]:
            raise CheckpointError(
                "{path} does not hold '{name}', which {index} says it does. Download that file again.",
                path=folder / file,
                name=name,
                index=index.name,
            )
        tensors[name] = headers[file][name]
    return tensors


def _shard(index: Path, name: str) -> Path:
    path = index.parent / name
    if Path(name).name != name:
        raise CheckpointError(
            "{index} names the file '{name}' outside its folder. Download the index again.", index=index, name=name[:80]
        )
    if not os.path.exists(path):  # Path's own raises for a name that is too long
        raise CheckpointError(
            "{path} is missing, but {index} names it. Download that file again.",
            path=index.parent / name[:80],
            index=index.name,
        )
    return path


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors that one safetensors file says it holds; its length must agree.

    Format: 8 bytes little-endian length n, n bytes of JSON, then the data. Raises CheckpointError.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, _LARGEST_HEADER):
                raise CheckpointError(
                    "{path} is damaged or cut short: its header is not whole. Download it again.", path=path
                )
            header = json.loads(file.read(length))
    except OSError as error:
        raise CheckpointError(
            "{path} cannot be read ({reason}). Check the file and its permissions.", path=path, reason=error.strerror
        ) from None
    except (ValueError, RecursionError):
        raise CheckpointError("{path} is damaged: its header cannot be read. Download it again.", path=path) from None
    if not isinstance(header, dict):
        raise CheckpointError("{path} is damaged: its header cannot be read. Download it again.", path=path)
    header.pop("__metadata__", None)
    data_bytes = size - 8 - length
    return {name: _entry(path, name, entry, 8 + length, data_bytes) for name, entry in header.items()}


def _whole(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(number)
    return number


def _entry(path: Path, name: str, entry: object, data: int, data_bytes: int) -> StoredTensor:
    try:
        dtype, shape = str(entry["dtype"]), tuple(map(_whole, entry["shape"]))  # type: ignore[index]
        start, end = map(_whole, entry["data_offsets"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(
            "{path} is damaged: the entry of '{name}' cannot be read. Download it again.", path=path, name=name
        ) from None
    if dtype not in _FLOATS and dtype != _PACKED:
        raise CheckpointError(
            "{path}: '{name}' is stored as {dtype}, which Earshot does not load.", path=path, name=name, dtype=dtype
        )
    if min(shape, default=1) < 0 or end - start != math.prod(shape) * _BYTES[dtype] or start < 0:
        raise CheckpointError(
            "{path} is damaged: the size of '{name}' does not fit its shape. Download it again.", path=path, name=name
        )
    if end > data_bytes:
        raise CheckpointError(
            "{path} is cut short: it holds {data_bytes:,} bytes of weights, '{name}' ends at {end:,}. Download "
            "it again.",
            path=path,
            data_bytes=data_bytes,
            name=name,
            end=end,
        )
    return StoredTensor(path, dtype, shape, end - start, data + start)
