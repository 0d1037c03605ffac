"""A small random language model for tests that need no checkpoint."""

from __future__ import annotations

import mlx.core as mx
from mlx.utils import tree_map

from engine.language import LanguageModel, LlmConfig

CONFIG = LlmConfig(
    hidden_size=64,
    intermediate_size=96,
    num_attention_heads=4,
    num_key_value_heads=2,
    num_hidden_layers=3,
    vocab_size=300,
)


def random_llm(seed: int = 0) -> LanguageModel:
    """A network whose scores differ enough that greedy ids are stable."""
    mx.random.seed(seed)
    llm = LanguageModel(CONFIG)
    llm.update(tree_map(lambda array: array + 0.15 * mx.random.normal(array.shape), llm.parameters()))
    mx.eval(llm.parameters())
    return llm.eval()


def random_prompt(length: int, seed: int = 1) -> mx.array:
    """Embeddings (length, D)."""
    return mx.random.normal((length, CONFIG.hidden_size), key=mx.random.key(seed))
