"""The flow in pieces: speech tokens arrive, mel leaves, and memory stays constant.

Every Euler step has caches of its own (`euler`), which grow to a limit; from then on every piece starts from the same
slice of noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.speaking.euler import VOICE_TAIL_FRAMES, Parts, Past, paces
from engine.speaking.flow import Flow
from engine.speaking.noise import Noise
from engine.speaking.token_encoder import TokenEncoderCache

_LONGEST_CONTEXT_TOKENS = 750


@dataclass(frozen=True)
class _StepCache:
    """One Euler step's memory: for each block keys and values (2 or 1, H, K, d), and the inputs of its convolutions.

    They are trimmed when the next piece reads them, so that a piece copies them once.
    """

    keys: list[mx.array]
    values: list[mx.array]
    pasts: Past

    def parts(self) -> Parts:
        return self.keys, self.values, self.pasts

    def arrays(self) -> list[mx.array]:
        return [*self.keys, *self.values, *(array for pair in self.pasts for array in pair)]


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
        self._times = flow.times(steps)

    def begin(self, tokens: mx.array, mel: mx.array, embedding: mx.array) -> FlowState:
        """Take in a voice: tokens (P,), mel (2 P, 80), embedding (192,). Its own first tokens serve as look-ahead."""
        flow = self._flow
        ahead = flow.encoder.look_ahead
        window = mx.concatenate([tokens, mx.take(tokens, mx.arange(ahead) % tokens.shape[0])])
        speaker = flow.speaker(embedding)
        encoded, encoder = flow.encoder.step(flow.input_embedding(window[None]), None, last=False)
        conditions = flow.estimator.conditions(flow.encoder_proj(encoded)[0], speaker, mel, self._guided)
        # Voices are of any length, so nothing is traced for one.
        take = flow.steps.piece.once
        _, steps = self._solve(take, self._noise.rows(0, mel.shape[0]), conditions, None, mel.shape[0])
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
        take = flow.steps.piece.once if last else flow.steps.piece  # only the last piece may be of any length
        mel, steps = self._solve(take, noise, conditions, state.steps, state.voice_frames)
        encoder.trim(_LONGEST_CONTEXT_TOKENS)
        state = replace(state, encoder=encoder, steps=steps)
        mx.async_eval(mel, *state.arrays())
        return mel, state

    def _solve(
        self,
        take: Callable[..., tuple[mx.array, Parts]],
        x: mx.array,
        conditions: mx.array,
        caches: tuple[_StepCache, ...] | None,
        voice_frames: int,
    ) -> tuple[mx.array, tuple[_StepCache, ...]]:
        made, trim = [], self._flow.steps.trim
        for index, (time, pace) in enumerate(zip(self._times, self._paces, strict=True)):
            kept = trim(caches[index].parts(), voice_frames) if caches else None
            x, parts = take(x, conditions, time, pace, kept, voice_frames)
            made.append(_StepCache(*parts))
            mx.async_eval(x)  # the device works while the next step is put together
        return x, tuple(made)
