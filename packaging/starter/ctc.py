"""Connectionist temporal classification (Graves et al. 2006) for MLX: how well frames spell a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

BLANK = 0
LETTERS = " abcdefghijklmnopqrstuvwxyz'"
_NEVER = -1e9


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


def ctc_loss(logits: mx.array, lengths: mx.array, labels: mx.array, label_lengths: mx.array) -> mx.array:
    """Negative log likelihood (B,) of labels (B, L) under frames' logits (B, T, V); lengths of both are (B,).

    Forward and backward passes run as one recursion over twice the batch; the gradient comes from the posterior of
    the alignment, so nothing is differentiated through the recursion. A label that cannot fit gives a loss near 1e9:
    keep it out of the batch (`fits`).
    """
    scores = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    B, T, _ = scores.shape
    states = mx.zeros((B, 2 * labels.shape[1] + 1), dtype=mx.int32)
    states[:, 1::2] = labels
    emitted = mx.take_along_axis(scores, mx.broadcast_to(states[:, None], (B, T, states.shape[1])), axis=2)
    forward, backward = _passes(mx.stop_gradient(emitted), states, lengths, label_lengths)
    total = mx.logsumexp(forward[:, 0] + backward[:, 0] - emitted[:, 0], axis=-1)
    inside = mx.arange(T)[None, :, None] < lengths[:, None, None]
    posterior = mx.exp(mx.minimum(forward + backward - mx.stop_gradient(emitted) - total[:, None, None], 0.0))
    posterior = mx.stop_gradient(mx.where(inside, posterior, 0.0))
    surrogate = -(posterior * emitted).sum(axis=(1, 2))
    return surrogate + mx.stop_gradient(-total - surrogate)


def fits(frames: int, label: list[int]) -> bool:
    """Whether so many frames can spell the label (repeated letters need a blank between them)."""
    repeats = sum(a == b for a, b in pairwise(label))
    return len(label) + repeats <= frames


def greedy_text(logits: mx.array, length: int) -> str:
    """The best path of frames' logits (T, V) as text."""
    best = np.array(mx.argmax(logits[:length], axis=-1))
    kept = [int(best[i]) for i in range(len(best)) if best[i] != BLANK and (i == 0 or best[i] != best[i - 1])]
    return "".join(LETTERS[i - 1] for i in kept)


