"""A linear layer of which each rank has some columns: the ranks' outputs are summed."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from engine.ranks.group import Ranks


class Summed(nn.Module):
    """(…, columns of this rank) → (…, rows), the same on every rank; summed in the precision of its output."""

    def __init__(self, part: nn.Module, ranks: Ranks) -> None:
        super().__init__()
        self.part = part
        self._ranks = ranks

    def __call__(self, x: mx.array) -> mx.array:
        return self._ranks.sum(self.part(x))
