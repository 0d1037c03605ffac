"""Chooses the matrix library that MLX uses on Linux.

MLX's Linux wheel for the CPU brings the reference BLAS, which multiplies matrices some thirty times slower than
OpenBLAS on the same cores. The dynamic linker takes a symbol from the libraries loaded first with global visibility,
so loading the system's OpenBLAS before MLX is enough. On a Mac nothing is done: MLX uses Metal and Accelerate there.
"""

import ctypes
import os
import sys

OPENBLAS = ("libopenblas.so.0", "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0")


def use_fast_blas() -> str | None:
    """Load the system's OpenBLAS ahead of MLX; returns its file name, or None where there is none or none is needed.

    Set the environment variable EARSHOT_BLAS=mlx to keep the library that MLX brings.
    """
    if sys.platform != "linux" or "mlx.core" in sys.modules or os.environ.get("EARSHOT_BLAS") == "mlx":
        return None
    for name in OPENBLAS:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return name
    return None
