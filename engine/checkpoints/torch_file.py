"""Reads the state dicts in PyTorch's zipped .pt files, without PyTorch and without running anything they contain.

A .pt file is a zip of uncompressed members: `data.pkl`, a pickle that describes tensors, and one `data/N` for each
storage. Python's unpickler would call whatever the pickle names, so it is restricted to the few names and operations
that describe a dictionary of tensors; everything else is refused. Storages are memory-mapped.
"""

from __future__ import annotations

import io
import mmap
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, Sentence, SentenceError
from engine.regular_files import open_regular

_LARGEST_PICKLE = 32 << 20
_MOST_MEMBERS = 200_000
_MOST_DIMENSIONS = 8
_TIED_BYTES = 100_000_000  # that tensors which share numbers may take beyond the file's own size
_LOCAL_HEADER = 30

_STORAGES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}


class _RefusedError(SentenceError):
    """Why the file is not a plain state dict; the second half of the sentence a person reads."""


class _Storage(NamedTuple):
    kind: str
    key: str
    length: int


class TorchTensor(NamedTuple):
    """A tensor of the file: where it lies in which storage."""

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _NamedTensors(dict[str, Any]):
    """A dictionary that takes names only: the hash of a hostile key may take for ever."""

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise _RefusedError("it is not a dictionary of named tensors")
        super().__setitem__(name, value)

    def __setstate__(self, state: Any) -> None:
        """PyTorch's list of versions: of no use, so it is dropped."""


class _StorageKind(NamedTuple):
    """Stands for torch.FloatStorage and its like, which a pickle names and never calls."""

    name: str


class _Callable(NamedTuple):
    """What a pickle may call. It has no attributes that the pickle could set."""

    action: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.action(*arguments)


def _make_tensor(*arguments: Any) -> TorchTensor:
    match arguments:
        case (_Storage() as storage, int(offset), tuple(shape), tuple(strides), *_):
            pass
        case _:
            raise _RefusedError("it describes a tensor in an unknown way")
    numbers = (offset, storage.length, *shape, *strides)
    if not all(isinstance(number, int) and 0 <= number < 1 << 48 for number in numbers):
        raise _RefusedError("it describes a tensor with impossible sizes")
    if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS:
        raise _RefusedError("it describes a tensor with impossible sizes")
    return TorchTensor(storage.kind, storage.key, offset, shape, strides)


_KNOWN: dict[tuple[str, str], _Callable | _StorageKind] = {
    ("collections", "OrderedDict"): _Callable(lambda: _NamedTensors()),
    ("torch._utils", "_rebuild_tensor_v2"): _Callable(_make_tensor),
    ("torch._utils", "_rebuild_parameter"): _Callable(lambda tensor, *_: tensor),
    **{("torch", kind): _StorageKind(kind) for kind in _STORAGES},
}
_OPERATIONS = (
    pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.GLOBAL, pickle.STACK_GLOBAL, pickle.REDUCE, pickle.BUILD,
    pickle.BINPERSID, pickle.MARK, pickle.TUPLE, pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3,
    pickle.SETITEM, pickle.SETITEMS, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BININT,
    pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINPUT,
    pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET,
)  # fmt: skip


