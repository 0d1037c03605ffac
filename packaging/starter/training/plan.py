"""How long a training run lasts, and the log of its figures. Needs neither MLX nor PyTorch."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Plan:
    """How long a run lasts: whichever of steps and minutes ends first, but one step; the learning rate follows."""

    steps: int
    minutes: float
    peak: float
    warm_up: int = 200
    started: float = field(default_factory=time.monotonic)

    def progress(self, step: int) -> float:
        """0 at the start, 1 at the end."""
        if step == 0:
            return 0.0
        return max(step / self.steps, (time.monotonic() - self.started) / (60 * self.minutes))

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a fiftieth of the peak."""
        fall = 0.51 + 0.49 * math.cos(math.pi * min(1.0, self.progress(step)))
        return self.peak * min(1.0, (step + 1) / self.warm_up) * fall


class Log:
    """Figures of a run, one JSON line at a time, printed too."""

    def __init__(self, path: Path) -> None:
        """Starts the file anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", buffering=1)
        self._started = time.monotonic()

    def write(self, **figures: float | int | str) -> None:
        """Add one line with the seconds since the start."""
        line = json.dumps({"s": round(time.monotonic() - self._started, 1), **figures})
        self._file.write(line + "\n")
        print(line, flush=True)
