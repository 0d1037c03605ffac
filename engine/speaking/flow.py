"""Flow: speech tokens and a voice become a mel, by conditional flow matching (arXiv 2210.02747).

The token encoder gives the conditioning; the estimator is followed from noise to mel in a few Euler steps on a cosine
schedule, with classifier-free guidance. After the official code's cosyvoice2/flow/{flow,flow_matching}.py. Attribute
names are the checkpoint's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from engine.speaking.dit import DiT, DiTConfig
from engine.speaking.euler import EulerSteps, Time, paces, plain_steps, schedule
from engine.speaking.token_encoder import CacheParts, TokenEncoder, TokenEncoderCache, TokenEncoderConfig
from engine.traced import AsIs, Repeated

REMEMBERED_TOKENS = 750  # by the token encoder of a stream


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
        self._times: dict[int, list[Time]] = {}
        self._fixed = False
        self._steps = plain_steps(self.decoder.estimator)
        self._conditions: Repeated = AsIs(self.padded_conditions)

    def fuse(self) -> None:
        """Prepare for inference with the weights as they now are; training needs the network as it was made."""
        self.estimator.fuse()
        self._fixed = True
        self._times.clear()

    @property
    def steps(self) -> EulerSteps:
        """How its Euler steps are taken."""
        return self._steps

    @property
    def piece_conditions(self) -> Repeated:
        """How the conditions of a padded piece are made."""
        return self._conditions

    def take_steps(self, steps: EulerSteps, conditions: Repeated | None = None) -> None:
        """Take Euler steps in this way from now on; `conditions` is given and gives what `padded_conditions` does."""
        self._steps = steps
        self._times.clear()
        if conditions is not None:
            self._conditions = conditions

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

    def padded_conditions(
        self, tokens: mx.array, present: mx.array, seen: mx.array, speaker: mx.array, guided: bool, kept: CacheParts
    ) -> tuple[mx.array, CacheParts]:
        """Conditions (2 or 1, 2 T', D) of a piece of a stream whose tokens (1, T) are padded, and what is kept of it.

        `present` and `seen` as in `TokenEncoder.step_padded`; speaker (80,).
        """
        embedded = self.input_embedding(tokens)
        encoded, cache = self.encoder.step_padded(embedded, TokenEncoderCache(*kept), present, seen)
        cache.trim(REMEMBERED_TOKENS)
        return self.estimator.conditions(self.encoder_proj(encoded)[0], speaker, None, guided), cache.parts()

    def times(self, steps: int) -> list[Time]:
        """What each of `steps` Euler steps needs to know of its flow time, kept once `fuse` was called."""
        if steps in self._times:
            return self._times[steps]
        found = self.estimator.modulations(mx.array(schedule(steps)[:-1]))
        times = [self._steps.times(found, index) for index in range(steps)]
        if self._fixed:
            mx.eval(times)
            self._times[steps] = times
        return times

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
        """Whether the velocity without conditions is made as well."""
        return rate != 0 or self._steps.always_guided

    def solve(self, x: mx.array, conditions: mx.array, steps: int, guidance: float) -> mx.array:
        """Follow the flow from noise x (T, 80) to the mel (T, 80) under `conditions` (2 or 1, T, D)."""
        for time, pace in zip(self.times(steps), paces(steps, guidance), strict=True):
            x = self._steps.whole(x, conditions, time, pace)
            mx.async_eval(x)
        return x