class _StateDictUnpickler(pickle._Unpickler):
    """Makes nothing but named tensors.

    It is Python's own unpickler in Python: the one in C fills memory up to whatever place the pickle names in its memo,
    and cannot be told to check the keys of a dictionary before it hashes them.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **{operation[0]: pickle._Unpickler.dispatch[operation[0]] for operation in _OPERATIONS},
        pickle.EMPTY_DICT[0]: lambda unpickler: unpickler.append(_NamedTensors()),
    }

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name of the pickle; only those a state dict needs are known."""
        if (module, name) not in _KNOWN:
            raise _RefusedError("it wants to use {name!r}, which is not a tensor", name=f"{module}.{name}"[:80])
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a pickle refers to."""
        match pid:
            case ("storage", _StorageKind(kind), str(key), str(), int(length)):
                return _Storage(kind, key, length)
        raise _RefusedError("it refers to something outside that is not a tensor's storage")


def _unpickle(data: bytes) -> Any:
    try:
        return _StateDictUnpickler(io.BytesIO(data)).load()
    except _RefusedError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise _RefusedError("its pickle is damaged, or does what a state dict does not need") from error


def read(path: Path) -> dict[str, mx.array]:
    """All tensors of a state dict by name, in the file's precision (float64 becomes float32).

    Raises CheckpointError when the file cannot be read, is damaged, or holds anything but tensors.
    """
    try:
        with open_regular(path) as file:
            return _TensorFile(path, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).tensors()
    except FileNotFoundError:
        raise CheckpointError("{path} is missing.", path=path) from None
    except OSError as error:
        raise CheckpointError("{path} cannot be read: {reason}.", path=path, reason=error.strerror or error) from error
    except ValueError:
        raise CheckpointError("{path} is empty.", path=path) from None
    except (_RefusedError, zipfile.BadZipFile, NotImplementedError, struct.error, EOFError) as error:
        reason = error.sentence if isinstance(error, _RefusedError) else Sentence("it is not a complete PyTorch file")
        raise CheckpointError(
            "{path} cannot be used: {reason}. Download it again from a source you trust.", path=path, reason=reason
        ) from error


class _TensorFile:
    """One open .pt file."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        archive = zipfile.ZipFile(path)
        with archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise _RefusedError("it has too many parts")
            self._members = {member.filename: member for member in members}
            roots = [name.removesuffix("data.pkl") for name in self._members if name.endswith("/data.pkl")]
            if len(roots) != 1:
                raise _RefusedError("it is not a zipped PyTorch file")
            self._root = roots[0]
        order = self._members.get(f"{self._root}byteorder")
        if order is not None and self._bytes(order).tobytes() != b"little":
            raise _RefusedError("its numbers are stored in another byte order")

    def tensors(self) -> dict[str, mx.array]:
        description = self._members[f"{self._root}data.pkl"]
        if description.file_size > _LARGEST_PICKLE:
            raise _RefusedError("its description is far too long")
        found = _unpickle(self._bytes(description).tobytes())
        if not isinstance(found, dict) or not found:
            raise _RefusedError("it is not a dictionary of named tensors")
        size = sum(self._size(name, tensor) for name, tensor in found.items())
        if size > len(self._mapped) + _TIED_BYTES:
            raise _RefusedError("its tensors would be far larger than the file")
        return {name: self._array(tensor) for name, tensor in found.items()}

    def _bytes(self, member: zipfile.ZipInfo) -> NDArray[np.uint8]:
        """A member's bytes, not copied."""
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise _RefusedError("its parts are compressed, which PyTorch never does")
        header = self._mapped[member.header_offset : member.header_offset + _LOCAL_HEADER]
        if len(header) != _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise _RefusedError("it is not a complete PyTorch file")
        start = member.header_offset + _LOCAL_HEADER + sum(struct.unpack("<HH", header[26:30]))
        if start + member.file_size > len(self._mapped):
            raise _RefusedError("it is not a complete PyTorch file")
        return np.frombuffer(self._mapped, np.uint8, member.file_size, start)

    def _size(self, name: str, tensor: Any) -> int:
        """Bytes of a tensor; refuses one that does not lie inside its storage."""
        if not isinstance(tensor, TorchTensor):
            raise _RefusedError("its entry {name!r} is not a tensor", name=name[:80])
        width = np.dtype(_STORAGES[tensor.kind]).itemsize
        member = self._members.get(f"{self._root}data/{tensor.key}")
        if member is None:
            raise _RefusedError("the numbers of {name!r} are missing", name=name[:80])
        count = 1
        for side in tensor.shape:
            count *= side
        last = sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
        if count and (tensor.offset + last + 1) * width > member.file_size:
            raise _RefusedError("the numbers of {name!r} are incomplete", name=name[:80])
        return count * width

    def _array(self, tensor: TorchTensor) -> mx.array:
        kind = np.dtype(_STORAGES[tensor.kind])
        raw = self._bytes(self._members[f"{self._root}data/{tensor.key}"])
        storage = raw[: len(raw) // kind.itemsize * kind.itemsize].view(kind)
        strides = tuple(stride * kind.itemsize for stride in tensor.strides)
        if 0 in tensor.shape:
            values = np.zeros(tensor.shape, kind)
        else:
            values = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
        array = mx.array(values.astype(np.float32) if kind == np.dtype("<f8") else np.ascontiguousarray(values))
        mx.eval(array)
        return array.view(mx.bfloat16) if tensor.kind == "BFloat16Storage" else array
