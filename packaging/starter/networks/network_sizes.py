"""Sizes of the starter's networks, in the words of config.json."""

from __future__ import annotations

from typing import Any

CONTEXT = 2048  # places of the longest rows of its training (rows.WIDTHS): what is longer it never learned to read
TEXT: dict[str, Any] = {
    "hidden_size": 384,
    "intermediate_size": 1152,
    "num_attention_heads": 6,
    "num_attention_groups": 2,
    "num_key_value_heads": 2,
    "num_hidden_layers": 8,
    "max_seq_len": CONTEXT,
    "vocab_size": 8960,
    "rms_norm_eps": 1e-06,
    "eos_token_id": 2304,
    "pad_token_id": 2304,
    "rope_theta": 10000.0,
    "max_position_embeddings": CONTEXT,
    "rope_scaling": None,
    "tie_word_embeddings": True,
    "torch_dtype": "float16",
}
AUDIO: dict[str, Any] = {
    "n_mels": 128,
    "n_audio_ctx": 1500,
    "n_audio_state": 256,
    "n_audio_head": 4,
    "n_audio_layer": 10,
    "n_codebook_size": 4096,
    "llm_dim": 384,
    "kernel_size": 3,
    "adapter_stride": 2,
}
HIDDEN = 768
TOKENIZER: dict[str, int] = {
    "mels": 128,
    "width": 208,
    "expansion": 3,
    "kernel": 7,
    "blocks_50_hz": 2,
    "blocks_25_hz": 4,
}

# How the flow is spoken with, which its training (`--solved`) makes it good at. Without guidance a step costs half.
FLOW_STEPS, FLOW_GUIDANCE = 2, 0.0

# Kokoro speaks faintly: by this (natural logarithm) the published vocoder is louder than its mel.
VOCODER_LOUDER = 0.9
