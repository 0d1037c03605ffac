"""Kernels of ours as programs of this processor: their very sources, with `emulation.h` in the place of a device."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

COMPILER = shutil.which("g++")
NEEDED = pytest.mark.skipif(not COMPILER or sys.platform != "linux", reason="needs g++ and the barriers of Linux")


def compiled(program: str, folder: Path) -> ctypes.CDLL:
    """The library that `program` becomes, in `folder`. Raises CalledProcessError with what the compiler had to say."""
    (folder / "kernels.cpp").write_text('#include "emulation.h"\n' + program)
    assert COMPILER is not None
    command = [COMPILER, "-O1", "-std=c++20", "-shared", "-fPIC", "-pthread", "-w", f"-I{Path(__file__).parent}"]
    subprocess.run([*command, str(folder / "kernels.cpp"), "-o", str(folder / "kernels.so")], check=True, timeout=120)
    return ctypes.CDLL(str(folder / "kernels.so"))


def shape(values: Sequence[int]) -> ctypes.Array[ctypes.c_int]:
    """A shape, as MLX hands it to a kernel."""
    return (ctypes.c_int * len(values))(*values)


def at(array: np.ndarray) -> ctypes.c_void_p:
    """Where an array's values lie."""
    return ctypes.c_void_p(array.ctypes.data)
