"""How long to wait before something that failed for a moment is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_STEP_S = 0.25  # a person who stops a download waits no longer than that


@dataclass(frozen=True)
class Patience:
    """Waits that double from `first_s` to `longest_s`, each shortened by chance; `tries` failures in a row are enough.

    A server that asks for a longer wait gets it, up to `asked_longest_s`.
    """

    tries: int = 8
    first_s: float = 1.0
    longest_s: float = 60.0
    asked_longest_s: float = 600.0
    chance: random.Random = field(default_factory=random.Random)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def wait_s(self, failures: int, asked_s: float | None = None) -> float:
        """Seconds to wait after so many failures in a row; `asked_s` is what the server asked for."""
        longest = min(self.longest_s, self.first_s * 2.0 ** (failures - 1))
        return max(asked_s or 0.0, longest * self.chance.uniform(0.5, 1.0))

    def wait(self, seconds: float) -> Iterator[None]:
        """Wait in short steps; whoever stops taking them stops waiting."""
        while seconds > 0:
            yield
            self.sleep(min(seconds, _STEP_S))
            seconds -= _STEP_S
