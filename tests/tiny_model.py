"""A model folder in the published layout, with random weights, small enough to be made in a moment.

It hears, and writes letters without meaning. It cannot speak.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from engine.hearing import Adaptor, Encoder
from engine.language import LanguageModel, LlmConfig

SPEECH_TOKENS = 6600  # of which those from 6561 on only pad
_MARKS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|EOT|>", "<|BOT|>", "<audio_start>", "<audio_end>"),
    *("<audio_patch>", "<tts_start>", "<tts_end>", "<tts_pad>", "<think>", "</think>", "<tool_call>", "</tool_call>"),
)
_AUDIO = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 1, "llm_dim": 32}


def write_tiny_model(folder: Path, *, seed: int = 0, **earshot: Any) -> Path:
    """Write the model into `folder`; `earshot` becomes the block of that name in config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    size = tokenizer.get_vocab_size()
    text = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "num_hidden_layers": 2,
        "vocab_size": size,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
        "max_position_embeddings": 4096,
    }
    config = {"text_config": text, "audio_encoder_config": _AUDIO}
    (folder / "config.json").write_text(json.dumps(config | ({"earshot": earshot} if earshot else {})))
    tokenizer.save(str(folder / "tokenizer.json"))
    mx.random.seed(seed)
    weights = _weights(Encoder.from_config(_AUDIO), "encoder.") | _weights(Adaptor.from_config(_AUDIO, 64), "adapter.")
    weights |= _weights(LanguageModel(LlmConfig.from_dict(text)), "")
    weights["lm_head.weight"] = _head(tokenizer, size, text["hidden_size"])
    mx.save_safetensors(str(folder / "model-00001-of-00001.safetensors"), weights)
    index = {"weight_map": dict.fromkeys(weights, "model-00001-of-00001.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def _tokenizer() -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: place for place, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([*_MARKS, *(f"<audio_{number}>" for number in range(SPEECH_TOKENS))])
    return tokenizer


def _weights(network: nn.Module, prefix: str) -> dict[str, mx.array]:
    """Random weights under the published names, convolutions in PyTorch's order of axes."""
    found = {}
    for name, array in tree_flatten(network.parameters()):
        drawn = array if name.endswith("norm.weight") else 0.3 * mx.random.normal(array.shape)
        found[prefix + name] = drawn.swapaxes(1, 2) if drawn.ndim == 3 else drawn
    return found


def _head(tokenizer: Tokenizer, size: int, width: int) -> mx.array:
    """Only letters, the space and the end can be written: all other rows are zero and never win."""
    written = [tokenizer.encode(letter).ids[0] for letter in string.ascii_lowercase + " "]
    written.append(tokenizer.token_to_id("<|EOT|>"))
    head = mx.zeros((size, width))
    head[mx.array(written)] = mx.random.normal((len(written), width))
    return head
