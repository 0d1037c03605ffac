"""Builds the app in a clean environment: python packaging/build.py [--python PYTHON] [--twice] (`make app`).

On a Mac it makes dist/Earshot.app, on Linux dist/Earshot/. Packages come from the hash-pinned list of what the app is
made of, for a Mac as wheels of the oldest system it runs on, whatever the system of the Mac that builds it: on macOS 26
pip would take MLX wheels that run nowhere else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from contents import MINIMUM_SYSTEM, ROOT, download_arguments, list_id

BUILD, DIST = ROOT / "build", ROOT / "dist"
_PYTHON_FACTS = (
    "import platform, sys, sysconfig;"
    "print(*sys.version_info[:2], platform.machine(), sysconfig.get_config_var('MACOSX_DEPLOYMENT_TARGET') or '-')"
)
_PYTHONS = range(11, 14)  # 3.11 to 3.13, for which every package has wheels


class BuildError(Exception):
    """Why the app cannot be built here; a person reads the sentence."""


def main() -> int:
    """Build; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the Python that the app brings along")
    parser.add_argument("--twice", action="store_true", help="build it again and compare every file of both")
    options = parser.parse_args()
    try:
        build(options.python, sys.platform)
        if options.twice:
            first = digests(DIST)
            build(options.python, sys.platform)
            print(compare(first, digests(DIST)))
    except (BuildError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(python: str, system: str) -> None:
    """Set up the environment, run PyInstaller and check what came out. Raises BuildError, CalledProcessError."""
    refuse_python(python, system)
    environment = BUILD / "app-environment"
    if not _is_ready(environment, system):
        _install(environment, python, system)
    bin_folder = environment / "bin"
    run(str(bin_folder / "python"), "packaging/icon.py", "build/Earshot.icns")
    arguments = ("--noconfirm", "--clean", "--distpath", str(DIST), "--workpath", str(BUILD / "pyinstaller"))
    run(str(bin_folder / "pyinstaller"), *arguments, "packaging/Earshot.spec")
    if system == "darwin":
        shutil.rmtree(DIST / "Earshot", ignore_errors=True)  # PyInstaller's folder, which the app was made of
        run("codesign", "--verify", "--strict", str(DIST / "Earshot.app"))
        run(sys.executable, "packaging/audit.py", str(DIST / "Earshot.app"))
    print(f"Built {'dist/Earshot.app' if system == 'darwin' else 'dist/Earshot'}")


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file, and where every link leads, by the path below the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def compare(one: dict[str, str], other: dict[str, str]) -> str:
    """A sentence on two builds that have the same files; it counts those that differ inside, as signatures do.

    Raises BuildError when a file is in one of them only.
    """
    if alone := one.keys() ^ other.keys():
        raise BuildError(f"Two builds do not have the same files: {', '.join(sorted(alone))}.")
    differ = sum(one[name] != other[name] for name in one)
    return f"Two builds have the same {len(one)} files; of these, {differ} differ inside."


def refuse_python(python: str, system: str) -> None:
    """Raises BuildError for a Python that the app cannot bring along."""
    told = subprocess.run([python, "-c", _PYTHON_FACTS], capture_output=True, text=True, check=True).stdout
    major, minor, machine, target = told.split()
    if int(major) != 3 or int(minor) not in _PYTHONS:
        raise BuildError(f"The app is built with Python 3.{_PYTHONS[0]} to 3.{_PYTHONS[-1]}, not {major}.{minor}.")
    if system != "darwin":
        return
    if machine != "arm64":
        raise BuildError("The app is built with a Python for Apple's chips: start it without Rosetta.")
    numbers = [int(number) for number in re.findall(r"\d+", target)]
    if not numbers or (numbers + [0])[:2] > list(MINIMUM_SYSTEM):
        wanted = ".".join(map(str, MINIMUM_SYSTEM))
        raise BuildError(
            f"This Python runs from macOS {target} on, as Homebrew's do, and the app shall run from {wanted} on: "
            "take the installer of python.org and name its Python with --python."
        )


def run(*command: str) -> None:
    """Run a command in the repository, without what the caller's Python was told. Raises CalledProcessError."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "1"  # the same archive of modules each time
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def state(system: str) -> str:
    """What an environment is made of: the list of packages, and how Earshot itself is installed."""
    own = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{list_id(system)} {own}"


def _is_ready(environment: Path, system: str) -> bool:
    ready = environment / "ready"
    return ready.exists() and ready.read_text() == state(system)


def _install(environment: Path, python: str, system: str) -> None:
    wheels = BUILD / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    shutil.rmtree(environment, ignore_errors=True)
    if Path(python).resolve() == Path(sys.executable).resolve():
        venv.create(environment, with_pip=True)
    else:
        run(python, "-m", "venv", str(environment))
    pip = (str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "download", "--dest", str(wheels), *download_arguments(system))
    run(*pip, "install", "--no-deps", "--no-index", *(str(each) for each in sorted(wheels.glob("*.whl"))))
    run(*pip, "install", "--no-deps", "--no-build-isolation", "-e", ".")
    (environment / "ready").write_text(state(system))


if __name__ == "__main__":
    sys.exit(main())
