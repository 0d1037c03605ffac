"""Ids a second beside mlx-lm: a Qwen2 of about 100 M parameters, the same random weights, turn by turn in one run.

    python -m tests.benchmarks.decode [--peer-python PYTHON] [--size 100M|full|tiny] [--dtype float32] [--json FILE]

`--peer-python` is an interpreter that has mlx-lm (default: this one). Both sides run as processes that stay up and take
turns, so that neither gets the quieter minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engine  # noqa: F401 - before mlx: it chooses the BLAS
from tests.benchmarks.measuring import ABOUT_100_M, FULL_SIZE, HEADING, TINY, Figure, Side, serve, write_json

SIZES = {"100M": ABOUT_100_M, "full": FULL_SIZE, "tiny": TINY}
PROMPT = 64
SEED = 7


def main() -> int:
    """Run both sides in turns and print the table; exit 1 when ours is the slower one by the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", default=sys.executable, help="an interpreter that has mlx-lm")
    parser.add_argument("--size", choices=SIZES, default="100M")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", choices=("ours", "mlx-lm"), help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return _serve(options)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights.safetensors"
        _make_weights(SIZES[options.size], options.dtype, weights)
        sides = {
            name: Side(python, *_arguments(name, weights, options))
            for name, python in (("mlx-lm", options.peer_python), ("ours", sys.executable))
        }
        figures = _take_turns(sides, options.rounds)
    ratio = _median(figures["ours"]) / _median(figures["mlx-lm"])
    print(HEADING)
    for figure in figures.values():
        print(figure.row())
    print(f"ours / mlx-lm, by the medians: {ratio:.3f}")
    if options.json:
        write_json(options.json, list(figures.values()), size=options.size, dtype=options.dtype, ratio=ratio)
    return 0 if ratio >= 1.0 else 1


def _median(figure: Figure) -> float:
    return sorted(figure.values)[len(figure.values) // 2]


def _take_turns(sides: dict[str, Side], rounds: int) -> dict[str, Figure]:
    rates: dict[str, list[float]] = {name: [] for name in sides}
    ids: dict[str, list[int]] = {}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            rate, ids[name] = side.ask()
            if turn:
                rates[name].append(rate)
    for side in sides.values():
        side.close()
    same = next((i for i, (a, b) in enumerate(zip(*ids.values(), strict=True)) if a != b), len(ids["ours"]))
    return {name: Figure(name, "ids/s", tuple(rates[name]), f"first {same} ids agree") for name in sides}


def _arguments(name: str, weights: Path, options: argparse.Namespace) -> list[str]:
    arguments = ["tests.benchmarks.decode", "--serve", name, "--weights", str(weights)]
    return [*arguments, "--size", options.size, "--tokens", str(options.tokens)]


def _make_weights(sizes: dict[str, int], dtype: str, file: Path) -> None:
    import mlx.core as mx
    from mlx.utils import tree_flatten, tree_map

    from engine.language import LanguageModel, LlmConfig

    mx.random.seed(SEED)
    llm = LanguageModel(LlmConfig.from_dict(sizes))
    spread = tree_map(lambda array: 0.05 * mx.random.normal(array.shape), llm.parameters())
    named = [(name, array + 1.0 if "norm" in name else array) for name, array in tree_flatten(spread)]
    print(f"{sum(array.size for _, array in named) / 1e6:.0f} M parameters, {dtype}")
    mx.save_safetensors(str(file), {name: array.astype(getattr(mx, dtype)) for name, array in named})


def _serve(options: argparse.Namespace) -> int:
    import mlx.core as mx

    sizes = SIZES[options.size]
    weights = list(mx.load(str(options.weights)).items())
    run = (_ours if options.serve == "ours" else _theirs)(sizes, weights, options.tokens)
    return serve(lambda: _rate(run()))


def _prompt(sizes: dict[str, int]) -> Any:
    import mlx.core as mx

    return mx.random.randint(0, sizes["vocab_size"], (PROMPT,), key=mx.random.key(SEED))


def _ours(sizes: dict[str, int], weights: list[Any], tokens: int) -> Callable[[], Iterator[int]]:
    from engine.backends import choose
    from engine.language import LanguageModel, LlmConfig, Sampling, generate

    llm = LanguageModel(LlmConfig.from_dict(sizes))
    llm.load_weights(weights)
    llm.fuse()
    choose().attach_language(llm, {}, 0)
    prompt = _prompt(sizes)

    def run() -> Iterator[int]:
        cache = llm.new_cache()
        return generate(llm, cache, llm.embed(prompt), sampling=Sampling(), end_ids=(), max_tokens=tokens)

    return run


def _theirs(sizes: dict[str, int], weights: list[Any], tokens: int) -> Callable[[], Iterator[int]]:
    from mlx_lm.generate import generate_step
    from mlx_lm.models.qwen2 import Model, ModelArgs

    arguments = ModelArgs(
        model_type="qwen2", rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=False,
        max_position_embeddings=16384, **sizes,
    )  # fmt: skip
    model = Model(arguments)
    model.load_weights(weights)
    prompt = _prompt(sizes)
    return lambda: (int(id) for id, _ in generate_step(prompt, model, max_tokens=tokens))


def _rate(loop: Iterator[int]) -> tuple[float, list[int]]:
    """Ids a second after the first one, and the ids."""
    import time

    written = [next(loop)]
    start = time.perf_counter()
    written += loop
    return (len(written) - 1) / (time.perf_counter() - start), written


if __name__ == "__main__":
    sys.exit(main())
