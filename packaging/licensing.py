"""Whether what is shipped may be passed on: licence texts, no GPL code, no packages of development, no traces."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path

import contents

# Libraries under the GPL, by their names; PyAV's wheels brought the first two, whatever their metadata say.
_GPL_NAME = re.compile(r"(^|/)lib(x26[45]|xvidcore|postproc|fftw3|readline|gsl)\b[^/]*\.(dylib|so)", re.IGNORECASE)
_GPL_BYTES = (b"x264 - core", b"x265 [", b"--enable-gpl")
_OF_GPL = re.compile(r"(?<![LA])\bGPL|GNU General Public", re.IGNORECASE)
_EXCEPTION = re.compile(r"exception", re.IGNORECASE)


@dataclass(frozen=True)
class LicenceFault:
    """What keeps one file or package from being passed on."""

    kind: str
    path: Path
    told: str


def faults(places: list[Path], files: Iterable[Path], shipped: bool) -> Iterator[LicenceFault]:
    """Everything wrong with the packages in `places` and all `files`. Where they are not `shipped`, what builds the app
    may lie among them.
    """
    for each in distributions(path=[str(place) for place in places]):
        yield from _package_faults(each, places[0], shipped)
    built_in = str(contents.ROOT).encode() + b"/"
    for file in files:
        if _GPL_NAME.search(file.as_posix()):
            yield LicenceFault("GPL", file, "is a library under the GPL")
        yield from _byte_faults(file, built_in if shipped else None)


def _package_faults(package: Distribution, place: Path, shipped: bool) -> Iterator[LicenceFault]:
    name = contents.canonical(package.metadata["Name"])
    path = Path(str(package.locate_file(""))) / name
    if name in contents.DEVELOPMENT and (shipped or name not in contents.BUILDING):
        yield LicenceFault("development", path, "builds or tests Earshot and has no business in it")
    if name in contents.BUILDING:
        return
    if is_gpl(package.metadata):
        yield LicenceFault("GPL", path, "says that it is under the GPL")
    if shipped:
        texts = [text for text in (place / "licences" / name).rglob("*") if text.is_file()]
    else:
        texts = [source for source, _ in contents.licence_files(package)]
    if not any(text.is_file() and text.stat().st_size for text in texts):
        yield LicenceFault("no licence", path, "comes without the text of its licence")


def is_gpl(metadata: Message) -> bool:
    """Whether a package may only be passed on under the GPL: none of the licences it offers is another one."""
    named = metadata.get("License-Expression") or metadata.get("License", "").partition("\n")[0]
    if not named:
        named = " ; ".join(line for line in metadata.get_all("Classifier", ()) if line.startswith("License"))
    offers = re.split(r"\bOR\b|;", named)
    return all(_OF_GPL.search(offer) and not _EXCEPTION.search(offer) for offer in offers)


def _byte_faults(file: Path, built_in: bytes | None) -> Iterator[LicenceFault]:
    if file.stat().st_size == 0 or file.suffix in (".metallib", ".safetensors", ".pt"):
        return
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(content.find(mark) >= 0 for mark in _GPL_BYTES):
            yield LicenceFault("GPL", file, "holds code under the GPL")
        if built_in and content.find(built_in) >= 0:
            yield LicenceFault("trace", file, "names the folder it was built in")
