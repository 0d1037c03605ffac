"""The tiny random checkpoint in the published layout, which lies with the golden data."""

from __future__ import annotations

from pathlib import Path


def tiny_checkpoint() -> Path:
    """A complete folder: networks, tokenizer, token2wav."""
    return Path(__file__).parent / "goldens" / "tiny-checkpoint"
