"""Lays Earshot.app out as PyInstaller would, from a Mac's wheels, on any system: python packaging/layout.py SITE APP

SITE is a folder for what the wheels hold; pip fills it where it is missing or made from another list (some
200 MB). What only a Mac has is not there: Python's own library, the signature, and PyInstaller's rewriting of load
commands, so that libraries are found as in the wheels. All modules go into one archive, more than PyInstaller would
take: the size is a little too large, not too small.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import contents
from info_plist import LANGUAGES, info_plist
from mach_o import is_mach_o, thin

_PYTHON = "3.12"  # which the app brings along
_BOOTLOADER = "PyInstaller/bootloader/Darwin-64bit/runw"


def fetch(site: Path) -> None:
    """Fill the folder `site` with the packages for a Mac, if they are not there yet. Raises CalledProcessError."""
    ready = site / "ready"
    wanted = contents.list_id("darwin")
    if ready.exists() and ready.read_text() == wanted:
        return
    shutil.rmtree(site, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile")
    for_python = ("--target", str(site), "--implementation", "cp", "--python-version", _PYTHON)
    subprocess.run([*pip, *for_python, *contents.download_arguments("darwin")], cwd=contents.ROOT, check=True)
    ready.write_text(wanted)


def lay_out(site: Path, app: Path) -> None:
    """Build the bundle `app` from the packages in the folder `site`; an older one is replaced."""
    shutil.rmtree(app, ignore_errors=True)
    inner = app / "Contents"
    for folder in ("MacOS", "Frameworks", "Resources"):
        (inner / folder).mkdir(parents=True)
    program = inner / "MacOS" / "Earshot"
    shutil.copy(_bootloader(site), program)
    thin(program, "arm64")
    (inner / "Info.plist").write_bytes(plistlib.dumps({"CFBundleExecutable": "Earshot", **info_plist()}))
    for language in LANGUAGES:
        shutil.copytree(contents.ROOT / "packaging" / f"{language}.lproj", inner / "Resources" / f"{language}.lproj")
    with zipfile.ZipFile(inner / "Resources" / "modules.zip", "w", zipfile.ZIP_DEFLATED) as modules:
        for distribution in contents.distributions([site]):
            _place_package(distribution, inner, modules)
        for package in ("engine", "app"):
            for file in sorted((contents.ROOT / package).rglob("*.py")):
                modules.write(file, file.relative_to(contents.ROOT).as_posix())
    for source, folder in (*contents.resource_files(), *contents.own_licence_files()):
        _place(source, f"{folder}/{source.name}", inner)
    (inner / "Resources" / "resources" / "files.txt").write_text(contents.resource_list(), encoding="utf-8")
    _link_metal_kernels(inner / "Frameworks")


def _bootloader(site: Path) -> Path:
    for each in distributions(name="pyinstaller", path=[str(site)]):
        return Path(str(each.locate_file(_BOOTLOADER)))
    raise SystemExit(
        f"{site} holds no PyInstaller, whose bootloader is the app's program: install macOS's list into it."
    )


def _place_package(distribution: Distribution, inner: Path, modules: zipfile.ZipFile) -> None:
    for source, path in _package_files(distribution):
        if path.endswith(".py"):
            modules.write(source, path)
        else:
            _place(source, path, inner)
    for source, folder in (*contents.metadata_files(distribution), *contents.licence_files(distribution)):
        _place(source, f"{folder}/{source.name}", inner)


def _package_files(distribution: Distribution) -> Iterator[tuple[Path, str]]:
    for file in distribution.files or ():
        path = file.as_posix()
        source = Path(str(distribution.locate_file(file)))
        if ".." not in file.parts and ".dist-info/" not in path and contents.belongs(path) and source.is_file():
            yield source, path


def _place(source: Path, path: str, inner: Path) -> None:
    """Libraries lie in Frameworks, data in Resources, with a link to them where the libraries are."""
    binary = is_mach_o(source)
    target = inner / ("Frameworks" if binary else "Resources") / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    if binary:
        thin(target, "arm64")
        return
    link = inner / "Frameworks" / path
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(target, link.parent))


def _link_metal_kernels(frameworks: Path) -> None:
    """PyInstaller links libraries into the top folder; MLX looks for its kernels beside whichever it was loaded by."""
    for name in contents.METAL_LINKS:
        (frameworks / Path(name).name).symlink_to(name)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
    lay_out(Path(sys.argv[1]), Path(sys.argv[2]))
