"""Several matrices that read the same input, merged into one: fewer, larger multiplications."""

from __future__ import annotations

from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn


def merged(parts: Sequence[nn.Module]) -> nn.Module | None:
    """One linear module whose output is the outputs of `parts` side by side; None if they do not match.

    Takes `nn.Linear` and `nn.QuantizedLinear`; they match when they store weights in the same way.
    """
    if len({_form(part) for part in parts}) != 1 or not isinstance(parts[0], nn.Linear | nn.QuantizedLinear):
        return None
    inputs = 1 if isinstance(parts[0], nn.Linear) else parts[0].group_size
    if isinstance(parts[0], nn.Linear):
        whole: nn.Module = nn.Linear(inputs, 1, bias="bias" in parts[0])
    else:
        whole = nn.QuantizedLinear(
            inputs, 1, bias="bias" in parts[0], group_size=parts[0].group_size, bits=parts[0].bits, mode=parts[0].mode
        )
    for name in parts[0]:
        if isinstance(parts[0][name], mx.array):
            whole[name] = mx.concatenate([part[name] for part in parts], axis=0)
    whole.freeze()
    return whole.eval()


def _form(part: nn.Module) -> tuple[object, ...]:
    quantised = tuple(getattr(part, name, None) for name in ("bits", "group_size", "mode"))
    arrays = tuple(sorted((name, str(part[name].dtype)) for name in part if isinstance(part[name], mx.array)))
    return type(part), quantised, arrays
