"""How fast one language model writes over several ranks, with random weights of full size.

python -m tests.benchmarks.ranks                                    # one process, one device
mlx.launch -n 2 --backend nccl -- python -m tests.benchmarks.ranks  # each rank prints a line of JSON
… --size large                                                      # the larger sibling: 5120 wide, 64 layers
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx.utils import tree_map

from engine.backends.plain import Plain
from engine.language import LanguageModel, LlmConfig, Sampling
from engine.language.generate import generate
from engine.ranks import LeadingModel, Ranks, follow, join
from engine.ranks.parts import config_of_a_part, shape_part, sum_up

SIZES = {
    "mini": LlmConfig(3584, 18944, 28, 4, 28, 158720),
    "large": LlmConfig(5120, 27648, 40, 8, 64, 158720),
    "small": LlmConfig(256, 512, 4, 2, 4, 4096),
}
PROMPT = 200


def network(config: LlmConfig, ranks: Ranks | None, dtype: mx.Dtype) -> LanguageModel:
    """A network with random weights, or this rank's part of one."""
    mx.random.seed(ranks.rank if ranks else 0)
    if ranks is None:
        llm = LanguageModel(config)
    else:
        config = config_of_a_part(config, ranks.size)
        llm = LanguageModel(config) if ranks.rank else LeadingModel(config, ranks)
        shape_part(llm, ranks)
    for layer in llm.model.layers:
        _settle(layer, dtype)
    _settle(llm, dtype)
    llm.eval()
    llm.fuse()
    if ranks is not None:
        sum_up(llm, ranks)
    Plain().attach_language(llm, {}, 0)
    return llm


def _settle(module: Any, dtype: mx.Dtype) -> None:
    module.update(tree_map(lambda array: array.astype(dtype), module.parameters()))
    mx.eval(module.parameters())


def measure(llm: LanguageModel, ids: int) -> dict[str, float]:
    """Ids a second after a prompt of 200 places, and the seconds of reading it; the second of two runs."""
    found: dict[str, float] = {}
    for _ in range(2):
        cache = llm.new_cache()
        prompt = llm.embed(mx.arange(PROMPT))
        mx.eval(prompt)
        begin = time.perf_counter()
        stream = generate(llm, cache, prompt, sampling=Sampling(), end_ids=(), max_tokens=ids + 1)
        next(stream)
        first = time.perf_counter()
        for _ in stream:
            pass
        end = time.perf_counter()
        found = {"prompt_s": first - begin, "ids_per_s": ids / (end - first)}
    return found


def sums(ranks: Ranks, width: int, dtype: mx.Dtype) -> float:
    """Seconds of one sum of `width` values, of 200 that wait for each other. All ranks call it together."""
    x = mx.ones((1, 1, width), dtype)
    took = 0.0
    for _ in range(2):
        begin = time.perf_counter()
        y = x
        for _ in range(200):
            y = ranks.sum(y) * 0.5
        mx.eval(y)
        took = time.perf_counter() - begin
    return took / 200


def main(tell: Callable[[str], None] = print) -> None:
    """Lead, follow, or run alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="mini")
    parser.add_argument("--ids", type=int, default=256)
    parser.add_argument("--dtype", choices=["bfloat16", "float16", "float32"], default="bfloat16")
    options = parser.parse_args()
    config, dtype, ranks = SIZES[options.size], getattr(mx, options.dtype), join()
    about: dict[str, Any] = {"size": options.size, "ranks": ranks.size if ranks else 1, "dtype": options.dtype}
    if ranks is not None:
        about |= {"rank": ranks.rank, "sum_s": sums(ranks, config.hidden_size, dtype)}
    llm = network(config, ranks, dtype)
    weights = mx.get_active_memory()
    ended = True
    if ranks is None or ranks.rank == 0:
        about |= measure(llm, options.ids)
        if isinstance(llm, LeadingModel):
            llm.end()
    else:
        ended = follow(llm, ranks)
    tell(json.dumps(about | {"weights_bytes": weights, "peak_bytes": mx.get_peak_memory()}))
    if ranks is not None:
        ranks.leave(0 if ended else 1)


if __name__ == "__main__":
    main()
