"""Audits Earshot.app, or the packages it is made of, on any system: python packaging/audit.py FOLDER [--unsigned]

FOLDER is a bundle, or a folder that `pip install --target` filled with a Mac's wheels. It says what it found and ends
with 1 when anything would keep the app from running on the systems it names, or from being passed on.
"""

from __future__ import annotations

import argparse
import os
import plistlib
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import contents
import licensing
from info_plist import info_plist
from mach_o import NotMachOError, Slice, is_mach_o, slices

ARCHITECTURE = "arm64"
_SYSTEM_PLACES = ("/usr/lib/", "/System/Library/")
_LIBRARY_VALIDATION = "com.apple.security.cs.disable-library-validation"  # off only where nobody signed
_METAL = struct.Struct("<4sHHHBBHH")  # magic, platform, two versions of the format, type, system, its version
_METAL_MACOS = 0x81


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: its kind, where, and a sentence."""

    kind: str
    path: str
    told: str


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle or of a folder of packages. `libraries` are Mach-O files with their architectures."""

    root: Path
    files: list[Path]
    links: list[Path]
    libraries: dict[Path, list[Slice]]
    signed: bool = True
    damaged: list[Path] = field(default_factory=list)

    @property
    def is_app(self) -> bool:
        """Whether it is a bundle, not a folder of packages."""
        return (self.root / "Contents").is_dir()

    @property
    def program(self) -> Path:
        """The file that the system starts."""
        return self.root / "Contents" / "MacOS" / "Earshot"

    def name(self, path: Path) -> str:
        """A path as it is told."""
        return path.relative_to(self.root).as_posix()

    def inside(self, path: Path) -> str:
        """A path below the folder of libraries, or of data."""
        parts = path.relative_to(self.root).parts
        return "/".join(parts[2:] if self.is_app else parts)

    @classmethod
    def read(cls, root: Path, signed: bool = True) -> Bundle:
        """All files below `root`."""
        bundle = cls(root, [], [], {}, signed)
        for folder, folders, names in os.walk(root):
            for path in (Path(folder, name) for name in sorted((*folders, *names))):
                if path.is_symlink():
                    bundle.links.append(path)
                elif path.is_file():
                    bundle._add(path)
        return bundle

    def _add(self, path: Path) -> None:
        if not self.is_app and not contents.belongs(self.inside(path)):
            return
        self.files.append(path)
        if is_mach_o(path):
            try:
                self.libraries[path] = slices(path)
            except NotMachOError:
                self.damaged.append(path)


Check = Callable[[Bundle], Iterator[Fault]]


def check_program(bundle: Bundle) -> Iterator[Fault]:
    """The app has a program that the system can start, and no damaged library."""
    for path in bundle.damaged:
        yield Fault("damaged library", bundle.name(path), "is no Mach-O file any more")
    if bundle.is_app and bundle.program not in bundle.libraries:
        yield Fault("no program", bundle.name(bundle.program), "is missing")


def check_systems(bundle: Bundle) -> Iterator[Fault]:
    """Everything runs on the oldest system that the app names."""
    for path, found in bundle.libraries.items():
        for each in found:
            if each.architecture == ARCHITECTURE and (each.minimum_system or (0, 0)) > contents.MINIMUM_SYSTEM:
                needed, named = (".".join(map(str, v)) for v in (each.minimum_system or (), contents.MINIMUM_SYSTEM))
                yield Fault("minimum system", bundle.name(path), f"needs macOS {needed}, the app says {named}")


def check_architectures(bundle: Bundle) -> Iterator[Fault]:
    """Everything is there for Apple's chips, and in the app for nothing else."""
    for path, found in bundle.libraries.items():
        names = {each.architecture for each in found}
        if ARCHITECTURE not in names:
            yield Fault("architecture", bundle.name(path), f"is for {', '.join(sorted(names))}")
        elif bundle.is_app and names != {ARCHITECTURE}:
            others = ", ".join(sorted(names - {ARCHITECTURE}))
            yield Fault("other architecture", bundle.name(path), f"also holds {others}: thin it")


def check_loads(bundle: Bundle) -> Iterator[Fault]:
    """Every library that is loaded is found, in the app or in the system."""
    for path, found in bundle.libraries.items():
        for each in found:
            if each.architecture != ARCHITECTURE:
                continue
            for rpath in each.rpaths:
                if not rpath.startswith(("@loader_path", "@executable_path", *_SYSTEM_PLACES)):
                    yield Fault("absolute path", bundle.name(path), f"looks for libraries in {rpath}")
            for load in each.loads:
                yield from _check_load(bundle, path, each, load)


def _check_load(bundle: Bundle, path: Path, loading: Slice, load: str) -> Iterator[Fault]:
    if load.startswith(_SYSTEM_PLACES):
        return
    if not load.startswith("@"):
        yield Fault("absolute path", bundle.name(path), f"loads {load}")
        return
    if not any(place.exists() for place in _places(bundle, path, loading, load)):
        yield Fault("not resolved", bundle.name(path), f"loads {load}, which is nowhere")


def _places(bundle: Bundle, path: Path, loading: Slice, load: str) -> Iterator[Path]:
    head, _, rest = load.partition("/")
    if head != "@rpath":
        yield _expanded(bundle, path, load)
        return
    for rpath in loading.rpaths:
        yield _expanded(bundle, path, rpath) / rest
    for program in bundle.libraries.get(bundle.program, ()):
        for rpath in program.rpaths:
            yield _expanded(bundle, bundle.program, rpath) / rest


def _expanded(bundle: Bundle, path: Path, place: str) -> Path:
    head, _, rest = place.partition("/")
    start = {"@loader_path": path.parent, "@executable_path": bundle.program.parent}.get(head)
    return Path(os.path.normpath(start / rest)) if start else Path(place)


