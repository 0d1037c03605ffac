"""Which part of every tensor a rank keeps, and the network that such parts fill.

Tensor parallelism as in Megatron-LM (arXiv 1909.08053): the matrices into attention's heads and into the gate are cut
by rows, those out of them by columns, so that each layer needs two sums.
"""

from __future__ import annotations

from dataclasses import replace

import mlx.nn as nn

from engine.errors import RequestError
from engine.language import LanguageModel, LlmConfig
from engine.ranks.group import Ranks
from engine.ranks.summed import Summed

_BY_ROWS = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "lm_head")
_BY_COLUMNS = ("o_proj", "down_proj")


def axis_cut(name: str) -> int | None:
    """The axis along which the tensor of that name is cut; None for one that every rank has whole.

    Packed weights, scales and biases are cut as what they stand for.
    """
    module, _, kind = name.rpartition(".")
    module = module.rpartition(".")[2]
    if module in _BY_ROWS:
        return 0
    return 1 if module in _BY_COLUMNS and kind != "bias" else None


def stretch(name: str, shape: tuple[int, ...], rank: int, size: int) -> tuple[int, int, int] | None:
    """The axis and the stretch (start, end) of a tensor that a rank keeps; None for the whole.

    Raises RequestError when the tensor cannot be cut into equal parts.
    """
    axis = axis_cut(name)
    if axis is None:
        return None
    if shape[axis] % size:
        raise RequestError("'{name}' cannot be cut into {size} equal parts; start fewer ranks.", name=name, size=size)
    width = shape[axis] // size
    return axis, rank * width, (rank + 1) * width


def head_is_cut(config: LlmConfig, size: int) -> bool:
    """Whether each of `size` ranks finds the scores of some ids; else rank 0 finds them all."""
    return not config.tie_word_embeddings and config.vocab_size % size == 0


def config_of_a_part(config: LlmConfig, size: int) -> LlmConfig:
    """The sizes of what one of `size` ranks computes. Raises RequestError when heads cannot be shared out evenly."""
    if config.num_key_value_heads % size or config.num_attention_heads % size or config.intermediate_size % size:
        raise RequestError(
            "This model has {heads} heads for keys and values, which {size} ranks cannot share evenly. Start as "
            "many ranks as divide that number.",
            heads=config.num_key_value_heads,
            size=size,
        )
    return replace(
        config,
        num_attention_heads=config.num_attention_heads // size,
        num_key_value_heads=config.num_key_value_heads // size,
        intermediate_size=config.intermediate_size // size,
        head_dim=config.head_width,
    )


def shape_part(llm: LanguageModel, ranks: Ranks) -> None:
    """Give a network of `config_of_a_part` the head of its rank, and leave out what the rank has no use for.

    Ids become embeddings on rank 0 alone, which has the table whole.
    """
    config = llm.config
    if head_is_cut(config, ranks.size):
        llm.lm_head = nn.Linear(config.hidden_size, config.vocab_size // ranks.size, bias=False)
    elif ranks.rank and "lm_head" in llm:
        llm.pop("lm_head")
    if ranks.rank:
        llm.model.pop("embed_tokens")


def sum_up(llm: LanguageModel, ranks: Ranks) -> None:
    """Have each layer's two outputs summed over the ranks; after the weights are in place."""
    for layer in llm.model.layers:
        layer.self_attn.o_proj = Summed(layer.self_attn.o_proj, ranks)  # type: ignore[assignment]
        layer.mlp.down_proj = Summed(layer.mlp.down_proj, ranks)  # type: ignore[assignment]
