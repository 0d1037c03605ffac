"""A flow small enough for tests."""

from __future__ import annotations

from dataclasses import replace

from starter.networks import flow_pieces

_ENCODER = {"input_size": 16, "output_size": 16, "linear_units": 32, "num_blocks": 1, "num_up_blocks": 1}
SMALL = replace(
    flow_pieces.CONFIG,
    input_size=16,
    encoder=replace(flow_pieces.CONFIG.encoder, **_ENCODER),
    estimator=replace(flow_pieces.CONFIG.estimator, depth=1, num_heads=1, head_dim=16, hidden_size=16),
)
