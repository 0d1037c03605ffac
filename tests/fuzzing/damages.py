"""What can happen to a file: bytes and values changed by chance, and other things in its place."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

Damage = Callable[[Random, bytes], bytes]
Replacement = Callable[[Path], object]

_ODD_NUMBERS = (0, 1, 2, -1, -2, 127, 128, 255, 256, 32_767, 32_768, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 0.5, -1e308, math.inf, math.nan),
    *("", "x", "x" * 5000, "../../../etc/passwd", "/dev/zero", "\ud800", "\0", "ünï", "1", "NaN"),
    *([], {}, [[]], [None], {"": None}, [1, "a", {}], {"x": {"x": {"x": []}}}),
)
_LONGEST_RUN = 4096


def cut_off(random: Random, data: bytes) -> bytes:
    """The file ends early."""
    return data[: random.randrange(len(data) + 1)]


def flip_bits(random: Random, data: bytes) -> bytes:
    """A few bits are wrong."""
    changed = bytearray(data or b"\0")
    for _ in range(random.choice((1, 1, 2, 4, 16, 64))):
        changed[_place(random, changed)] ^= 1 << random.randrange(8)
    return bytes(changed)


def write_number(random: Random, data: bytes) -> bytes:
    """A number at some place is a most unlikely one, in either order of bytes."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        size = random.choice((1, 2, 4, 8))
        number = random.choice((*_ODD_NUMBERS, len(data), len(data) - 1, len(data) * 2, random.getrandbits(32)))
        start = _place(random, data)
        changed[start : start + size] = (number % (1 << 8 * size)).to_bytes(size, random.choice(("little", "big")))
    return bytes(changed)


def overwrite_run(random: Random, data: bytes) -> bytes:
    """A run of bytes is zeros, ones, or noise."""
    start, size = _run(random, data)
    fill = random.choice((bytes(size), b"\xff" * size, random.randbytes(size), b" " * size))
    return data[:start] + fill + data[start + size :]


def leave_out_run(random: Random, data: bytes) -> bytes:
    """A run of bytes is missing."""
    start, size = _run(random, data)
    return data[:start] + data[start + size :]


def repeat_run(random: Random, data: bytes) -> bytes:
    """A run of bytes is there several times."""
    start, size = _run(random, data)
    return data[:start] + data[start : start + size] * random.choice((2, 3, 50)) + data[start + size :]


def insert_noise(random: Random, data: bytes) -> bytes:
    """Bytes of something else stand in the middle."""
    start, size = _run(random, data)
    return data[:start] + random.randbytes(size) + data[start:]


def exchange_runs(random: Random, data: bytes) -> bytes:
    """Two parts have changed places."""
    a, b, c = sorted(_place(random, data) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def keep_only_head(random: Random, data: bytes) -> bytes:
    """The right first bytes, and noise after them."""
    head = data[: random.choice((4, 8, 12, 16, 32, 64, 128))]
    return head + random.randbytes(random.randrange(_LONGEST_RUN))


def pile_up(random: Random, data: bytes) -> bytes:
    """Several of these at once."""
    for _ in range(random.randint(2, 5)):
        data = random.choice(_SINGLE)(random, data)
    return data


_SINGLE: tuple[Damage, ...] = (
    *(cut_off, flip_bits, write_number, overwrite_run, leave_out_run),
    *(repeat_run, insert_noise, exchange_runs, keep_only_head),
)
DAMAGES: tuple[Damage, ...] = (*_SINGLE, flip_bits, write_number, write_number, pile_up)


def damage_value(random: Random, value: Any) -> Any:
    """A value of dicts and lists in which one item is odd, missing, or there twice; at times the whole."""
    if random.random() < 0.05 or not isinstance(value, dict | list) or not value:
        return _odd_value(random, value)
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    changed: Any = value.copy()
    what = random.random()
    if what < 0.6:
        changed[key] = damage_value(random, value[key])
    elif what < 0.75:
        del changed[key]
    elif what < 0.9 or isinstance(value, list):
        changed[key] = _odd_value(random, value[key])
    else:
        changed[str(random.choice(_ODD_VALUES))] = changed.pop(key)
    return changed


def damage_json(random: Random, data: bytes) -> bytes:
    """A value in a JSON file is odd."""
    return json.dumps(damage_value(random, json.loads(data))).encode()


def nest_json(random: Random, data: bytes) -> bytes:
    """Brackets without end, where a value was."""
    depth = random.choice((10, 1000, 100_000))
    odd = random.choice((b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"9" * depth))
    start = data.rfind(b":", 0, random.randrange(len(data) + 1))
    return odd if start < 0 else data[: start + 1] + odd + b"}"


JSON_DAMAGES: tuple[Damage, ...] = (damage_json, damage_json, damage_json, damage_json, damage_json, nest_json)


def _odd_value(random: Random, value: Any) -> Any:
    if isinstance(value, int | float) and random.random() < 0.5:
        return random.choice((-value, value + 1, value * 1000, float(value), str(value), [value]))
    if isinstance(value, list) and value and random.random() < 0.5:
        return random.choice((value * 2, value[:1], value[::-1], dict(enumerate(map(str, value)))))
    return random.choice(_ODD_VALUES)


def empty(path: Path) -> None:
    """A file of no bytes."""
    path.write_bytes(b"")


def folder(path: Path) -> None:
    """A folder of that name."""
    path.mkdir()


def pipe(path: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(path)


def endless(path: Path) -> None:
    """A link to a device that never ends."""
    path.symlink_to("/dev/zero")


def nothing(path: Path) -> None:
    """A link to a file that is not there."""
    path.symlink_to(path.with_name("nowhere"))


def itself(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path)


def zeros(path: Path) -> None:
    """A megabyte of zeros: what a disk leaves that lost its power."""
    path.write_bytes(bytes(1_000_000))


REPLACEMENTS: tuple[Replacement, ...] = (empty, folder, pipe, endless, nothing, itself, zeros)


def _place(random: Random, data: bytes | bytearray) -> int:
    """Anywhere, and half of the time among the first bytes, which say how the others are to be read."""
    end = len(data) if random.random() < 0.5 else min(len(data), 256)
    return random.randrange(max(end, 1))


def _run(random: Random, data: bytes) -> tuple[int, int]:
    start = _place(random, data)
    return start, min(random.choice((1, 2, 4, 16, 256, _LONGEST_RUN)), len(data) - start)
