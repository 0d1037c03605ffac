"""Euler steps of the flow: how the estimator is followed from noise to mel, whole or in pieces that remember.

Every step has caches of its own: keys and values of earlier frames for each block's attention and the newest frames for
each convolution. As in the official code new frames go in front of the cached ones, and what is kept is as many of the
newest frames as the voice has, plus the last hundred of the voice itself. Where steps are traced, the cache has its
full length from the start, the same for many voices, with places in it that nobody attends to (`pad_voice`): a size of
piece is one shape then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.speaking.dit import DiT, Modulations
from engine.traced import AsIs, Repeated

VOICE_TAIL_FRAMES = 100  # of the voice's frames that a stream keeps for good
_ROOM_STEP = 256  # frames by which padded caches of voices differ

Past = list[tuple[mx.array, mx.array]]
# What one step keeps of a piece, by block: keys and values (2 or 1, H, K, d), and the inputs of both convolutions.
Parts = tuple[list[mx.array], list[mx.array], Past]
# What of it the next piece attends to, keys and values in one part or in two.
Kept = tuple[list[list[mx.array]], list[list[mx.array]], Past]
Time = list[mx.array]


@dataclass(frozen=True)
class EulerSteps:
    """How the steps of one flow are taken; a back-end may bring its own.

    `whole(x, conditions, time, pace)` moves x (T, 80) on under conditions (2 or 1, T, D); `pace` (2,) is the step's
    duration and the guidance, `time` what `times(modulations, index)` made of the step's flow time.
    `piece(x, conditions, time, pace, kept, seen)` does the same for a piece of a stream, after what the same step kept
    of earlier pieces, trimmed by `trim(parts, newest)` (None for the first), and gives x and what it keeps;
    `seen` (K,) says to which of the frames, new ones and then kept ones, may be attended, None: to all.
    """

    whole: Repeated
    piece: Repeated
    times: Callable[[Modulations, int], Time]
    trim: Callable[[Parts, int], Any]
    always_guided: bool = False  # whether the conditions must always be (2, T, D)
    long_pieces: bool = False  # whether a piece of two hundred tokens takes little longer than one of ten
    padded: bool = False  # whether what is kept, and a last piece, are padded, so that each size of piece is one shape


def schedule(steps: int) -> NDArray[np.float32]:
    """Flow times 0 … 1 of `steps` Euler steps (steps + 1,): 1 − cos(π s / 2), denser at the start."""
    return (1 - np.cos(np.linspace(0, 1, steps + 1, dtype=np.float32) * np.float32(0.5 * np.pi))).astype(np.float32)


def paces(steps: int, guidance: float) -> list[mx.array]:
    """For each Euler step its duration and the guidance (2,)."""
    return [mx.array([float(duration), guidance]) for duration in np.diff(schedule(steps))]


def plain_steps(estimator: DiT) -> EulerSteps:
    """Steps by the estimator as it is."""
    return EulerSteps(AsIs(partial(step_whole, estimator)), AsIs(partial(step_piece, estimator)), time_of, trim)


def time_of(modulations: Modulations, index: int) -> Time:
    """Modulations (1, depth, 9, D) and (1, 2, D) at one of their times."""
    return [modulations.blocks[index : index + 1], modulations.final[index : index + 1]]


def step_whole(estimator: DiT, x: mx.array, conditions: mx.array, time: Time, pace: mx.array) -> mx.array:
    """See `EulerSteps.whole`. What a stream would keep is not made here, so that it needs no memory."""
    return step_piece(estimator, x, conditions, time, pace)[0]


def step_piece(
    estimator: DiT,
    x: mx.array,
    conditions: mx.array,
    time: Time,
    pace: mx.array,
    kept: Kept | None = None,
    seen: mx.array | None = None,
) -> tuple[mx.array, Parts]:
    """See `EulerSteps.piece`."""
    hidden = estimator.enter(x, conditions)
    mask = None if seen is None else seen[None, None, None]
    keys, values, pasts = [], [], []
    for index, block in enumerate(estimator.blocks):
        old = ([], [], None) if kept is None else (kept[0][index], kept[1][index], kept[2][index])
        hidden, (key, value), past = block(hidden, _of_block(time[0], index), mask, *old)
        keys.append(key)
        values.append(value)
        pasts.append(past)
    return moved(x, estimator.final_layer(hidden, time[1]), pace), (keys, values, pasts)


def moved(x: mx.array, both: mx.array, pace: mx.array) -> mx.array:
    """x (T, 80) one Euler step on, by the velocities (2 or 1, T, 80) that the estimator gave."""
    return x + pace[0] * _guided_velocity(both, pace[1]).reshape(x.shape)


def padded_frames(voice_frames: int) -> int:
    """Places for the newest frames in the padded cache of a voice: as many as it has, or some more."""
    return -(-voice_frames // _ROOM_STEP) * _ROOM_STEP


def pad_voice(array: mx.array) -> mx.array:
    """A voice's keys or values (N, H, T, d), two seconds or more, as (N, H, padded_frames(T) + 100, d).

    That is what `trim` keeps of it and of all pieces after it; places of frames to come stand empty before its end.
    """
    N, H, frames, d = array.shape
    head = frames - VOICE_TAIL_FRAMES
    empty = mx.zeros((N, H, padded_frames(frames) - head, d), array.dtype)
    return mx.concatenate([array[:, :, :head], empty, array[:, :, head:]], axis=2)


def seen_places(voice_frames: int, made: int) -> NDArray[np.bool_]:
    """Which places (padded_frames + 100,) of what `pad_voice` made are attended to after so many frames of speech."""
    places = padded_frames(voice_frames)
    place, newest = np.arange(places + VOICE_TAIL_FRAMES), made + voice_frames - VOICE_TAIL_FRAMES
    return (place < min(newest, voice_frames)) | (place >= places)


def trim(parts: Parts, newest: int) -> Kept:
    """What the next piece attends to: so many of the newest frames and the end of the voice.

    Of few different lengths, so that few are traced; in parts, so that a piece copies them once.
    """
    keys, values, past = parts
    return [_kept(key, newest) for key in keys], [_kept(value, newest) for value in values], past


def _kept(array: mx.array, newest: int) -> list[mx.array]:
    if array.shape[2] < newest + VOICE_TAIL_FRAMES:
        return [array]
    return [array[:, :, :newest], array[:, :, -VOICE_TAIL_FRAMES:]]


def _of_block(modulations: mx.array, index: int) -> mx.array:
    """One block's share (N, 9, D) of modulations (N, depth, 9, D): by a slice, for taking by index costs a kernel."""
    N, _, kinds, size = modulations.shape
    return modulations[:, index : index + 1].reshape(N, kinds, size)


def _guided_velocity(both: mx.array, rate: mx.array) -> mx.array:
    """Velocity (1, T, 80) of what the estimator made with and without conditions (2, T, 80), or with them alone."""
    return both if both.shape[0] == 1 else (1.0 + rate) * both[:1] - rate * both[1:]
