"""A model can be loaded again and again: nothing of the one before stays in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints import tiny_checkpoint

LOADS = """
import os, subprocess, sys
from engine.engine import Engine

def resident_kb():
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True).stdout)

for number in range(40):
    if number == 10:
        before = resident_kb()
    Engine.load(sys.argv[1]).close()
print(resident_kb() - before)
"""


@pytest.mark.slow
def test_thirty_loads_more_leave_no_memory_behind() -> None:
    command = [sys.executable, "-c", LOADS, str(tiny_checkpoint())]
    root = Path(__file__).parents[2]
    grown = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=60).stdout
    assert int(grown) < 1_000, f"{grown.strip()} KB more after thirty loads"
