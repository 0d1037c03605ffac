"""Where PyTorch trains."""

from __future__ import annotations

import torch


def best_device() -> str:
    """A CUDA GPU, else an Apple one, else the processor."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
