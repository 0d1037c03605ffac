"""The estimator's graph gives what the network gives, and keeps what it keeps."""

from __future__ import annotations

from functools import partial

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten, tree_map

from engine.backends.cpu.flow_graph import PieceByOnnx
from engine.speaking.dit import DiT, DiTConfig
from engine.speaking.euler import paces, step_piece, time_of, trim

VOICE_FRAMES = 120
CONFIG = DiTConfig(in_channels=320, out_channels=80, depth=2, num_heads=3, head_dim=16, hidden_size=32)


@pytest.fixture(scope="module")
def estimator() -> DiT:
    """One of random weights and norms."""
    made = DiT(CONFIG)
    keys = iter(mx.random.split(mx.random.key(3), 1000))
    made.update(tree_map(lambda value: value + 0.1 * mx.random.normal(value.shape, key=next(keys)), made.parameters()))
    made.fuse()
    return made


@pytest.mark.parametrize("guidance", [0.0, 0.7])
def test_pieces_and_what_they_keep_are_those_of_the_network(estimator: DiT, guidance: float) -> None:
    times = time_of(estimator.modulations(mx.array([0.3])), 0)
    pace = paces(2, guidance)[1]
    made = []
    for take in (partial(step_piece, estimator), PieceByOnnx(estimator)):
        kept, arrays = None, []
        for piece, frames in enumerate((VOICE_FRAMES, 20, 100, 30)):  # the last one reads keys in two parts
            x, mu = (mx.random.normal((frames, 80), key=mx.random.key(10 * piece + place)) for place in (0, 1))
            conditions = estimator.conditions(mu, mx.ones(80), None, guidance != 0)
            out, parts = take(x, conditions, times, pace, kept)
            kept = trim(parts, VOICE_FRAMES)
            arrays += [out, *(array for _, array in tree_flatten(parts))]
        assert len(kept[0][0]) == 2
        made.append(arrays)
    assert [array.shape for array in made[0]] == [array.shape for array in made[1]]
    for expected, array in zip(*made, strict=True):
        assert mx.abs(array - expected).max() <= 1e-4 * mx.abs(expected).max()
