"""How many threads the products on a Linux CPU take."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.cpu import cpu, threads
from engine.engine import Engine
from engine.resources import resource


@pytest.fixture
def openblas() -> Iterator[ctypes.CDLL]:
    library = threads._loaded_openblas()
    if library is None:
        pytest.skip("MLX computes with another library here")
    before = library.openblas_get_num_threads()
    yield library
    library.openblas_set_num_threads(before)


def test_products_are_spread_over_the_cores_or_not(openblas: ctypes.CDLL) -> None:
    threads.spread_products(True)
    assert openblas.openblas_get_num_threads() == len(os.sched_getaffinity(0))
    threads.spread_products(False)
    assert openblas.openblas_get_num_threads() == 1


def test_a_small_model_takes_one_thread_and_a_large_one_all(
    openblas: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads.spread_products(True)
    Engine.load(resource("starter")).close()
    assert openblas.openblas_get_num_threads() == 1
    monkeypatch.setattr(cpu, "LARGE_BYTES", 1_000_000)
    Engine.load(resource("starter")).close()
    assert openblas.openblas_get_num_threads() == len(os.sched_getaffinity(0))


@pytest.mark.skipif(sys.platform != "linux", reason="numpy brings OpenBLAS on Linux only")
def test_numpys_own_library_takes_one_thread() -> None:
    import numpy as np

    threads.numpy_in_one_thread()
    counts = []
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas*.so"):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads"):
            counts += [getattr(library, name)()] if hasattr(library, name) else []
    assert set(counts) <= {1}


def test_elsewhere_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda *given, **named: pytest.fail("no library is opened on a Mac"))
    threads.numpy_in_one_thread()
    threads.spread_products(True)
