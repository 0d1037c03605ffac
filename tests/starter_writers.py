"""Gives the tests what writes a model's .pt files and flow.yaml: tools of the starter, not on everybody's path."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from numpy.typing import NDArray

from engine.speaking.flow import FlowConfig

_NETWORKS = Path(__file__).parents[1] / "packaging" / "starter" / "networks"


def write_torch_file(path: Path, tensors: Mapping[str, NDArray]) -> Path:
    """Write a state dict as PyTorch would; returns the path."""
    _tool("torch_writer").write(path, tensors)
    return path


def flow_yaml(config: FlowConfig) -> str:
    """flow.yaml of a flow with these sizes, written as the published one."""
    return str(_tool("flow_yaml").flow_yaml(config))


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, _NETWORKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
