"""Replaces modules of a network by others that do the same in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx.nn as nn
from mlx.utils import tree_map_with_path


def exchange(network: nn.Module, others: Mapping[type, Callable[[Any], nn.Module]]) -> None:
    """Put what `others` makes of a module without parts of its own, by its type, in the module's place."""

    def other(path: str, module: nn.Module) -> nn.Module:
        return others[type(module)](module).eval() if type(module) in others else module

    leaves = tree_map_with_path(other, network.leaf_modules(), is_leaf=nn.Module.is_module)
    network.update_modules(leaves)
