"""Compiles the CUDA kernels of speaking in several processes at once, for one after the other takes minutes.

    python -m tests.benchmarks.speech_warm TOKEN2WAV INPUTS PART PARTS

finds every kernel that whole and streamed speech need, by running both with kernels that compute nothing, and compiles
its part of them. MLX keeps what was compiled in the folder that MLX_PTX_CACHE_DIR names, under the kernel's name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.backends import choose
from engine.backends.cuda import kernels

_TOKENS = 60


@dataclass(frozen=True)
class Launch:
    """What decides how a kernel is compiled, and sizes to run it with."""

    made_of: tuple[Any, ...]  # the arguments of `kernels.compiled`
    inputs: tuple[tuple[tuple[int, ...], mx.Dtype], ...]
    template: dict[str, Any]
    units: int | tuple[int, int]
    outputs: Sequence[tuple[tuple[int, ...], mx.Dtype]]

    @property
    def key(self) -> str:
        return str((self.made_of, [dtype for _, dtype in self.inputs], self.template))

    def __call__(self) -> None:
        """Compile it and run it on zeros."""
        inputs = [mx.zeros(shape, dtype) for shape, dtype in self.inputs]
        mx.eval(kernels.launch(kernels.compiled(*self.made_of), inputs, self.template, self.units, self.outputs))


def launches(folder: Path, inputs: Path) -> list[Launch]:
    """Every kernel that speech with these weights needs, in the order of their first use."""
    from tests.benchmarks.speech_contestant import Earshot

    found: dict[str, Launch] = {}

    def launch(made_of: Any, given: Sequence[mx.array], template: dict[str, Any], units: Any, outputs: Any) -> Any:
        one = Launch(made_of, tuple((array.shape, array.dtype) for array in given), dict(template), units, outputs)
        found.setdefault(one.key, one)
        return [mx.zeros(shape, dtype) for shape, dtype in outputs]

    really = kernels.compiled, kernels.launch
    kernels.compiled, kernels.launch = (lambda *made_of: made_of), launch  # type: ignore[assignment]
    mx.disable_compile()  # what MLX makes of this graph is of no use for the real one
    try:
        speech = Earshot(folder, dict(np.load(inputs)))
        speech.whole(_TOKENS)
        for _ in speech.streamed(_TOKENS)():
            pass
    finally:
        kernels.compiled, kernels.launch = really
        mx.enable_compile()
    return list(found.values())


def compile_in(processes: int, folder: Path, inputs: Path, cache: Path, limit_s: float) -> str:
    """Compile all kernels in so many processes, each into a folder of its own, and put them together in `cache`.

    What is not there in time is compiled when it is needed. Returns what happened, in words.
    """
    cache.mkdir(parents=True, exist_ok=True)
    if choose().name != "cuda":
        return "the CUDA back-end is not used: no kernels to compile"
    with tempfile.TemporaryDirectory() as place:
        own = [Path(place) / str(part) for part in range(processes)]
        started = [
            subprocess.Popen(
                [sys.executable, "-m", __spec__.name, str(folder), str(inputs), str(part), str(processes)],
                env=os.environ | {"MLX_PTX_CACHE_DIR": str(own[part])},
                stdout=subprocess.DEVNULL,
            )
            for part in range(processes)
        ]
        until = time.monotonic() + limit_s
        ended = [_ended(process, until - time.monotonic()) for process in started]
        for one in own:
            for file in one.glob("*") if one.exists() else ():
                shutil.copy(file, cache / file.name)
    return f"{sum(1 for _ in cache.glob('*.ptx'))} kernels compiled; processes that ended well: {ended.count(True)}"


def _ended(process: subprocess.Popen[bytes], limit_s: float) -> bool:
    try:
        return process.wait(max(0.0, limit_s)) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def main() -> int:
    """Compile one part."""
    mx.set_cache_limit(1 << 30)  # there are many of these on one device
    folder, inputs, part, parts = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for launch in launches(folder, inputs)[part::parts]:
        launch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
