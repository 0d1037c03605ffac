"""What the pages of models and voices show: what is installed, what can be downloaded, and the machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.checkpoints.fit import AS_PUBLISHED_BITS, Verdict


@dataclass(frozen=True)
class ModelStatus:
    """How the model stands, and what leaves this Mac ("" when nothing does)."""

    name: str = ""
    ready: bool = False
    share: float = 0.0
    problem: str = ""
    memory_bytes: int = 0
    total_bytes: int = 0
    leaves: str = ""
    thinks: bool = False
    place: str = ""  # the other machine that it is on


@dataclass(frozen=True)
class MachineView:
    """This machine as the models page shows it; sizes in bytes. `others` is None where the system does not say."""

    processor: str = ""
    memory: int = 0
    usable: int = 0  # by a model
    own: int = 0  # what Earshot's model takes
    others: int | None = None
    disk_free: int = 0


@dataclass(frozen=True)
class EarView:
    """How a model understood its own speech. `words` is 0 before the first check; `total` is more than 0 while it is
    checked, and counts sentences as `done` does.
    """

    speaks: bool = True
    can_check: bool = False
    words: int = 0
    understood: int = 0
    language: str = ""  # that it read, as a code
    speed: float = 0.0  # seconds of speech in a second
    day: str = ""  # of the check, as in 2026-11-30
    earshot: str = ""  # the version that checked it
    done: int = 0
    total: int = 0
    problem: str = ""


@dataclass(frozen=True)
class ModelView:
    """An installed model on the models page; sizes in bytes. `making` is how much of a smaller copy is made."""

    key: str
    name: str
    about: str = ""
    size: int = 0
    memory: int = 0
    free: int = 0  # what a model may take here
    current: bool = False
    problem: str = ""
    shrinkable: bool = False  # stored in full precision: a smaller copy can be made
    making: float | None = None
    arrived: bool = False  # from a download, and not used yet
    removable: bool = False
    verdict: Verdict = Verdict.FITS
    speaks: bool = True
    fingerprint: str = ""  # of its files: another one where they changed
    ear: EarView | None = None


@dataclass(frozen=True)
class SizeView:
    """A size that a published model can have here; in bytes."""

    bits: int
    memory: int
    disk: int


class DownloadState(Enum):
    """How the download of a published model stands."""

    OFFERED = "offered"
    RUNNING = "running"
    PAUSED = "paused"  # a part of it is here


@dataclass(frozen=True)
class DownloadView:
    """A published model that is not installed; sizes in bytes. `total` is about right until the download begins."""

    name: str
    state: DownloadState = DownloadState.OFFERED
    done: int = 0
    total: int = 0
    bytes_per_s: float = 0.0
    problem: str = ""
    sizes: tuple[SizeView, ...] = ()  # as published, and as a smaller copy
    bits: int = AS_PUBLISHED_BITS  # of the one that is wanted
    usable: int = 0  # memory that a model may take
    keep_original: bool = False  # beside the smaller copy


@dataclass(frozen=True)
class VoiceView:
    """A voice of the library. Built-in ones can be neither renamed nor removed."""

    key: str
    name: str
    built_in: bool = False
