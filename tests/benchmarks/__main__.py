"""Runs every benchmark that can run on this machine, one after the other.

    python -m tests.benchmarks [NAME …] [--out FOLDER]

Without names all are run. Figures are printed and, where a benchmark writes them, kept as JSON in the folder
(benchmarks-out). What cannot run here is named with the reason.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from engine.checkpoints import catalogue
from engine.errors import EngineError
from engine.resources import resource

_PEERS = {
    "mlx_lm": "mlx-lm, the peer it is compared with (extra: benchmark)",
    "s3tokenizer": "the official code it is compared with (extra: oracle)",
}


@dataclass(frozen=True)
class Benchmark:
    """A module of this folder, what it measures, and what it needs."""

    name: str
    about: str
    arguments: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()  # that must be installed
    gpu: bool = False
    speaks: bool = False  # needs an installed model that speaks
    json: bool = True  # takes --json FILE


BENCHMARKS = (
    Benchmark("app", "the window, its heartbeat, quitting, memory over 200 turns"),
    Benchmark("conversation", "first sound from turn to turn, cancelling, memory", speaks=True, json=False),
    Benchmark("decode", "ids a second beside mlx-lm", modules=("mlx_lm",)),
    Benchmark("log_mel", "log-mel beside the official code", modules=("s3tokenizer",)),
    Benchmark("remote", "first sound of a model on another machine, on loopback"),
    Benchmark("saving", "bytes and time of saving a turn, from the second to the hundredth"),
    Benchmark("speech", "flow and vocoder, whole and streamed", ("--size", "starter", "--lengths", "68", "252")),
    Benchmark(
        "requests",
        "whole requests: made, heard, and what there is to spare",
        ("--folder", str(resource("starter")), "--lengths", "85", "160", "--turns", "1", "2", "--rounds", "2"),
    ),
    Benchmark("gpu_hear", "decoding, prefill and hearing at full size", gpu=True),
)


def obstacle(benchmark: Benchmark) -> str:
    """Why it cannot run here; "" when it can."""
    missing = [module for module in benchmark.modules if importlib.util.find_spec(module) is None]
    if missing:
        return "not installed: " + "; ".join(_PEERS.get(module, module) for module in missing)
    if benchmark.gpu and not _has_gpu():
        return "MLX has no GPU here"
    if benchmark.speaks and (problem := _speaking_model_missing()):
        return problem
    return ""


def _has_gpu() -> bool:
    code = "import mlx.core as mx, sys; sys.exit(mx.default_device().type != mx.DeviceType.gpu)"
    return subprocess.run([sys.executable, "-c", code]).returncode == 0


def _speaking_model_missing() -> str:
    try:
        folder = catalogue.best()
    except EngineError as error:
        return str(error)
    if (folder / "token2wav" / "flow.pt").exists():
        return ""
    return f"the model {folder.name} cannot speak: its token2wav folder is missing"


def run(benchmark: Benchmark, out: Path) -> bool:
    """Run one in a process of its own; whether it succeeded."""
    print(f"\n== {benchmark.name}: {benchmark.about}", flush=True)
    command = [sys.executable, "-m", f"tests.benchmarks.{benchmark.name}", *benchmark.arguments]
    if benchmark.json:
        command += ["--json", str(out / f"{benchmark.name}.json")]
    return subprocess.run(command).returncode == 0


def main(argv: list[str] | None = None) -> int:
    """Run them; 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(known)} (default: all)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"))
    args = parser.parse_args(argv)
    if unknown := [name for name in args.names if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}")
    args.out.mkdir(parents=True, exist_ok=True)
    lines, failed = [], False
    for name in args.names or known:
        began = time.monotonic()
        if reason := obstacle(known[name]):
            lines.append(f"{name:<14} left out: {reason}")
            continue
        succeeded = run(known[name], args.out)
        failed |= not succeeded
        lines.append(f"{name:<14} {'done' if succeeded else 'FAILED'} in {time.monotonic() - began:.0f} s")
    print("\n" + "\n".join(lines))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
