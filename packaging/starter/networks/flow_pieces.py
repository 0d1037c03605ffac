"""The starter's flow: its sizes, and what its attention sees over a whole batch when it speaks in pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.speaking.dit import DiTConfig
from engine.speaking.flow import FlowConfig
from engine.speaking.token_encoder import TokenEncoderConfig
from starter.networks.network_sizes import FLOW_GUIDANCE

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
VOICE_TAIL_TOKENS = 50


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
