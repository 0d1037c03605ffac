"""Embeddings and ids in, ids out: the vocabulary, the network, its cache, and the loop that writes."""

from engine.language.cache import Cache
from engine.language.generate import Written, generate, generate_batch, generate_batch_in_steps
from engine.language.llm import LanguageModel, LlmConfig
from engine.language.sampler import Kinds, Sampler, Sampling
from engine.language.vocabulary import Vocabulary

__all__ = [
    "Cache",
    "Kinds",
    "LanguageModel",
    "LlmConfig",
    "Sampler",
    "Sampling",
    "Vocabulary",
    "Written",
    "generate",
    "generate_batch",
    "generate_batch_in_steps",
]