def edits(a: str, b: str) -> int:
    """Least number of insertions, deletions and substitutions from a to b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


def _passes(
    emitted: mx.array, states: mx.array, lengths: mx.array, label_lengths: mx.array
) -> tuple[mx.array, mx.array]:
    B, T, S = emitted.shape
    state_counts = 2 * label_lengths + 1
    back_time = mx.maximum(lengths[:, None] - 1 - mx.arange(T)[None], 0)
    back_state = mx.maximum(state_counts[:, None] - 1 - mx.arange(S)[None], 0)
    mirrored = mx.take_along_axis(emitted, mx.broadcast_to(back_time[:, :, None], emitted.shape), axis=1)
    mirrored = mx.take_along_axis(mirrored, mx.broadcast_to(back_state[:, None], emitted.shape), axis=2)
    both_states = mx.concatenate([states, mx.take_along_axis(states, back_state, axis=1)])
    alive = mx.arange(S)[None] < mx.concatenate([state_counts, state_counts])[:, None]
    both = _recursion(mx.concatenate([emitted, mirrored]), both_states, alive)
    back = mx.take_along_axis(both[B:], mx.broadcast_to(back_time[:, :, None], emitted.shape), axis=1)
    back = mx.take_along_axis(back, mx.broadcast_to(back_state[:, None], emitted.shape), axis=2)
    back = mx.where((mx.arange(S)[None] < state_counts[:, None])[:, None], back, _NEVER)
    return both[:B], back


def _recursion(emitted: mx.array, states: mx.array, alive: mx.array) -> mx.array:
    jump = mx.concatenate([mx.zeros((states.shape[0], 2), dtype=mx.bool_), (states[:, 2:] != states[:, :-2])], axis=1)
    may_jump = mx.where(jump & (states != BLANK), 0.0, _NEVER)
    closed = mx.where(alive, 0.0, _NEVER)
    if kernel_works():
        return _by_kernel(emitted, may_jump, closed)
    return _by_loop(emitted, may_jump, closed)


def _by_loop(emitted: mx.array, may_jump: mx.array, closed: mx.array) -> mx.array:
    S = emitted.shape[2]
    first = mx.where(mx.arange(S)[None] < 2, emitted[:, 0], _NEVER) + closed
    rows = [first]
    for t in range(1, emitted.shape[1]):
        rows.append(_step(rows[-1], emitted[:, t], may_jump, closed))
    return mx.stack(rows, axis=1)


@mx.compile
def _step(row: mx.array, emitted: mx.array, may_jump: mx.array, closed: mx.array) -> mx.array:
    wide = mx.pad(row, [(0, 0), (2, 0)], constant_values=_NEVER)
    stay, step, leap = row, wide[:, 1:-1], wide[:, :-2] + may_jump
    top = mx.maximum(mx.maximum(stay, step), leap)
    total = top + mx.log(mx.exp(stay - top) + mx.exp(step - top) + mx.exp(leap - top))
    return mx.maximum(total + emitted + closed, _NEVER)


# One block of threads a row of the batch and one thread a state walk through time together: a loop of MLX operations
# needs several launches for every frame instead.
_KERNEL = r"""
  __shared__ float rows[2][S + 2];
  const int s = threadIdx.x;
  const bool mine = s < S;
  const size_t base = size_t(blockIdx.x) * T * S;
  const float jump = mine ? may_jump[size_t(blockIdx.x) * S + s] : 0.0f;
  const float shut = mine ? closed[size_t(blockIdx.x) * S + s] : 0.0f;
  const float never = -1e9f;
  if (s < 2) rows[0][s] = rows[1][s] = never;
  float row = never;
  if (mine) {
    row = (s < 2 ? emitted[base + s] : never) + shut;
    out[base + s] = rows[0][s + 2] = row;
  }
  __syncthreads();
  for (int t = 1; t < T; ++t) {
    if (mine) {
      const float* old = rows[(t - 1) & 1];
      const float step = old[s + 1], leap = old[s] + jump;
      const float top = fmaxf(fmaxf(row, step), leap);
      const float total = top + logf(expf(row - top) + expf(step - top) + expf(leap - top));
      row = fmaxf(total + emitted[base + size_t(t) * S + s] + shut, never);
      out[base + size_t(t) * S + s] = rows[t & 1][s + 2] = row;
    }
    __syncthreads();
  }
"""


def _by_kernel(emitted: mx.array, may_jump: mx.array, closed: mx.array) -> mx.array:
    B, T, S = emitted.shape
    threads = -(-S // 32) * 32
    (made,) = _kernel()(
        inputs=[emitted, may_jump, closed],
        template=[("T", T), ("S", S)],
        grid=(B * threads, 1, 1),
        threadgroup=(threads, 1, 1),
        output_shapes=[emitted.shape],
        output_dtypes=[mx.float32],
    )
    return made


@cache
def _kernel() -> Any:
    names = ["emitted", "may_jump", "closed"]
    return mx.fast.cuda_kernel(name="ctc_states", input_names=names, output_names=["out"], source=_KERNEL)


@cache
def kernel_works() -> bool:
    """Whether the recursion can run as one CUDA kernel here and gives what the loop gives."""
    if mx.default_device().type != mx.DeviceType.gpu or not mx.cuda.is_available():
        return False
    key = mx.random.key(3)
    emitted = mx.random.normal((3, 7, 9), key=key) - 3
    may_jump = mx.where(mx.arange(9) % 2 == 1, 0.0, _NEVER)[None] * mx.ones((3, 1))
    closed = mx.where(mx.arange(9) < mx.array([[9], [7], [5]]), 0.0, _NEVER)
    try:
        made = _by_kernel(emitted, may_jump, closed)
        same = mx.abs(mx.maximum(made, -1e8) - mx.maximum(_by_loop(emitted, may_jump, closed), -1e8)).max()
        works = bool(same.item() < 1e-3)
    except (RuntimeError, ValueError) as error:
        print(f"the CTC kernel: {error}")
        works = False
    print(f"CTC in one kernel: {works}", flush=True)
    return works
