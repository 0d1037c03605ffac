"""The spelling loss against every alignment written out."""

from __future__ import annotations

from itertools import product

import mlx.core as mx
import numpy as np
import pytest
from ctc import ctc_loss, fits, greedy_text, padded, spelled


def _collapsed(path: tuple[int, ...]) -> list[int]:
    return [p for i, p in enumerate(path) if p != 0 and (i == 0 or p != path[i - 1])]


def _by_enumeration(logits: np.ndarray, label: list[int]) -> float:
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    paths = product(range(logits.shape[1]), repeat=len(logits))
    likely = [np.exp(sum(scores[t, p] for t, p in enumerate(path))) for path in paths if _collapsed(path) == label]
    return float(-np.log(sum(likely)))


@pytest.mark.parametrize(("label", "frames"), [([1], 3), ([1, 2], 4), ([2, 2], 5), ([1, 2, 1], 5)])
def test_the_loss_is_the_sum_over_all_alignments(label: list[int], frames: int) -> None:
    logits = np.random.default_rng(frames).normal(size=(frames, 3)).astype(np.float32)
    wide = np.concatenate([logits, np.ones((2, 3), np.float32)])  # two frames of padding
    table, lengths = padded([label], length=4)
    loss = ctc_loss(mx.array(wide)[None], mx.array([frames]), mx.array(table), mx.array(lengths))
    assert loss.item() == pytest.approx(_by_enumeration(logits, label), rel=1e-4)


def test_the_gradient_is_that_of_the_loss() -> None:
    logits = mx.array(np.random.default_rng(0).normal(size=(1, 6, 4)).astype(np.float32))
    table, lengths = padded([[1, 3, 3]])

    def loss(x: mx.array) -> mx.array:
        return ctc_loss(x, mx.array([6]), mx.array(table), mx.array(lengths)).sum()

    gradient = mx.grad(loss)(logits)
    for place in ((0, 0, 1), (0, 3, 0), (0, 5, 3)):
        step = np.zeros(logits.shape, np.float32)
        step[place] = 1e-2
        slope = (loss(logits + mx.array(step)) - loss(logits - mx.array(step))).item() / 2e-2
        assert gradient[place].item() == pytest.approx(slope, abs=2e-3)


def test_repeated_letters_need_a_frame_between_them() -> None:
    assert fits(3, [5, 5])
    assert not fits(2, [5, 5])


def test_a_best_path_reads_as_text() -> None:
    ids = spelled("Hello, it's")
    frames = [frame for number in ids for frame in (number, number, 0)]
    logits = mx.array(np.eye(29, dtype=np.float32)[frames])
    assert greedy_text(logits, len(frames)) == "hello it's"
