"""Flow: speech tokens and a voice become a mel, by conditional flow matching (arXiv 2210.02747).

The token encoder gives the conditioning; the estimator is followed from noise to mel in a few Euler steps on a cosine
schedule, with classifier-free guidance. After the official code's cosyvoice2/flow/{flow,flow_matching}.py. Attribute
names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from engine.cpu_math import on_cpu
from engine.speaking import cuda_kernels
from engine.speaking.cuda_estimator import CudaEstimator, triples
from engine.speaking.dit import DiT, DiTConfig, Modulations
from engine.speaking.token_encoder import TokenEncoder, TokenEncoderConfig
from engine.speaking.traced import Traced

PRODUCTS = mx.float16  # of the estimator's matrix products on a CUDA device


@dataclass(frozen=True)
class FlowConfig:
    """flow.yaml: sizes of the flow and its parts."""

    input_size: int
    output_size: int
    spk_embed_dim: int
    vocab_size: int
    encoder: TokenEncoderConfig
    estimator: DiTConfig
    guidance: float = 0.7

    @classmethod
    def from_yaml(cls, values: dict[str, Any]) -> FlowConfig:
        """Build from flow.yaml's `flow` mapping. Raises KeyError or TypeError when a size is missing."""
        decoder = values["decoder"]
        return cls(
            input_size=values["input_size"],
            output_size=values["output_size"],
            spk_embed_dim=values["spk_embed_dim"],
            vocab_size=values["vocab_size"],
            encoder=TokenEncoderConfig.from_yaml(values["encoder"]),
            estimator=DiTConfig.from_yaml(decoder["estimator"]),
            guidance=float(decoder.get("inference_cfg_rate", 0.7)),
        )


class Decoder(nn.Module):
    """Holds the estimator under the checkpoint's name."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.estimator = DiT(config)


def schedule(steps: int) -> NDArray[np.float32]:
    """Flow times 0 … 1 of `steps` Euler steps (steps + 1,): 1 − cos(π s / 2), denser at the start."""
    return (1 - np.cos(np.linspace(0, 1, steps + 1, dtype=np.float32) * np.float32(0.5 * np.pi))).astype(np.float32)


def paces(steps: int, guidance: float) -> list[mx.array]:
    """For each Euler step its duration and the guidance (2,)."""
    return [mx.array([float(duration), guidance]) for duration in np.diff(schedule(steps))]


def of_block(modulations: mx.array, index: int) -> mx.array:
    """One block's share (N, 9, D) of modulations (N, depth, 9, D): by a slice, for taking by index costs a kernel."""
    N, _, kinds, size = modulations.shape
    return modulations[:, index : index + 1].reshape(N, kinds, size)


def guided_velocity(both: mx.array, rate: float | mx.array) -> mx.array:
    """Velocity (1, T, 80) of what the estimator made with and without conditions (2, T, 80), or with them alone."""
    return both if both.shape[0] == 1 else (1.0 + rate) * both[:1] - rate * both[1:]


