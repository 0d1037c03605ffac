"""Log-mel beside the official torch code on the same cores, turn by turn.

    python -m tests.benchmarks.log_mel [--peer-python PYTHON] [--seconds 15] [--json FILE]

`--peer-python` is an interpreter with the `oracle` extra (default: this one).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine  # noqa: F401 - before mlx: it chooses the BLAS
from tests.benchmarks.measuring import HEADING, Figure, Side, serve, write_json

CALLS = 10  # in a row for one turn


def main() -> int:
    """Run both sides in turns and print the table; exit 1 when ours is the slower one by the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has the official code")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", choices=("ours", "official"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(_measured((_ours if options.serve == "ours" else _official)(options.seconds)))
    sides = {
        name: Side(python, "tests.benchmarks.log_mel", "--serve", name, "--seconds", str(options.seconds))
        for name, python in (("official", options.peer_python), ("ours", sys.executable))
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(options.rounds + 1):
        for name, side in sides.items():
            milliseconds = side.ask()
            if turn:
                times[name] += milliseconds
    for side in sides.values():
        side.close()
    figures = [Figure(f"{name}, {options.seconds:g} s", "ms", tuple(values)) for name, values in times.items()]
    ratio = statistics.median(times["official"]) / statistics.median(times["ours"])
    print(HEADING)
    for figure in figures:
        print(figure.row())
    print(f"official / ours, by the medians: {ratio:.2f}")
    if options.json:
        write_json(options.json, figures, ratio=ratio)
    return 0 if ratio >= 1.0 else 1


def _measured(run: Callable[[], Any]) -> Callable[[], list[float]]:
    def measure() -> list[float]:
        milliseconds = []
        for _ in range(CALLS):
            start = time.perf_counter()
            run()
            milliseconds.append(1000 * (time.perf_counter() - start))
        return milliseconds

    return measure


def _samples(seconds: float) -> Any:
    import numpy as np

    return (0.1 * np.random.default_rng(0).standard_normal(int(16_000 * seconds))).astype(np.float32)


def _ours(seconds: float) -> Callable[[], Any]:
    import mlx.core as mx

    from engine.hearing import log_mel

    samples = _samples(seconds)
    return lambda: mx.eval(log_mel(samples))


def _official(seconds: float) -> Callable[[], Any]:
    import torch

    from tests.goldens.official import official_utils

    torch.set_grad_enabled(False)
    samples = _samples(seconds)
    filters = official_utils._mel_filters(128)  # the official code makes them anew each time: not what is compared here
    official_utils._mel_filters = lambda _: filters
    return lambda: official_utils.log_mel_spectrogram(samples, n_mels=128, padding=479)


if __name__ == "__main__":
    sys.exit(main())
