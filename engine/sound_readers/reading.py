"""What all readers of sound files share: what a file says about itself, its first bytes, and sentences."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import SoundError

BLOCK_VALUES = 65_536  # of all channels, read at once


class BrokenOffError(SoundError):
    """A sound file ends before the length it declares. Everything readable was delivered before this is raised."""


@dataclass(frozen=True)
class SoundInfo:
    """What a sound file says about itself. `duration_s` is 0 when it does not say how long it is."""

    duration_s: float
    rate_hz: int
    channels: int
    format: str


class SoundReader(Protocol):
    """One open sound file. `begins_s` is where its blocks begin, once the first of them is there."""

    info: SoundInfo
    begins_s: float

    def seek(self, seconds: float) -> None:
        """Let the blocks begin at this moment, or as little before it as the format allows."""
        ...

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Pieces (n, channels) in file order. Raises SoundError, and BrokenOffError at the end of a truncated file."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def clock(seconds: float) -> str:
    """A time as people write it: 0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def require_file(path: Path) -> None:
    """Raises SoundError with a sentence when there is no readable, regular, non-empty file."""
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        raise SoundError("{path} may not be read: change the permissions of its folder.", path=path) from error
    except OSError as error:
        raise SoundError("There is no file {path}: check the name.", path=path) from error
    if stat.S_ISDIR(mode):
        raise SoundError("{path} is a folder: name the sound files in it.", path=path)
    if not stat.S_ISREG(mode):
        raise SoundError("{path} is not a file: name a sound file.", path=path)
    first_bytes(path, 1)
    if path.stat().st_size == 0:
        raise SoundError("{path} is empty (0 bytes): record or copy it again.", path=path)


def first_bytes(path: Path, count: int, at: int = 0) -> bytes:
    """As many of the bytes from `at` on as there are. Raises SoundError."""
    try:
        with path.open("rb") as file:
            file.seek(at)
            return file.read(count)
    except PermissionError as error:
        raise SoundError("{path} may not be read: change its permissions.", path=path) from error
    except OSError as error:
        raise SoundError(
            "{path} cannot be read ({reason}): copy it again.", path=path, reason=(error.strerror or str(error)).lower()
        ) from error


def broken_off(path: Path, at_s: float, declared_s: float) -> BrokenOffError:
    """The error of a file that ends before the length it declares."""
    return BrokenOffError(
        "{path} breaks off at {at} of {declared}: copy or record it again.",
        path=path,
        at=clock(at_s),
        declared=clock(declared_s),
    )
