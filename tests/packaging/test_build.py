"""What the app is built with: a Python that runs where the app shall run, and the packages of the pinned lists."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import build
import contents
import pytest
from build import BuildError, refuse_python

ROOT = contents.ROOT


def python(folder: Path, told: str) -> str:
    """A program that answers like a Python of this kind."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\necho {told}\n")
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize("target", ["10.13", "11.0", "15.0", "15"])
def test_a_python_for_the_oldest_system_is_taken(tmp_path: Path, target: str) -> None:
    refuse_python(python(tmp_path, f"3 12 arm64 {target}"), "darwin")


@pytest.mark.parametrize(
    "told", ["3 12 arm64 26.0", "3 12 arm64 15.1", "3 12 arm64 -", "3 12 x86_64 11.0", "3 10 arm64 11.0"]
)
def test_a_python_that_would_not_run_there_is_refused_with_a_sentence(tmp_path: Path, told: str) -> None:
    with pytest.raises(BuildError, match=r"Python .*"):
        refuse_python(python(tmp_path, told), "darwin")


def test_on_linux_any_system_will_do(tmp_path: Path) -> None:
    refuse_python(python(tmp_path, "3 11 x86_64 -"), "linux")


@pytest.mark.parametrize("changed", ["pyproject.toml", "packaging/requirements/run-linux.txt"])
def test_an_environment_is_made_anew_when_anything_in_it_would_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    (tmp_path / "packaging" / "requirements").mkdir(parents=True)
    for name in ("pyproject.toml", "packaging/requirements/run-linux.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(contents, "ROOT", tmp_path)
    before = build.state("linux")
    assert build.state("linux") == before
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert build.state("linux") != before


def test_wheels_for_a_mac_are_those_of_the_oldest_system_whatever_builds_the_app() -> None:
    arguments = contents.download_arguments("darwin")
    assert arguments[:2] == ["--platform", "macosx_14_0_arm64"]
    assert "--platform" not in contents.download_arguments("linux")
    assert {"--require-hashes", "--only-binary=:all:"} <= set(arguments)


@pytest.mark.parametrize("system", ["linux", "macos"])
def test_the_app_is_made_of_what_is_tested_and_of_nothing_that_tests(system: str) -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "packaging" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    tested, shipped = pins(system), pins(f"run-{system}")
    assert {name for name in shipped if tested.get(name) != shipped[name]} <= contents.BUILDING
    assert not (contents.DEVELOPMENT - contents.BUILDING) & shipped.keys()
    assert {"mcp", "mlx", "pyside6-essentials", "pyinstaller"} <= shipped.keys()
    assert ("av" in shipped) == (system == "linux")
    for name in (system, f"run-{system}"):
        text = (ROOT / "packaging" / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text


def test_what_the_callers_python_was_told_does_not_change_the_app(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    build.run("sh", "-c", "env | grep ^PYTHON; pwd")
    assert capfd.readouterr().out == f"PYTHONHASHSEED=1\n{ROOT}\n"


def test_two_builds_are_compared_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "code").write_text("one")
    (tmp_path / "link").symlink_to("lib")
    first = build.digests(tmp_path)
    assert first["link"] == "-> lib"
    (tmp_path / "lib" / "code").write_text("two")
    assert (
        build.compare(first, build.digests(tmp_path)) == "Two builds have the same 2 files; of these, 1 differ inside."
    )
    (tmp_path / "lib" / "stray").write_text("")
    with pytest.raises(BuildError, match=r"do not have the same files: lib/stray\."):
        build.compare(first, build.digests(tmp_path))
