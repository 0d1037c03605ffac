"""The checks for the first Mac: what runs them can be tried anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from contents import ROOT
from mac_check import Check, checks, run, run_all


def test_there_are_twenty_checks_with_names_of_their_own() -> None:
    names = [check.name for check in checks()]
    assert len(names) >= 20
    assert len(set(names)) == len(names)


def test_every_command_is_one_that_a_shell_understands() -> None:
    for check in checks():
        assert subprocess.run(["sh", "-n", "-c", check.command]).returncode == 0, check.name


def test_a_check_passes_when_it_ends_well_and_says_the_right_thing(tmp_path: Path) -> None:
    assert run(Check("good", "echo all is well", "well"), tmp_path).passed
    assert not run(Check("other words", "echo all is bad", "well"), tmp_path).passed
    failed = run(Check("bad", "echo all is well; exit 3", "well"), tmp_path)
    assert (failed.passed, failed.printed) == (False, "all is well\n")
    assert "not done after" in run(Check("hangs", "sleep 60; true", timeout_s=0.2), tmp_path).printed


def test_everything_is_kept_in_one_file_with_the_figures_of_the_benchmarks(tmp_path: Path) -> None:
    measured = "mkdir -p $WORK/benchmarks && echo '{\"ids_per_s\": 41}' >$WORK/benchmarks/decode.json"
    file = tmp_path / "mac-check.json"
    report = run_all([Check("measured", measured), Check("broken", "exit 1")], tmp_path, file)
    assert not report.passed
    told = json.loads(file.read_text())
    assert [(each["name"], each["passed"]) for each in told["outcomes"]] == [("measured", True), ("broken", False)]
    assert told["benchmarks"] == {"decode": {"ids_per_s": 41}}


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac runs the checks themselves")
def test_elsewhere_it_says_what_to_run_instead() -> None:
    command = [sys.executable, str(ROOT / "packaging" / "mac_check.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "make bundle-audit" in done.stderr
