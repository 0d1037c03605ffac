"""How many cores there are, and how many threads the products on a Linux CPU take."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from engine._blas import OPENBLAS


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


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
    for name in OPENBLAS:
        try:
            return ctypes.CDLL(name, mode=os.RTLD_NOLOAD)
        except OSError:
            continue
    return None
