"""What GitHub is told to run exists here."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from contents import MINIMUM_SYSTEM, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"])


def commands(path: Path) -> list[str]:
    """Everything that a workflow has a shell run."""
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_target_and_file_of_a_workflow_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(path):
        assert set(re.findall(r"\bmake ([a-z-]+)", command)) <= targets | {"python"}, command
        for file in re.findall(r"(?:packaging|\.ci)/[\w./-]+", command):
            assert (ROOT / file).exists(), file
        plain = re.sub(r"\$\{\{.*?\}\}", "x", command)
        assert subprocess.run(["sh", "-n", "-c", plain]).returncode == 0, command


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_ends_by_itself_and_may_do_little(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 120 for job in jobs(path).values())
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"]) == {"contents"}


def test_a_released_app_looks_where_the_newest_release_is_and_not_at_its_own() -> None:
    (release,) = [path for path in WORKFLOWS if path.stem == "release"]
    place = jobs(release)["release"]["env"]["EARSHOT_RELEASES"]
    assert place == "${{ github.server_url }}/${{ github.repository }}/releases/latest/download"
    (published,) = [command for command in commands(release) if "gh release create" in command]
    assert "dist/latest.json" in published


def test_every_system_from_the_oldest_on_is_tried() -> None:
    (tests,) = [path for path in WORKFLOWS if path.stem == "tests"]
    systems = jobs(tests)["mac"]["strategy"]["matrix"]["system"]
    assert systems[0] == f"macos-{MINIMUM_SYSTEM[0]}"
    assert {"linux", "frozen", "bundle-audit", "wheel", "mac"} == jobs(tests).keys()
