"""The flow over whole batches as it speaks in pieces: what its attention sees then, and its passes with that sight."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from network_sizes import FLOW_GUIDANCE
from numpy.typing import NDArray

from engine.speaking.dit import DiTConfig
from engine.speaking.flow import Flow, FlowConfig
from engine.speaking.token_encoder import TokenEncoderConfig

CONFIG = FlowConfig(
    input_size=96,
    output_size=80,
    spk_embed_dim=192,
    vocab_size=6561,
    guidance=FLOW_GUIDANCE,
    encoder=TokenEncoderConfig(
        input_size=96, output_size=160, attention_heads=4, linear_units=512, num_blocks=2, num_up_blocks=2
    ),
    estimator=DiTConfig(
        in_channels=320, out_channels=80, depth=4, num_heads=3, head_dim=64, hidden_size=192, mlp_ratio=2.5
    ),
)
REPLY_VOICE = "flite:slt:50:1.00"
VOICE_TAIL_TOKENS = 50
CACHE_BYTES = 8_000_000_000  # others train beside it


def stream_mask(tokens: int, voice: int, piece: int) -> NDArray[np.bool_]:
    """(L, L), True where one token sees another when a stream is made in pieces after `voice` tokens.

    A piece sees itself, as many of the newest tokens before it as the voice has, and the voice's last ones.
    """
    place = np.arange(tokens)
    number = np.where(place < voice, 0, 1 + (place - voice) // piece)
    first = np.where(number == 0, 0, voice + (number - 1) * piece)
    seen = number[None] <= number[:, None]
    near = place[None] >= first[:, None] - max(voice, VOICE_TAIL_TOKENS)
    tail = (place >= voice - VOICE_TAIL_TOKENS) & (place < voice)
    return seen & (near | tail[None])


def bias_of(seen: NDArray[np.bool_], rate: int) -> mx.array:
    """An additive attention bias (1, 1, rate L, rate L)."""
    return mx.where(mx.array(seen.repeat(rate, 0).repeat(rate, 1)), 0.0, -1e9)[None, None]


def conditioning(flow: Flow, tokens: mx.array, biases: tuple[mx.array, mx.array] | None) -> mx.array:
    """As `Flow.conditioning`, with attention biases at 25 and 50 Hz."""
    encoder = flow.encoder
    x = encoder.embed(flow.input_embedding(tokens))
    x, _ = encoder.pre_lookahead_layer(mx.pad(x, [(0, 0), (0, encoder.look_ahead), (0, 0)]))
    for stage, layers in enumerate((encoder.encoders, encoder.up_encoders)):
        if stage == 1:
            x, _ = encoder.up_layer(x)
            x = encoder.up_embed(x)
        positions = encoder._positions.rows(x.shape[1], x.shape[1])
        for layer in layers:
            x, _ = layer(x, positions, None if biases is None else biases[stage])
    return flow.encoder_proj(encoder.after_norm(x))


def velocity(
    flow: Flow, x: mx.array, mu: mx.array, t: mx.array, speaker: mx.array, cond: mx.array, bias: mx.array | None
) -> mx.array:
    """As the estimator's own call, with an attention bias (1, 1, T, T)."""
    estimator = flow.estimator
    speaker = mx.broadcast_to(speaker[:, None], (*x.shape[:2], speaker.shape[-1]))
    hidden = estimator.in_proj(mx.concatenate([x, mu, speaker, cond], axis=-1))
    time = estimator.t_embedder(t)
    for block in estimator.blocks:
        hidden, _, _ = block(hidden, block.modulation(time), bias)
    return estimator.final_layer(hidden, estimator.final_layer.modulation(time))
