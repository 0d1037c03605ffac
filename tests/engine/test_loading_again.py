"""A model can be loaded again and again: nothing of the one before stays in memory."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.checkpoints import tiny_checkpoint

LOADS = """
import os, subprocess, sys
from engine.engine import Engine

def resident_kb():
    return int(subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True).stdout)

for number in range(40):
    if number % 10 == 0:
        print(resident_kb())
    Engine.load(sys.argv[1]).close()
print(resident_kb())
"""


@pytest.mark.slow
def test_thirty_loads_more_leave_no_memory_behind() -> None:
    command = [sys.executable, "-c", LOADS, str(tiny_checkpoint())]
    root = Path(__file__).parents[2]
    printed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, timeout=60).stdout
    _, *resident = map(int, printed.split())  # the first ten loads fill what is kept for good
    grown = [after - before for before, after in pairwise(resident)]
    # The heap grows now and then by some hundred kilobytes at once; what stays of every load grows in all three tens.
    assert min(grown) < 100, f"{grown} KB more after ten loads each"
