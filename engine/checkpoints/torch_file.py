"""Reads the state dicts in PyTorch's zipped .pt files, without PyTorch and without running anything they contain.

A .pt file is a zip of uncompressed members: `data.pkl`, a pickle that describes tensors, and one `data/N` for each
storage. Python's unpickler would call whatever the pickle names, so the few opcodes that describe a dictionary of
tensors are interpreted here; every other opcode or name is refused. Storages are memory-mapped.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError

_LARGEST_PICKLE = 32 << 20
_MOST_MEMBERS = 200_000
_MOST_DIMENSIONS = 8
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


class _RefusedError(Exception):
    """Why the file is not a plain state dict; the second half of the sentence a person reads."""


@dataclass(frozen=True)
class _Name:
    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True)
class _Storage:
    kind: str
    key: str
    length: int


@dataclass(frozen=True)
class TorchTensor:
    """A tensor of the file: where it lies in which storage."""

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Mark:
    pass


_MARK = _Mark()
_ORDERED_DICT = _Name("collections", "OrderedDict")
_REBUILD_TENSOR = _Name("torch._utils", "_rebuild_tensor_v2")
_REBUILD_PARAMETER = _Name("torch._utils", "_rebuild_parameter")
_KNOWN = {_ORDERED_DICT, _REBUILD_TENSOR, _REBUILD_PARAMETER} | {_Name("torch", kind) for kind in _STORAGES}


class _StateDictPickle:
    """Interprets the opcodes of a pickled state dict; values are plain Python values, `_Storage` and `TorchTensor`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        while True:
            code = self._take(1)[0]
            if code == ord("."):
                return self._pop()
            action = _ACTIONS.get(code)
            if action is None:
                raise _RefusedError(f"its pickle uses the operation {code:#04x}, which a state dict does not need")
            action(self)

    def _take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise _RefusedError("its pickle ends in the middle")
        self._at += count
        return piece

    def _number(self, form: str) -> int:
        return int(struct.unpack(form, self._take(struct.calcsize(form)))[0])

    def _pop(self) -> Any:
        if not self._stack:
            raise _RefusedError("its pickle is damaged")
        value = self._stack.pop()
        if value is _MARK:
            raise _RefusedError("its pickle is damaged")
        return value

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise _RefusedError("its pickle is damaged")
        return self._stack[-1]

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is _MARK:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise _RefusedError("its pickle is damaged")

    def _text(self, form: str) -> None:
        raw = self._take(self._number(form))
        try:
            self._push(raw.decode())
        except UnicodeDecodeError:
            raise _RefusedError("its pickle holds a name that is not text") from None

    def _protocol(self) -> None:
        if self._number("<B") > 5:
            raise _RefusedError("its pickle is of an unknown protocol")

    def _frame(self) -> None:
        self._take(8)

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at, self._at + 256)
        if end < 0:
            raise _RefusedError("its pickle is damaged")
        raw = self._data[self._at : end]
        self._at = end + 1
        return raw.decode("utf-8", "replace")

    def _global(self) -> None:
        module = self._line()
        self._name(_Name(module, self._line()))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise _RefusedError("its pickle is damaged")
        self._name(_Name(module, name))

    def _name(self, name: _Name) -> None:
        if name not in _KNOWN:
            raise _RefusedError(f"it wants to use {str(name)[:80]!r}, which is not a tensor")
        self._push(name)

    def _long(self) -> None:
        raw = self._take(self._number("<B"))
        self._push(int.from_bytes(raw, "little", signed=True))

    def _tuple(self, count: int) -> None:
        values = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(values)))

    def _memo_put(self, form: str) -> None:
        if not self._stack:
            raise _RefusedError("its pickle is damaged")
        self._memo[self._number(form)] = self._stack[-1]

    def _memoize(self) -> None:
        if not self._stack:
            raise _RefusedError("its pickle is damaged")
        self._memo[len(self._memo)] = self._stack[-1]

    def _memo_get(self, form: str) -> None:
        index = self._number(form)
        if index not in self._memo:
            raise _RefusedError("its pickle is damaged")
        self._push(self._memo[index])

    def _set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._store(self._top(dict), key, value)

    def _set_items(self) -> None:
        values = self._since_mark()
        target = self._top(dict)
        if len(values) % 2:
            raise _RefusedError("its pickle is damaged")
        for key, value in zip(values[::2], values[1::2], strict=True):
            self._store(target, key, value)

    @staticmethod
    def _store(target: dict[str, Any], key: Any, value: Any) -> None:
        if not isinstance(key, str):
            raise _RefusedError("it is not a dictionary of named tensors")
        target[key] = value

    def _build(self) -> None:
        """The state of an ordered dictionary is PyTorch's list of versions: of no use, so it is dropped."""
        self._pop()
        self._top(dict)

    def _persistent(self) -> None:
        match self._pop():
            case ("storage", _Name() as kind, str(key), str(), int(length)) if kind.name in _STORAGES:
                self._push(_Storage(kind.name, key, length))
            case _:
                raise _RefusedError("it refers to something outside that is not a tensor's storage")

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if function == _ORDERED_DICT and arguments == ():
            self._push({})
        elif function == _REBUILD_TENSOR and isinstance(arguments, tuple):
            self._push(_tensor(arguments))
        elif function == _REBUILD_PARAMETER and isinstance(arguments, tuple) and arguments:
            self._push(arguments[0])
        else:
            raise _RefusedError("it wants to call something that does not make a tensor")


