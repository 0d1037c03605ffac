"""A wheel works far from the repository: what it brings along is inside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from contents import ROOT
from info_plist import version

from app import self_test


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel that was built of a copy of the sources, as an installer would lay it out."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("app", "engine", "resources"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=os.link)
    shutil.copytree(ROOT / "docs" / "manual", source / "docs" / "manual", copy_function=os.link)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", str(source / "wheels"), str(source)], check=True, timeout=120)
    (wheel,) = (source / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def run(installed: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of it in an empty folder."""
    told = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(installed), "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-P", "-m", *arguments]
    return subprocess.run(command, cwd=home, env=told, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_command_line_and_self_test_of_a_wheel_work_elsewhere(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "app.command_line", "doctor", "--json")
    assert done.returncode == 0, done.stderr
    (starter,) = json.loads(done.stdout)["models"]
    assert starter["folder"] == str(installed / "engine" / "bundled" / "starter")
    done = run(installed, tmp_path, "app.main", "--self-test", "--json", "--no-gpu")
    told = json.loads(done.stdout)
    assert [each for each in told["checks"] if not each["passed"]] == []
    assert {each["name"] for each in told["checks"]} == set(self_test.checks(no_gpu=True))
    assert (told["passed"], done.returncode) == (True, 0)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_wheel_holds_what_the_app_reads_and_nothing_else(installed: Path) -> None:
    assert {path.name for path in installed.iterdir()} == {"app", "engine", f"earshot_assistant-{version()}.dist-info"}
    bundled = {path.relative_to(installed / "engine" / "bundled") for path in (installed / "engine/bundled").rglob("*")}
    ours = {path.relative_to(ROOT / "resources") for path in (ROOT / "resources").rglob("*")}
    manual = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs" / "manual").rglob("*")} | {Path("manual")}
    assert bundled == {path for path in ours if path.parts[0] != "screenshots"} | manual
    scripts = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "earshot = app.command_line:main" in scripts
