"""Whether a model fits this machine: one computation for the window and the command line."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

COPY_BITS = 4  # of the copy that is recommended where the model as published does not fit
AS_PUBLISHED_BITS = 16
PUBLISHED_DISK_BYTES = 18_000_000_000


class Verdict(Enum):
    """Whether a model fits a machine's memory."""

    FITS = "fits"
    FITS_AS_COPY = "fits as a smaller copy"
    TOO_LARGE = "too large"


@dataclass(frozen=True)
class PublishedSize:
    """What a published model takes with weights of so many bits, in bytes."""

    bits: int
    memory: int
    disk: int


# What `memory_needed` gives for the published shapes: the weights, a full context and what speaks.
_ON_GPU = (
    PublishedSize(AS_PUBLISHED_BITS, 18_900_000_000, PUBLISHED_DISK_BYTES),
    PublishedSize(8, 11_300_000_000, 10_600_000_000),
    PublishedSize(COPY_BITS, 7_600_000_000, 6_900_000_000),
)
_ON_CPU_BYTES = 36_800_000_000  # weights of any width are computed with in float32


def published_sizes() -> tuple[PublishedSize, ...]:
    """The sizes that a published model can have here, the largest first."""
    from engine.checkpoints.memory import on_gpu

    if on_gpu():
        return _ON_GPU
    return tuple(PublishedSize(size.bits, _ON_CPU_BYTES, size.disk) for size in _ON_GPU)


def published_size(bits: int) -> PublishedSize:
    """The size of a published model with weights of so many bits."""
    return next(size for size in published_sizes() if size.bits == bits)


def copy_needed(folder: Path, bits: int = COPY_BITS) -> int:
    """Bytes that a smaller copy of an installed model would take in use. Raises CheckpointError."""
    from engine.checkpoints.convert import copied_bytes
    from engine.checkpoints.load import memory_needed, stored_bytes
    from engine.checkpoints.memory import on_gpu

    needed = memory_needed(folder)
    return needed - stored_bytes(folder) + copied_bytes(folder, bits) if on_gpu() else needed


def judge(needed: int, copy: int, usable: int) -> Verdict:
    """A model that needs so much, or as a smaller copy so much (0: there can be none), with so much to give."""
    if needed <= usable:
        return Verdict.FITS
    return Verdict.FITS_AS_COPY if 0 < copy <= usable else Verdict.TOO_LARGE


def judge_published(usable: int) -> Verdict:
    """Whether any size of a published model fits."""
    return judge(published_size(AS_PUBLISHED_BITS).memory, published_size(COPY_BITS).memory, usable)


def free_memory() -> int | None:
    """Bytes that nobody uses now, or that the system gives back at once; None where it does not say."""
    if sys.platform == "darwin":
        return _free_of_mac()
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _free_of_mac() -> int | None:
    import subprocess

    said = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=False, timeout=10).stdout
    return free_in_vm_stat(said)


def free_in_vm_stat(said: str) -> int | None:
    """What `vm_stat` of macOS says of free memory; None for words that are not its own."""
    try:
        head, *lines = said.splitlines()
        page = int(head.split("page size of")[1].split()[0])
        pages = {name: int(number.strip().rstrip(".")) for name, number in (line.split(":") for line in lines[:12])}
        kinds = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")
        return page * sum(pages.get(kind, 0) for kind in kinds)
    except (IndexError, ValueError):
        return None