def _tensor(arguments: tuple[Any, ...]) -> TorchTensor:
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


_P = _StateDictPickle
_ACTIONS: dict[int, Callable[[_StateDictPickle], None]] = {
    0x80: _P._protocol,
    0x95: _P._frame,
    ord("c"): _P._global,
    0x93: _P._stack_global,
    ord("("): lambda p: p._push(_MARK),
    ord("t"): lambda p: p._push(tuple(p._since_mark())),
    ord(")"): lambda p: p._push(()),
    0x85: lambda p: p._tuple(1),
    0x86: lambda p: p._tuple(2),
    0x87: lambda p: p._tuple(3),
    ord("}"): lambda p: p._push({}),
    ord("u"): _P._set_items,
    ord("s"): _P._set_item,
    ord("b"): _P._build,
    ord("X"): lambda p: p._text("<I"),
    0x8C: lambda p: p._text("<B"),
    ord("K"): lambda p: p._push(p._number("<B")),
    ord("M"): lambda p: p._push(p._number("<H")),
    ord("J"): lambda p: p._push(p._number("<i")),
    0x8A: _P._long,
    ord("N"): lambda p: p._push(None),
    0x88: lambda p: p._push(True),
    0x89: lambda p: p._push(False),
    ord("q"): lambda p: p._memo_put("<B"),
    ord("r"): lambda p: p._memo_put("<I"),
    0x94: _P._memoize,
    ord("h"): lambda p: p._memo_get("<B"),
    ord("j"): lambda p: p._memo_get("<I"),
    ord("Q"): _P._persistent,
    ord("R"): _P._reduce,
}


def read(path: Path) -> dict[str, mx.array]:
    """All tensors of a state dict by name, in the file's precision (float64 becomes float32).

    Raises CheckpointError when the file cannot be read, is damaged, or holds anything but tensors.
    """
    try:
        with path.open("rb") as file:
            return _TensorFile(path, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).tensors()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError:
        raise CheckpointError(f"{path} is empty.") from None
    except (_RefusedError, zipfile.BadZipFile, NotImplementedError, struct.error, EOFError) as error:
        reason = str(error) if isinstance(error, _RefusedError) else "it is not a complete PyTorch file"
        raise CheckpointError(f"{path} cannot be used: {reason}. Download it again from a source you trust.") from error


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
        found = _StateDictPickle(self._bytes(description).tobytes()).load()
        if not isinstance(found, dict) or not found:
            raise _RefusedError("it is not a dictionary of named tensors")
        size = sum(self._size(name, tensor) for name, tensor in found.items())
        if size > 4 * len(self._mapped):
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
            raise _RefusedError(f"its entry {name[:80]!r} is not a tensor")
        width = np.dtype(_STORAGES[tensor.kind]).itemsize
        member = self._members.get(f"{self._root}data/{tensor.key}")
        if member is None:
            raise _RefusedError(f"the numbers of {name[:80]!r} are missing")
        count = 1
        for side in tensor.shape:
            count *= side
        last = sum((side - 1) * stride for side, stride in zip(tensor.shape, tensor.strides, strict=True))
        if count and (tensor.offset + last + 1) * width > member.file_size:
            raise _RefusedError(f"the numbers of {name[:80]!r} are incomplete")
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
