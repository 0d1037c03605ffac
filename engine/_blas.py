"""Chooses the matrix library that MLX uses on Linux.

MLX's Linux wheel for the CPU brings the reference BLAS, which multiplies matrices some thirty times slower than
OpenBLAS on the same cores. The dynamic linker takes a symbol from the libraries loaded first with global visibility,
so loading the system's OpenBLAS before MLX is enough. On a Mac nothing is done: MLX uses Metal and Accelerate there.
"""

import ctypes
import os
import sys
from pathlib import Path

_OPENBLAS = ("libopenblas.so.0", "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0")


def use_fast_blas() -> str | None:
    """Load the system's OpenBLAS ahead of MLX; returns its file name, or None where there is none or none is needed.

    Set the environment variable EARSHOT_BLAS=mlx to keep the library that MLX brings.
    """
    if sys.platform != "linux" or "mlx.core" in sys.modules or os.environ.get("EARSHOT_BLAS") == "mlx":
        return None
    for name in _OPENBLAS:
        try:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return name
    return None


def numpy_in_one_thread() -> None:
    """Let the OpenBLAS in numpy's Linux wheel compute without threads of its own; without effect on any other.

    What numpy multiplies here is small or bound by memory. A second pool of threads beside MLX's waits by spinning: on
    two cores with other programs running, numpy's products took ten times the work.
    """
    if sys.platform != "linux":
        return
    import numpy as np

    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas*.so"):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(1)


def spread_products(widely: bool) -> None:
    """Whether MLX's products on a Linux CPU use all cores, as large networks want, or one.

    OpenBLAS's threads wait for each other by spinning. For a network of some million weights they gain nothing on idle
    cores; on busy ones a piece of speech took twice the time, and now and then ten times.
    """
    library = _loaded_openblas()
    if library is not None:
        library.openblas_set_num_threads(len(os.sched_getaffinity(0)) if widely else 1)


def _loaded_openblas() -> ctypes.CDLL | None:
    """The OpenBLAS that `use_fast_blas` has loaded, if it has."""
    if sys.platform != "linux":
        return None
    for name in _OPENBLAS:
        try:
            return ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
        except OSError:
            continue
    return None
