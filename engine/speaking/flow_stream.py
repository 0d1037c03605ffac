"""The flow in pieces: speech tokens arrive, mel leaves, and memory stays constant.

Every Euler step has caches of its own (`euler`), which grow to a limit; from then on every piece starts from the same
slice of noise. Where the steps are traced, all caches have their full length from the start, and the last piece, which
may be of any length, is padded to a size that was traced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.speaking.euler import VOICE_TAIL_FRAMES, Parts, Past, paces, pad_voice, padded_frames, seen_places
from engine.speaking.flow import REMEMBERED_TOKENS, Flow
from engine.speaking.noise import Noise
from engine.speaking.token_encoder import TokenEncoderCache


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

    def padded(self) -> _StepCache:
        """That of a voice, with room for the frames to come."""
        return _StepCache(
            [pad_voice(key) for key in self.keys], [pad_voice(value) for value in self.values], self.pasts
        )

    def arrays(self) -> list[mx.array]:
        return [*self.keys, *self.values, *(array for pair in self.pasts for array in pair)]


@dataclass(frozen=True)
class FlowState:
    """Where a stream of the flow stands. Values are never changed, so a voice's first state serves every stream."""

    speaker: mx.array  # (80,)
    voice_frames: int
    encoder: TokenEncoderCache
    steps: tuple[_StepCache, ...]
    made: int = 0  # frames of speech so far

    @property
    def frames(self) -> int:
        """Frames the next piece attends to; also where its noise begins."""
        return self.voice_frames + min(self.made, VOICE_TAIL_FRAMES)

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
        flow, frames = self._flow, mel.shape[0]
        ahead = flow.encoder.look_ahead
        window = mx.concatenate([tokens, mx.take(tokens, mx.arange(ahead) % tokens.shape[0])])
        speaker = flow.speaker(embedding)
        encoded, encoder = flow.encoder.step(flow.input_embedding(window[None]), None, last=False)
        conditions = flow.estimator.conditions(flow.encoder_proj(encoded)[0], speaker, mel, self._guided)
        # Voices are of any length, so nothing is traced for one.
        take = flow.steps.piece.once
        _, steps = self._solve(take, self._noise.rows(0, frames), conditions, None, frames, None)
        encoder.trim(REMEMBERED_TOKENS)
        if self._pads(frames):
            encoder.pad(REMEMBERED_TOKENS)
            steps = tuple(step.padded() for step in steps)
        state = FlowState(speaker, frames, encoder, steps)
        mx.eval(state.arrays())
        return state

    def step(
        self, state: FlowState, window: NDArray[np.int32], last: bool, size: int = 0
    ) -> tuple[mx.array, FlowState]:
        """The next piece: a window (T,) of new tokens and their look-ahead (none with `last`); mel (2 T', 80).

        `size` are the tokens to which the last piece may be padded, 0 for none. After the last piece comes nothing.
        """
        flow = self._flow
        frames = flow.encoder.up_rate * (len(window) - (0 if last else flow.encoder.look_ahead))
        once = last and not (size and self._pads(state.voice_frames))  # only the last piece may be of any length
        conditions, encoder, seen = self._conditions(state, window, last, size, once)
        noise = self._noise.rows(state.frames, conditions.shape[1])
        take = flow.steps.piece.once if once else flow.steps.piece
        newest = padded_frames(state.voice_frames) if self._pads(state.voice_frames) else state.voice_frames
        mel, steps = self._solve(take, noise, conditions, state.steps, newest, seen)
        mel = mel[:frames]
        state = replace(state, encoder=encoder, steps=steps, made=state.made + frames)
        mx.async_eval(mel, *([] if last else state.arrays()))
        return mel, state

    def _pads(self, voice_frames: int) -> bool:
        """Whether caches after such a voice are padded. One of less than two seconds is kept in another way."""
        return self._flow.steps.padded and voice_frames >= VOICE_TAIL_FRAMES

    def _conditions(
        self, state: FlowState, window: NDArray[np.int32], last: bool, size: int, once: bool
    ) -> tuple[mx.array, TokenEncoderCache, mx.array | None]:
        """Conditions of the next piece, what the encoder keeps, and which frames may be seen."""
        flow = self._flow
        if not self._pads(state.voice_frames):
            encoded, encoder = flow.encoder.step(flow.input_embedding(mx.array(window)[None]), state.encoder, last)
            encoder.trim(REMEMBERED_TOKENS)
            made = flow.encoder_proj(encoded)[0]
            return flow.estimator.conditions(made, state.speaker, None, self._guided), encoder, None
        rate, ahead = flow.encoder.up_rate, flow.encoder.look_ahead
        tokens = len(window) if last else len(window) - ahead
        size = size or tokens
        known = min((state.voice_frames + state.made) // rate, REMEMBERED_TOKENS)
        padded = np.zeros((1, size + ahead), np.int32)
        padded[0, : len(window)] = window
        present, new = np.arange(size + ahead) < len(window), np.arange(size) < tokens
        seen_tokens = np.concatenate([np.arange(REMEMBERED_TOKENS) >= REMEMBERED_TOKENS - known, new])
        seen_frames = np.concatenate([np.repeat(new, rate), seen_places(state.voice_frames, state.made)])
        make = flow.piece_conditions.once if once else flow.piece_conditions
        conditions, kept = make(
            *(mx.array(each) for each in (padded, present, seen_tokens)),
            state.speaker,
            self._guided,
            state.encoder.parts(),
        )
        return conditions, TokenEncoderCache(*kept), mx.array(seen_frames)

    def _solve(
        self,
        take: Callable[..., tuple[mx.array, Parts]],
        x: mx.array,
        conditions: mx.array,
        caches: tuple[_StepCache, ...] | None,
        newest: int,
        seen: mx.array | None,
    ) -> tuple[mx.array, tuple[_StepCache, ...]]:
        made, trim = [], self._flow.steps.trim
        for index, (time, pace) in enumerate(zip(self._times, self._paces, strict=True)):
            kept = trim(caches[index].parts(), newest) if caches else None
            x, parts = take(x, conditions, time, pace, kept, seen)
            made.append(_StepCache(*parts))
            mx.async_eval(x)  # the device works while the next step is prepared
        return x, tuple(made)
