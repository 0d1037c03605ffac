"""Small Mach-O files with chosen load commands, as a Mac's linker and codesign would write them."""

from __future__ import annotations

import plistlib
import struct
from typing import Any

ARM64, X86_64 = 0x0100000C, 0x01000007


def mach_o(
    *,
    loads: tuple[str, ...] = ("/usr/lib/libSystem.B.dylib",),
    rpaths: tuple[str, ...] = (),
    minimum: tuple[int, int] = (11, 0),
    architecture: int = ARM64,
    old_linker: bool = False,
    entitlements: dict[str, Any] | None = None,
) -> bytes:
    """A library for one architecture; signed where `entitlements` are given, even none: {}.

    `minimum` is the oldest system it runs on, which linkers before macOS 10.14 named in a command of another kind.
    """
    commands = [
        _version_min(minimum) if old_linker else _build_version(minimum),
        *(_path(0xC, load, 24) for load in loads),
    ]
    commands += [_path(0x8000001C, rpath, 12) for rpath in rpaths]
    signature = b"" if entitlements is None else _signature(entitlements)
    if signature:
        at = 32 + sum(map(len, commands)) + 16
        commands.append(struct.pack("<4I", 0x1D, 16, at, len(signature)))
    body = b"".join(commands)
    return struct.pack("<8I", 0xFEEDFACF, architecture, 0, 6, len(commands), len(body), 0, 0) + body + signature


def universal(*files: bytes) -> bytes:
    """Several of them in one file."""
    start = 4096
    entries, content = b"", b""
    for file in files:
        cpu = struct.unpack_from("<I", file, 4)[0]
        entries += struct.pack(">5I", cpu, 0, start + len(content), len(file), 0)
        content += file
    return (struct.pack(">II", 0xCAFEBABE, len(files)) + entries).ljust(start, b"\0") + content


def metal_kernels(system: tuple[int, int] = (14, 0)) -> bytes:
    """The beginning of a library of Metal kernels."""
    return struct.pack("<4sHHHBBHH", b"MTLB", 0x8001, 2, 7, 0, 0x81, *system) + bytes(64)


def _build_version(minimum: tuple[int, int]) -> bytes:
    return struct.pack("<6I", 0x32, 24, 1, minimum[0] << 16 | minimum[1] << 8, 26 << 16, 0)


def _version_min(minimum: tuple[int, int]) -> bytes:
    return struct.pack("<4I", 0x24, 16, minimum[0] << 16 | minimum[1] << 8, 26 << 16)


def _path(kind: int, path: str, start: int) -> bytes:
    text = path.encode() + b"\0"
    text = text.ljust((len(text) + 7) // 8 * 8, b"\0")
    return struct.pack("<3I", kind, start + len(text), start).ljust(start, b"\0") + text


def _signature(entitlements: dict[str, Any]) -> bytes:
    granted = plistlib.dumps(entitlements)
    blob = struct.pack(">II", 0xFADE7171, 8 + len(granted)) + granted
    return struct.pack(">5I", 0xFADE0CC0, 20 + len(blob), 1, 5, 20) + blob
