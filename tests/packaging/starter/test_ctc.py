"""Letters that frames spell."""

from __future__ import annotations

import mlx.core as mx
import numpy as np

from starter.training.ctc import fits, greedy_text, spelled


def test_repeated_letters_need_a_frame_between_them() -> None:
    assert fits(3, [5, 5])
    assert not fits(2, [5, 5])


def test_a_best_path_reads_as_text() -> None:
    ids = spelled("Hello, it's")
    frames = [frame for number in ids for frame in (number, number, 0)]
    logits = mx.array(np.eye(29, dtype=np.float32)[frames])
    assert greedy_text(logits, len(frames)) == "hello it's"
