from __future__ import annotations

from collections.abc import Iterator

import mlx.core as mx
import pytest


@pytest.fixture
def on_a_cpu() -> Iterator[None]:
    """Computes on the CPU, also where there is a GPU: what stands in for kernels needs exact float32 and numpy."""
    device = mx.default_device()
    mx.set_default_device(mx.Device(mx.cpu))
    yield
    mx.set_default_device(device)