def check_metal_kernels(bundle: Bundle) -> Iterator[Fault]:
    """MLX looks for its kernels beside the path it was loaded from, also where that is a link."""
    for library in (*bundle.files, *bundle.links):
        if library.name != "libmlx.dylib":
            continue
        kernels = library.with_name("mlx.metallib")
        if not kernels.exists():
            yield Fault("metal kernels", bundle.name(library), "has no mlx.metallib beside it")
            continue
        with kernels.open("rb") as file:
            start = file.read(_METAL.size)
        if len(start) < _METAL.size or (head := _METAL.unpack(start))[0] != b"MTLB" or head[5] != _METAL_MACOS:
            yield Fault("metal kernels", bundle.name(kernels), "holds no kernels for a Mac")
        elif head[6:] > contents.MINIMUM_SYSTEM:
            yield Fault("metal kernels", bundle.name(kernels), f"needs macOS {head[6]}.{head[7]}")


def check_links(bundle: Bundle) -> Iterator[Fault]:
    """Every link leads to something in the app."""
    root = bundle.root.resolve()
    for link in bundle.links:
        if os.path.isabs(os.readlink(link)) or not link.resolve().is_relative_to(root):
            yield Fault("link", bundle.name(link), f"leads out of the app, to {os.readlink(link)}")
        elif not link.exists():
            yield Fault("link", bundle.name(link), f"leads to {os.readlink(link)}, which is nowhere")


def check_weight(bundle: Bundle) -> Iterator[Fault]:
    """The app holds nothing that it does not use, and is not too large."""
    if not bundle.is_app:
        return
    for path in bundle.files:
        if not contents.belongs(bundle.inside(path)):
            yield Fault("dead weight", bundle.name(path), "is not used by the app")
    if (size := size_mb(bundle)) > contents.MOST_MB:
        yield Fault("size", "", f"{size:.0f} MB without the starter model, at most {contents.MOST_MB} are meant")


def size_mb(bundle: Bundle) -> float:
    """Size without the starter model."""
    kept = (path for path in bundle.files if not bundle.inside(path).startswith("resources/starter/"))
    return sum(path.stat().st_size for path in kept) / 1e6


def check_info(bundle: Bundle) -> Iterator[Fault]:
    """Info.plist says what it should."""
    if not bundle.is_app:
        return
    path = bundle.root / "Contents" / "Info.plist"
    try:
        told = plistlib.loads(path.read_bytes())
    except (OSError, plistlib.InvalidFileException) as error:
        yield Fault("Info.plist", bundle.name(path), f"cannot be read: {error}")
        return
    for key, value in info_plist().items():
        if told.get(key) != value:
            yield Fault("Info.plist", bundle.name(path), f"says {told.get(key)!r} for {key}, not {value!r}")


def check_entitlements(bundle: Bundle) -> Iterator[Fault]:
    """The signature grants what Earshot needs and nothing else."""
    if not (bundle.is_app and bundle.signed and bundle.program in bundle.libraries):
        return
    granted = bundle.libraries[bundle.program][0].entitlements
    wanted = plistlib.loads((contents.ROOT / "packaging" / "entitlements.plist").read_bytes())
    if granted is None:
        yield Fault("entitlements", bundle.name(bundle.program), "is not signed")
    elif granted not in (wanted, {**wanted, _LIBRARY_VALIDATION: True}):
        names = ", ".join(sorted(set(granted) ^ set(wanted))) or "values"
        yield Fault("entitlements", bundle.name(bundle.program), f"is signed with other entitlements: {names}")


def check_packages(bundle: Bundle) -> Iterator[Fault]:
    """Nothing that only builds or tests, a licence with everything, no GPL, and no trace of who built it where."""
    places = [bundle.root / "Contents" / "Resources"] if bundle.is_app else [bundle.root]
    for each in licensing.faults(places, bundle.files, bundle.is_app):
        yield Fault(each.kind, os.path.relpath(each.path, bundle.root), each.told)


CHECKS: tuple[Check, ...] = (
    *(check_program, check_systems, check_architectures, check_loads, check_metal_kernels, check_links, check_weight),
    *(check_info, check_entitlements, check_packages),
)


def audit(bundle: Bundle) -> list[Fault]:
    """Everything that is wrong."""
    return [fault for check in CHECKS for fault in check(bundle)]


def table(bundle: Bundle, faults: list[Fault]) -> list[str]:
    """What was looked at, line by line."""
    systems = Counter(each.minimum_system for found in bundle.libraries.values() for each in found)
    oldest = ", ".join(f"{count} for {v[0]}.{v[1]}" for v, count in sorted(systems.items(), key=str) if v)
    kinds = Counter(fault.kind for fault in faults)
    return [
        f"files                {len(bundle.files)} and {len(bundle.links)} links",
        f"Mach-O files         {len(bundle.libraries)}; minimum systems: {oldest}",
        f"loads not resolved   {kinds['not resolved']}",
        f"under the GPL        {kinds['GPL']}",
        f"without a licence    {kinds['no licence']}",
        f"size                 {size_mb(bundle):.0f} MB without the starter model",
        f"faults               {len(faults)}",
    ]


def main() -> int:
    """Audit the folder named; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--unsigned", action="store_true", help="the bundle has not been signed yet")
    options = parser.parse_args()
    bundle = Bundle.read(options.folder, signed=not options.unsigned)
    if not bundle.libraries:
        sys.exit(f"{options.folder} holds no Mach-O file: name a bundle for a Mac, or a folder of its packages.")
    faults = audit(bundle)
    for fault in faults:
        print(f"{fault.kind}: {fault.path} {fault.told}")
    print("\n".join(table(bundle, faults)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
