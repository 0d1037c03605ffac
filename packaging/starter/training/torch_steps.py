"""What the steps of the trainings in PyTorch share."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def clipped_step(adam: torch.optim.AdamW, rate: float) -> Tensor:
    """One step of a fused AdamW at a learning rate, gradients clipped to length 1 and then forgotten; not waited for.

    Returns the gradients' norm. A step whose gradient is not finite changes nothing.
    """
    gradients = [weight.grad for group in adam.param_groups for weight in group["params"] if weight.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    # What loss scaling uses clips just as well: gradients are divided by one, the other skips the step.
    adam.grad_scale, adam.found_inf = norm.clamp(min=1.0), (~torch.isfinite(norm)).float()
    for group in adam.param_groups:
        group["lr"] = rate
    adam.step()
    adam.zero_grad(set_to_none=True)
    return norm


@torch.no_grad()
def average(averaged: Iterable[Tensor], weights: Iterable[Tensor], steps: int, most: float) -> None:
    """Move running averages toward the weights after so many steps: over all of them at first, then by 1 - `most`."""
    keep = min(most, (steps + 1) / (steps + 11))
    torch._foreach_lerp_(list(averaged), list(weights), 1 - keep)
