"""The flow in pieces: speech tokens arrive, mel leaves, and memory stays constant.

Every Euler step has caches of its own: keys and values of earlier frames for each block's attention and the newest
frames for each convolution. As in the official code new frames go in front of the cached ones, and what is kept is as
many of the newest frames as the voice has, plus the last hundred of the voice itself; from then on every piece starts
from the same slice of noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.cpu_math import on_cpu
from engine.speaking.cuda_kernels import VOICE_TAIL_FRAMES
from engine.speaking.flow import Flow, guided_velocity, of_block, paces
from engine.speaking.noise import Noise
from engine.speaking.token_encoder import TokenEncoderCache

_LONGEST_CONTEXT_TOKENS = 750

Past = list[tuple[mx.array, mx.array]]


@dataclass(frozen=True)
class _StepCache:
    """One Euler step's memory: for each block keys and values (2 or 1, H, K, d), and the inputs of its convolutions.

    They are trimmed when the next piece reads them, so that a piece copies them once.
    """

    keys: list[mx.array]
    values: list[mx.array]
    pasts: Past

    def parts(self) -> _Parts:
        return self.keys, self.values, self.pasts

    def arrays(self) -> list[mx.array]:
        return [*self.keys, *self.values, *(array for pair in self.pasts for array in pair)]


def _kept(array: mx.array, voice_frames: int) -> list[mx.array]:
    """What the next piece attends to of keys or values (2, H, K, d): the newest frames and the end of the voice."""
    if array.shape[2] <= voice_frames + VOICE_TAIL_FRAMES:
        return [array]
    return [array[:, :, :voice_frames], array[:, :, -VOICE_TAIL_FRAMES:]]


@dataclass(frozen=True)
class FlowState:
    """Where a stream of the flow stands. Values are never changed, so a voice's first state serves every stream."""

    speaker: mx.array  # (80,)
    voice_frames: int
    encoder: TokenEncoderCache
    steps: tuple[_StepCache, ...]

    @property
    def frames(self) -> int:
        """Frames the next piece attends to; also where its noise begins."""
        return min(int(self.steps[0].keys[0].shape[2]), self.voice_frames + VOICE_TAIL_FRAMES)

    def arrays(self) -> list[mx.array]:
        """All arrays, to evaluate them."""
        return [self.speaker, *self.encoder.arrays(), *(array for step in self.steps for array in step.arrays())]


class FlowStream:
    """Makes the pieces of streams for one flow, one number of steps and one guidance."""

    def __init__(self, flow: Flow, noise: Noise, *, steps: int = 10, guidance: float | None = None) -> None:
        self._flow = flow
        self._noise = noise
        self._guidance = flow.config.guidance if guidance is None else guidance
        self._guided = flow.guided(self._guidance)
        self._paces = paces(steps, self._guidance)
        self._modulations = flow.modulations(steps)
        self._steps = steps
        # The streams of a flow share what was traced: to trace a step again costs as much as a short piece.
        self._cuda = flow.traced(_cuda_step) if flow.cuda else None
        self._euler = partial(_euler_step, flow) if on_cpu() else flow.traced(_euler_step)

    def begin(self, tokens: mx.array, mel: mx.array, embedding: mx.array) -> FlowState:
        """Take in a voice: tokens (P,), mel (2 P, 80), embedding (192,). Its own first tokens serve as look-ahead."""
        flow = self._flow
        ahead = flow.encoder.look_ahead
        window = mx.concatenate([tokens, mx.take(tokens, mx.arange(ahead) % tokens.shape[0])])
        speaker = flow.speaker(embedding)
        encoded, encoder = flow.encoder.step(flow.input_embedding(window[None]), None, last=False)
        conditions = flow.estimator.conditions(flow.encoder_proj(encoded)[0], speaker, mel, self._guided)
        _, steps = self._solve(self._noise.rows(0, mel.shape[0]), conditions, None, mel.shape[0])
        encoder.trim(_LONGEST_CONTEXT_TOKENS)
        state = FlowState(speaker, mel.shape[0], encoder, steps)
        mx.eval(state.arrays())
        return state

    def step(self, state: FlowState, window: NDArray[np.int32], last: bool) -> tuple[mx.array, FlowState]:
        """The next piece: a window (T,) of new tokens and their look-ahead (none with `last`); mel (2 T', 80)."""
        flow = self._flow
        encoded, encoder = flow.encoder.step(flow.input_embedding(mx.array(window)[None]), state.encoder, last)
        conditions = flow.estimator.conditions(flow.encoder_proj(encoded)[0], state.speaker, None, self._guided)
        noise = self._noise.rows(state.frames, conditions.shape[1])
        mel, steps = self._solve(noise, conditions, state.steps, state.voice_frames)
        encoder.trim(_LONGEST_CONTEXT_TOKENS)
        state = replace(state, encoder=encoder, steps=steps)
        mx.async_eval(mel, *state.arrays())
        return mel, state

    def _solve(
        self, x: mx.array, conditions: mx.array, caches: tuple[_StepCache, ...] | None, voice_frames: int
    ) -> tuple[mx.array, tuple[_StepCache, ...]]:
        made = []
        if self._cuda is not None:
            numbers = self._flow.triples(self._steps)
            for index, pace in enumerate(self._paces):
                earlier = caches[index].parts() if caches else None
                x, parts = self._cuda(x, conditions, numbers[index], pace, earlier, voice_frames)
                made.append(_StepCache(*parts))
                mx.async_eval(x)
            return x, tuple(made)
        for index, pace in enumerate(self._paces):
            cache = caches[index] if caches else None
            x, parts = self._euler(
                x,
                conditions,
                self._modulations.blocks[index : index + 1],
                self._modulations.final[index : index + 1],
                pace,
                cache.parts() if cache else None,
                voice_frames,
            )
            made.append(_StepCache(*parts))
        return x, tuple(made)


def _cuda_step(flow: Flow, *given: Any) -> tuple[mx.array, _Parts]:
    """One step for one piece, by the kernels for CUDA."""
    assert flow.cuda is not None
    return flow.cuda.step(*given)


def _euler_step(
    flow: Flow,
    x: mx.array,
    conditions: mx.array,
    blocks: mx.array,
    final: mx.array,
    pace: mx.array,
    cache: _Parts | None,
    voice_frames: int,
) -> tuple[mx.array, _Parts]:
    """One step for one piece: x (T, 80), conditions (2 or 1, T, D), a step's modulations and its pace."""
    estimator = flow.estimator
    hidden = estimator.enter(x, conditions)
    keys, values, pasts = [], [], []
    for index, block in enumerate(estimator.blocks):
        past = None
        earlier: tuple[list[mx.array], list[mx.array]] = ([], [])
        if cache is not None:
            earlier = _kept(cache[0][index], voice_frames), _kept(cache[1][index], voice_frames)
            past = cache[2][index]
        hidden, (key, value), past = block(hidden, of_block(blocks, index), None, *earlier, past)
        keys.append(key)
        values.append(value)
        pasts.append(past)
    both = estimator.final_layer(hidden, final)
    return x + pace[0] * guided_velocity(both, pace[1]).reshape(x.shape), (keys, values, pasts)


_Parts = tuple[list[mx.array], list[mx.array], Past]
