"""What every benchmark needs: repeated times, the machine in words, a table, a JSON file."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FULL_SIZE = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "num_hidden_layers": 28,
    "vocab_size": 158720,
}
ABOUT_100_M = {
    "hidden_size": 640,
    "intermediate_size": 2560,
    "num_attention_heads": 10,
    "num_key_value_heads": 2,
    "num_hidden_layers": 14,
    "vocab_size": 10240,
}
TINY = {
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 1024,
}


@dataclass(frozen=True)
class Figure:
    """One measured quantity, each repetition's value."""

    name: str
    unit: str
    values: tuple[float, ...]
    about: str = ""

    def row(self) -> str:
        """A line of the table: minimum, median, maximum."""
        if not self.values:
            return f"{self.name:<58} {'—':>32}  {self.about}"
        least, middle, most = min(self.values), statistics.median(self.values), max(self.values)
        return f"{self.name:<58} {least:>10.3f} {middle:>10.3f} {most:>10.3f}  {self.unit:<9} {self.about}"


HEADING = f"{'':<58} {'min':>10} {'median':>10} {'max':>10}"


def machine() -> dict[str, Any]:
    """Processor, cores, device and versions, as far as this interpreter knows."""
    facts: dict[str, Any] = {
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
    }
    if "mlx.core" in sys.modules:
        mx = sys.modules["mlx.core"]
        facts["mlx"] = mx.__version__
        facts["device"] = str(mx.default_device())
        if mx.default_device().type == mx.DeviceType.gpu:
            facts["device_name"] = str(mx.device_info().get("device_name", ""))
    return facts


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return lines[0].partition(":")[2].strip() if lines else platform.processor()


def repeat(action: Callable[[], Any], times: int, warm: int = 2) -> tuple[float, ...]:
    """Seconds of each of `times` calls after `warm` unmeasured ones."""
    for _ in range(warm):
        action()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return tuple(seconds)


class Side:
    """One side of a comparison: a process that stays up and measures once whenever it is asked."""

    def __init__(self, python: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [python, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self) -> Any:
        """Its next measurement. Exits with a sentence if the process is gone."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise SystemExit(f"{self._process.args} ended; its message stands above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def serve(measure: Callable[[], Any]) -> int:
    """The other end of `Side`: measure for every line that comes, until there are no more."""
    for _ in sys.stdin:
        print(json.dumps(measure()), flush=True)
    return 0


def write_json(path: Path, figures: list[Figure], **facts: Any) -> None:
    """Machine, facts and figures as one JSON object."""
    content = {"machine": machine(), **facts, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
