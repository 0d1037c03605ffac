"""MLX is told how exact and how large before it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine._mlx_settings import EXACT, SIZES, SUBMITTED_AT_ONCE, set_up_mlx

EVERYWHERE = EXACT | SIZES


def test_all_is_set_unless_the_user_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EVERYWHERE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLX_CUDA_GRAPH_CACHE_SIZE", "77")
    set_up_mlx()
    assert {name: os.environ[name] for name in EVERYWHERE} == EVERYWHERE | {"MLX_CUDA_GRAPH_CACHE_SIZE": "77"}


@pytest.mark.parametrize(("system", "set_there"), [("darwin", False), ("linux", True)])
def test_how_much_is_submitted_at_once_is_left_to_metal(
    monkeypatch: pytest.MonkeyPatch, system: str, set_there: bool
) -> None:
    monkeypatch.setattr("sys.platform", system)
    for name in EVERYWHERE | SUBMITTED_AT_ONCE:
        monkeypatch.delenv(name, raising=False)
    set_up_mlx()
    assert {name in os.environ for name in SUBMITTED_AT_ONCE} == {set_there}
    assert {name in os.environ for name in EVERYWHERE} == {True}


def test_it_is_set_before_mlx_is_loaded() -> None:
    code = "import sys, os, engine; print('mlx.core' in sys.modules, os.environ['MLX_CUDA_CONV_CACHE_SIZE'])"
    kept = {name: value for name, value in os.environ.items() if name not in SIZES}
    done = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", SIZES["MLX_CUDA_CONV_CACHE_SIZE"]]