class Flow(nn.Module):
    """Speech tokens to mel. Whole utterances here; the pieces of a stream in `flow_stream`."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.input_embedding = nn.Embedding(config.vocab_size, config.input_size)
        self.spk_embed_affine_layer = nn.Linear(config.spk_embed_dim, config.output_size)
        self.encoder = TokenEncoder(config.encoder)
        self.encoder_proj = nn.Linear(config.encoder.output_size, config.output_size)
        self.decoder = Decoder(config.estimator)
        self._config = config
        self._modulations: dict[int, Modulations] = {}
        self._step: Callable[..., mx.array] = self._euler_step
        self._traced: dict[Callable[..., Any], Traced] = {}
        self._cuda: CudaEstimator | None = None
        self._cuda_step: Callable[..., mx.array] | None = None
        self._triples: dict[int, list[list[mx.array]]] = {}
        self._fixed = False

    def fuse(self) -> None:
        """Prepare for inference with the weights as they now are; training needs the network as it was made."""
        self.estimator.fuse()
        self._fixed = True
        self._traced.clear()
        if cuda_kernels.available() and CudaEstimator.fits(self.estimator):
            self.use_cuda(PRODUCTS)
        elif not on_cpu():
            # One step is traced once for each length and then run ten times: a GPU gets its work faster than by Python.
            self._step = Traced(self._euler_step)

    def use_cuda(self, products: mx.Dtype) -> None:
        """Use the kernels for CUDA with the weights as they now are; the matrix products take this type."""
        estimator = CudaEstimator(self.estimator, products)
        self._cuda = estimator
        self._traced.clear()
        # What a stream keeps of a step is not made here, so that it needs no memory.
        self._cuda_step = Traced(lambda *given: estimator.step(*given)[0])

    @property
    def cuda(self) -> CudaEstimator | None:
        """The estimator for CUDA, when it is used."""
        return self._cuda

    def traced(self, function: Callable[..., Any]) -> Traced:
        """`function(flow, …)` compiled; once for all streams, when `fuse` has said that the weights stay."""
        if not self._fixed:
            return Traced(partial(function, self))
        if function not in self._traced:
            self._traced[function] = Traced(partial(function, self))
        return self._traced[function]

    @staticmethod
    def published(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Rename nothing; turn convolution weights from (out, in, k) to MLX's (out, k, in)."""
        turned = {}
        for name, value in weights.items():
            turned[name] = value.swapaxes(1, 2) if value.ndim == 3 else value
        return turned

    @property
    def config(self) -> FlowConfig:
        return self._config

    @property
    def estimator(self) -> DiT:
        return self.decoder.estimator

    def speaker(self, embedding: mx.array) -> mx.array:
        """Speaker embedding (…, 192) to the estimator's (…, 80): normalised to length one and projected."""
        length = mx.sqrt(mx.sum(mx.square(embedding), axis=-1, keepdims=True))
        return self.spk_embed_affine_layer(embedding / mx.maximum(length, 1e-12))

    def conditioning(self, tokens: mx.array, mask: mx.array | None = None) -> mx.array:
        """Speech tokens (B, T), mask (B, T) or None, to mu (B, 2 T, 80)."""
        return self.encoder_proj(self.encoder(self.input_embedding(tokens), mask))

    def modulations(self, steps: int) -> Modulations:
        """The estimator's modulations at the times of `steps` Euler steps, kept once `fuse` was called."""
        if steps in self._modulations:
            return self._modulations[steps]
        found = self.estimator.modulations(mx.array(schedule(steps)[:-1]))
        if self._fixed:
            mx.eval(found.blocks, found.final)
            self._modulations[steps] = found
        return found

    def triples(self, steps: int) -> list[list[mx.array]]:
        """The same for the CUDA estimator: for each step its `triples`."""
        if steps not in self._triples:
            found = self.modulations(steps)
            self._triples[steps] = [triples(found, index) for index in range(steps)]
        return self._triples[steps]

    def __call__(
        self,
        tokens: mx.array,
        voice_tokens: mx.array,
        voice_mel: mx.array,
        embedding: mx.array,
        noise: mx.array,
        *,
        steps: int = 10,
        guidance: float | None = None,
    ) -> mx.array:
        """Whole synthesis: tokens (T,), voice_tokens (P,), voice_mel (2 P, 80), embedding (192,), noise (N, 80).

        `noise` has at least 2 (P + T) frames. Returns the mel of the tokens (2 T, 80).
        `guidance` None takes the checkpoint's rate.
        """
        mu = self.conditioning(mx.concatenate([voice_tokens, tokens])[None])[0]
        cond = mx.pad(voice_mel, [(0, mu.shape[0] - voice_mel.shape[0]), (0, 0)])
        rate = self._rate(guidance)
        conditions = self.estimator.conditions(mu, self.speaker(embedding), cond, self.guided(rate))
        mel = self.solve(noise[: mu.shape[0]], conditions, steps, rate)
        return mel[voice_mel.shape[0] :]

    def _rate(self, guidance: float | None) -> float:
        return self._config.guidance if guidance is None else guidance

    def guided(self, rate: float) -> bool:
        """Whether the velocity without conditions is needed: the kernels for CUDA always make it."""
        return rate != 0 or self._cuda is not None

    def solve(self, x: mx.array, conditions: mx.array, steps: int, guidance: float) -> mx.array:
        """Follow the flow from noise x (T, 80) to the mel (T, 80) under `conditions` (2 or 1, T, D)."""
        if self._cuda_step is not None:
            for numbers, pace in zip(self.triples(steps), paces(steps, guidance), strict=True):
                x = self._cuda_step(x, conditions, numbers, pace)
                mx.async_eval(x)
            return x
        modulations, times = self.modulations(steps), schedule(steps)
        for index in range(steps):
            duration = mx.array(times[index + 1] - times[index])
            x = self._step(
                x,
                conditions,
                modulations.blocks[index : index + 1],
                modulations.final[index : index + 1],
                duration,
                guidance,
            )
            mx.async_eval(x)
        return x

    def _euler_step(
        self, x: mx.array, conditions: mx.array, blocks: mx.array, final: mx.array, duration: mx.array, guidance: float
    ) -> mx.array:
        """One Euler step: x (T, 80), conditions (2 or 1, T, D), modulations (1, depth, 9, D) and (1, 2, D)."""
        hidden = self.estimator.enter(x, conditions)
        for index, block in enumerate(self.estimator.blocks):
            hidden, _, _ = block(hidden, of_block(blocks, index), None)
        both = self.estimator.final_layer(hidden, final)
        return x + duration * guided_velocity(both, guidance).reshape(x.shape)
