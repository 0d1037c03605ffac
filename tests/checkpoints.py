"""Finds the tiny random checkpoint in the published layout: the repository's own, or the one beside the repository."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


@lru_cache
def tiny_checkpoint() -> Path:
    """A complete folder (networks, tokenizer, token2wav); the test that asks is skipped where there is none."""
    own = _ROOT / "tests" / "goldens" / "tiny-checkpoint"
    if all((own / name).exists() for name in ("config.json", "tokenizer.json", "token2wav/flow.pt")):
        return own
    shared = _ROOT.parent / "shared"
    parts = (shared / "goldens" / "tiny-checkpoint", shared / "reference" / "Step-Audio-2-mini")
    if not all(part.is_dir() for part in parts):
        pytest.skip("no tiny checkpoint in tests/goldens or beside the repository")
    folder = Path(tempfile.mkdtemp(prefix="tiny-"))
    for file in (*parts[0].iterdir(), parts[1] / "tokenizer.json"):
        (folder / file.name).symlink_to(file)
    return folder
