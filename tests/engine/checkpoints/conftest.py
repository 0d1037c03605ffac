"""A hub on this machine, and what downloads from it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.checkpoints.download import downloading
from engine.checkpoints.patience import Patience
from tests.hub import NAME, LocalHub, running_hub


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with running_hub() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """Seconds that downloads of `bring` waited in place of really doing so."""
    return []


@pytest.fixture
def bring(hub: LocalHub, tmp_path: Path, waits: list[float]) -> Callable[[], Path]:
    """Downloads the model from the hub."""
    patience = Patience(tries=4, chance=random.Random(1), sleep=waits.append, now=lambda: 0.0)

    def download() -> Path:
        for _ in downloading(NAME, tmp_path, hub=hub.address, patience=patience):
            pass
        return tmp_path / NAME

    return download
