"""Letters for connectionist temporal classification (Graves et al. 2006): how well frames spell a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

BLANK = 0
LETTERS = " abcdefghijklmnopqrstuvwxyz'"


def spelled(text: str) -> list[int]:
    """The ids 1 … 28 of a text's letters, spaces and apostrophes; everything else is left out."""
    letters = " ".join(text.lower().replace("-", " ").split())
    return [LETTERS.index(letter) + 1 for letter in letters if letter in LETTERS]


def padded(labels: Sequence[list[int]], length: int | None = None) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels as one array (B, L) filled with BLANK, and their lengths (B,)."""
    longest = max(len(label) for label in labels) if length is None else length
    table = np.zeros((len(labels), longest), dtype=np.int32)
    for row, label in enumerate(labels):
        table[row, : len(label)] = label[:longest]
    return table, np.array([min(len(label), longest) for label in labels], dtype=np.int32)


def fits(frames: int, label: list[int]) -> bool:
    """Whether so many frames can spell the label (repeated letters need a blank between them)."""
    repeats = sum(a == b for a, b in pairwise(label))
    return len(label) + repeats <= frames


def greedy_text(logits: mx.array, length: int) -> str:
    """The best path of frames' logits (T, V) as text."""
    best = np.array(mx.argmax(logits[:length], axis=-1))
    kept = [int(best[i]) for i in range(len(best)) if best[i] != BLANK and (i == 0 or best[i] != best[i - 1])]
    return "".join(LETTERS[i - 1] for i in kept)
