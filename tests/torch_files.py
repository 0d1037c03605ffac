"""Gives the tests the writer of .pt files, which lives with the starter model's tools (not on everybody's path)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from numpy.typing import NDArray

_SOURCE = Path(__file__).parents[1] / "packaging" / "starter" / "networks" / "torch_writer.py"


def write_torch_file(path: Path, tensors: Mapping[str, NDArray]) -> Path:
    """Write a state dict as PyTorch would; returns the path."""
    spec = importlib.util.spec_from_file_location("torch_writer", _SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write(path, tensors)
    return path
