"""Reads what a Mach-O file (a Mac's program or library) says of itself, on any system.

After Apple's <mach-o/loader.h>, <mach-o/fat.h> and <Security/CSCommon.h>: a header, then load commands; a universal
file holds several such files, one an architecture.
"""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC_64, _FAT, _FAT_64 = 0xFEEDFACF, 0xCAFEBABE, 0xCAFEBABF
_ARCHITECTURES = {0x0100000C: "arm64", 0x01000007: "x86_64", 7: "i386"}
_MOST_SLICES = 16  # Java's classes begin with the same four bytes as universal files, and a larger number
_LOADS = {0xC, 0x80000018, 0x8000001F, 0x80000023}  # LC_LOAD_DYLIB and its weak, re-exporting and upward kin
_RPATH, _SIGNATURE, _BUILD_VERSION, _VERSION_MIN = 0x8000001C, 0x1D, 0x32, 0x24
_SIGNATURE_MAGIC, _ENTITLEMENTS_MAGIC = 0xFADE0CC0, 0xFADE7171
_MACOS = 1

Version = tuple[int, int]


class NotMachOError(Exception):
    """The file is no Mach-O file, or a damaged one."""


@dataclass(frozen=True)
class Slice:
    """One architecture of a file: where it lies, what it loads and the oldest system it says it runs on."""

    architecture: str
    offset: int
    size: int
    loads: tuple[str, ...] = ()
    rpaths: tuple[str, ...] = ()
    minimum_system: Version | None = None
    entitlements: dict[str, Any] | None = field(default=None, hash=False)  # None where the file is not signed


def is_mach_o(path: Path) -> bool:
    """Whether the file is a program or a library of a Mac, to judge by its name and its first bytes."""
    if path.suffix == ".a":  # archives for the linker may be universal too
        return False
    with path.open("rb") as file:
        start = file.read(8)
    if len(start) < 8:
        return False
    big, count = struct.unpack(">II", start)
    return struct.unpack("<I", start[:4])[0] == _MAGIC_64 or (big in (_FAT, _FAT_64) and count <= _MOST_SLICES)


def slices(path: Path) -> list[Slice]:
    """All architectures in a file. Raises NotMachOError."""
    try:
        with path.open("rb") as file:
            return [_slice(file, offset, size) for offset, size in _places(file, path.stat().st_size)]
    except (struct.error, ValueError) as error:
        raise NotMachOError(f"{path} is no Mach-O file or damaged") from error


def thin(path: Path, architecture: str) -> None:
    """Leave only one architecture in a universal file, as lipo does. Files without it, and others, stay as they are."""
    found = slices(path)
    wanted = next((each for each in found if each.architecture == architecture), None)
    if wanted is None or len(found) == 1:
        return
    with path.open("rb") as file:
        file.seek(wanted.offset)
        content = file.read(wanted.size)
    path.write_bytes(content)


def _places(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    magic, count = struct.unpack(">II", file.read(8))
    if magic not in (_FAT, _FAT_64):
        yield 0, size
        return
    entry = ">IIIII" if magic == _FAT else ">IIQQII"
    length = struct.calcsize(entry)
    for fields in struct.iter_unpack(entry, file.read(length * count)):
        yield fields[2], fields[3]


def _slice(file: BinaryIO, offset: int, size: int) -> Slice:
    file.seek(offset)
    magic, cpu, _, _, count, length = struct.unpack("<6I", file.read(24))
    if magic != _MAGIC_64:
        raise ValueError(f"{magic:#x} begins no 64-bit Mach-O file")
    file.seek(offset + 32)
    commands = file.read(length)
    loads, rpaths = [], []
    minimum: Version | None = None
    entitlements: dict[str, Any] | None = None
    at = 0
    for _ in range(count):
        kind, taken = struct.unpack_from("<II", commands, at)
        command = commands[at : at + taken]
        if kind in _LOADS:
            loads.append(_text(command))
        elif kind == _RPATH:
            rpaths.append(_text(command))
        elif kind == _VERSION_MIN:
            minimum = _version(struct.unpack_from("<I", command, 8)[0])
        elif kind == _BUILD_VERSION and struct.unpack_from("<I", command, 8)[0] == _MACOS:
            minimum = _version(struct.unpack_from("<I", command, 12)[0])
        elif kind == _SIGNATURE:
            entitlements = _entitlements(file, offset + struct.unpack_from("<I", command, 8)[0])
        at += taken
    name = _ARCHITECTURES.get(cpu, f"{cpu:#x}")
    return Slice(name, offset, size, tuple(loads), tuple(rpaths), minimum, entitlements)


def _text(command: bytes) -> str:
    start = struct.unpack_from("<I", command, 8)[0]
    return command[start:].partition(b"\0")[0].decode()


def _version(packed: int) -> Version:
    return packed >> 16, packed >> 8 & 0xFF


def _entitlements(file: BinaryIO, at: int) -> dict[str, Any]:
    """Of an embedded signature; {} where it is signed without any."""
    file.seek(at)
    magic, _, count = struct.unpack(">III", file.read(12))
    if magic != _SIGNATURE_MAGIC:
        raise ValueError(f"{magic:#x} begins no signature")
    for _, offset in struct.iter_unpack(">II", file.read(8 * count)):
        file.seek(at + offset)
        magic, length = struct.unpack(">II", file.read(8))
        if magic == _ENTITLEMENTS_MAGIC:
            return dict(plistlib.loads(file.read(length - 8)))
    return {}
