"""Decoding, prefill, log-mel and the encoder at full size on a GPU, beside mlx-lm with the same random weights.

    python -m tests.benchmarks.gpu_hear [--tiny] [--json FILE] [--sections kernels,decode,prefill,hearing,limits]

Needs mlx for the device and, for the comparison, mlx-lm. Weights are drawn on the device; nothing is read from disk.
Each section runs in a process of its own; `--tiny` is a rehearsal with small sizes on any device.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import engine  # noqa: F401 - before mlx: it chooses the BLAS
from tests.benchmarks.measuring import FULL_SIZE, HEADING, TINY, Figure, machine, repeat

SECTIONS = ("kernels", "decode", "prefill", "hearing", "limits")
STORAGES = ("bf16", "8bit", "4bit")
PROMPT = 64
TOKENS = 200
ROUNDS = 3
_AT_ONCE = "EARSHOT_OPERATIONS_AT_ONCE"  # set in the processes of `limits`


def main() -> int:
    """Run the sections, print each one's table as it is done, write all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="small sizes: does everything run?")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--only", help="run one section here and write its figures to --json")
    options = parser.parse_args()
    if options.only:
        return _run_section(options.only, options.tiny, options.json)
    figures: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    for section in options.sections.split(","):
        print(f"\n== {section}", flush=True)
        print(HEADING, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "figures.json"
            command = [sys.executable, "-m", "tests.benchmarks.gpu_hear", "--only", section, "--json", str(file)]
            subprocess.run(command + (["--tiny"] if options.tiny else []), check=False)
            if file.exists():
                content = json.loads(file.read_text())
                facts = content["machine"]
                figures += content["figures"]
    print(f"\nmachine: {facts}")
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "figures": figures}, indent=1) + "\n")
    return 0


def _run_section(section: str, tiny: bool, file: Path | None) -> int:
    sections: dict[str, Callable[[bool], Iterator[Figure]]] = {
        "kernels": kernels,
        "decode": decode,
        "prefill": prefill,
        "hearing": hearing,
        "limits": limits,
    }
    figures: list[Figure] = []
    code = 0
    try:
        for figure in sections[section](tiny):
            print(figure.row(), flush=True)
            figures.append(figure)
    except Exception:
        traceback.print_exc()
        code = 1
    if file:
        file.write_text(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}))
    return code


# ---- the kernels one by one -------------------------------------------------------------------------------------


def kernels(tiny: bool) -> Iterator[Figure]:
    """Each matrix of a layer: how far from MLX's own operations, and bytes a second, beside them."""
    import mlx.core as mx
    import mlx.nn as nn

    from engine.backends import choose
    from engine.backends.cuda import matrix_vector

    sizes = TINY if tiny else FULL_SIZE
    D, inner = sizes["hidden_size"], sizes["intermediate_size"]
    shapes = {"qkv": (D, D + D // 7 * 2), "o": (D, D), "gate_up": (D, 2 * inner), "down": (inner, D)}
    if not tiny:
        shapes["head"] = (D, sizes["vocab_size"])
    copies = 2 if tiny else 4
    for name, (inputs, outputs) in shapes.items():
        for storage in STORAGES:
            modules = [_linear(mx, nn, inputs, outputs, storage, bias=name == "qkv") for _ in range(copies)]
            x = mx.random.normal((1, 1, inputs)).astype(mx.bfloat16)
            norm = nn.RMSNorm(inputs, 1e-6)
            norm.weight = (1 + 0.1 * mx.random.normal((inputs,))).astype(mx.bfloat16)
            options: dict[str, Any] = {"gated": True, "norm": norm} if name == "gate_up" else {}
            if name in ("qkv", "head"):
                options = {"norm": norm}
            if name in ("o", "down"):
                options = {"residual": mx.random.normal((1, 1, outputs)).astype(mx.bfloat16)}
            size = sum(array.nbytes for array in modules[0].parameters().values()) / 1e12
            theirs = _timed(mx, [partial(_plain, mx, nn, x, module, options) for module in modules])
            yield Figure(f"{name} {storage} MLX's operations", "TB/s", tuple(size / s for s in theirs))
            if choose().name != "cuda":
                continue
            try:
                error = _difference(
                    mx, matrix_vector.multiply(x, modules[0], **options), _exact(mx, nn, x, modules[0], options)
                )
                ours = _timed(mx, [partial(matrix_vector.multiply, x, module, **options) for module in modules])
                yield Figure(
                    f"{name} {storage} own kernel", "TB/s", tuple(size / s for s in ours), f"error {error:.1e}"
                )
            except Exception as failure:
                yield Figure(f"{name} {storage} own kernel", "", (), f"FAILED: {str(failure)[:900]}")


def _linear(mx: Any, nn: Any, inputs: int, outputs: int, storage: str, bias: bool) -> Any:
    module = nn.Linear(inputs, outputs, bias=bias)
    module.weight = (mx.random.normal((outputs, inputs)) * inputs**-0.5).astype(mx.bfloat16)
    if bias:
        module.bias = mx.random.normal((outputs,)).astype(mx.bfloat16)
    if storage != "bf16":
        module = nn.QuantizedLinear.from_linear(module, 64, int(storage[0]))
    mx.eval(module.parameters())
    return module


def _plain(mx: Any, nn: Any, x: Any, module: Any, options: dict[str, Any]) -> Any:
    if "norm" in options:
        x = options["norm"](x)
    y = module(x)
    if options.get("gated"):
        gate, up = mx.split(y, 2, axis=-1)
        y = nn.silu(gate) * up
    return y + options["residual"] if "residual" in options else y


def _exact(mx: Any, nn: Any, x: Any, module: Any, options: dict[str, Any]) -> Any:
    """The same in float32 throughout."""
    wide = nn.Linear(1, 1, bias="bias" in module)
    if isinstance(module, nn.QuantizedLinear):
        weight = mx.dequantize(
            module.weight, module.scales.astype(mx.float32), module.biases.astype(mx.float32),
            group_size=module.group_size, bits=module.bits,
        )  # fmt: skip
    else:
        weight = module.weight.astype(mx.float32)
    wide.weight = weight
    if "bias" in module:
        wide.bias = module.bias.astype(mx.float32)
    x = x.astype(mx.float32)
    changed = dict(options)
    if "norm" in options:
        norm = nn.RMSNorm(1, options["norm"].eps)
        norm.weight = options["norm"].weight.astype(mx.float32)
        changed["norm"] = norm
    if "residual" in options:
        changed["residual"] = options["residual"].astype(mx.float32)
    return _plain(mx, nn, x, wide, changed)


def _difference(mx: Any, a: Any, b: Any) -> float:
    a, b = a.astype(mx.float32), b.astype(mx.float32)
    return float(mx.abs(a - b).max() / mx.abs(b).max())


def _timed(mx: Any, actions: list[Callable[[], Any]], calls: int = 40) -> tuple[float, ...]:
    """Seconds a call, when many are queued one behind the other."""

    def run() -> None:
        mx.eval([action() for _ in range(calls // len(actions)) for action in actions])
        mx.synchronize()

    return tuple(seconds / calls for seconds in repeat(run, 5))


# ---- writing ids ------------------------------------------------------------------------------------------------


def decode(tiny: bool) -> Iterator[Figure]:
    """Ids a second of each way to write, one after the other in every round."""
    for storage in STORAGES:
        yield from _decode(tiny, storage, ROUNDS)


def limits(tiny: bool) -> Iterator[Figure]:
    """The same in bf16 with more operations in one submission, in processes of their own."""
    if at_once := os.environ.get(_AT_ONCE):
        yield from _decode(tiny, "bf16", 2, f" {at_once} operations at once")
        return
    for operations in ("30", "100", "400"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "figures.json"
            command = [sys.executable, "-m", "tests.benchmarks.gpu_hear", "--only", "limits", "--json", str(file)]
            sizes = {"MLX_MAX_OPS_PER_BUFFER": operations, "MLX_MAX_MB_PER_BUFFER": "100000"}
            environment = os.environ | sizes | {_AT_ONCE: operations}
            subprocess.run(
                command + (["--tiny"] if tiny else []), check=False, env=environment, stdout=subprocess.DEVNULL
            )
            if file.exists():
                for figure in json.loads(file.read_text())["figures"]:
                    yield Figure(**{**figure, "values": tuple(figure["values"])})


def _decode(tiny: bool, storage: str, rounds: int, about: str = "") -> Iterator[Figure]:
    import mlx.core as mx

    from engine.backends import choose
    from engine.backends.cuda.single_step import SingleStep
    from engine.language import Sampling
    from engine.traced import Traced

    sizes, tokens = (TINY, 20) if tiny else (FULL_SIZE, TOKENS)
    theirs, plain = networks(sizes, storage)
    merged = _copy_of(plain)
    merged.fuse()
    own = choose().name == "cuda" and SingleStep.fits(merged)
    prompt = mx.random.randint(0, sizes["vocab_size"], (PROMPT,), key=mx.random.key(1))
    talking = Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.05, seed=1)

    def ours(llm: Any, sampling: Any = None) -> Callable[[], tuple[float, list[int]]]:
        return lambda: _our_rate(llm, prompt, tokens, sampling or Sampling())

    ways: dict[str, Callable[[], tuple[float, list[int]]]] = {}
    if theirs is not None:
        ways["mlx-lm"] = lambda: _their_rate(theirs, prompt, tokens)
    ways["ours, matrices apart"] = ours(plain)
    ways["ours, merged"] = ours(merged)
    ways["ours, merged, talking"] = ours(merged, talking)
    if own:
        traced = _copy_of(merged)
        traced.single_step = SingleStep(traced, Traced)
        untraced = _copy_of(merged)
        untraced.single_step = SingleStep(untraced)
        ways["ours, own kernels"] = ours(untraced)
        ways["ours, own kernels, traced"] = ours(traced)
        ways["ours, own kernels, traced, talking"] = ours(traced, talking)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    written: dict[str, list[int]] = {}
    for turn in range(rounds + 1):
        for name, run in ways.items():
            rate, written[name] = run()
            if turn:
                rates[name].append(rate)
    reference = written.get("mlx-lm") or written["ours, matrices apart"]
    for name, values in rates.items():
        same = _same(written[name], reference)
        yield Figure(f"{storage} {name}{about}", "ids/s", tuple(values), f"first {same} ids as the first line's")


def _same(a: list[int], b: list[int]) -> int:
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def networks(sizes: dict[str, int], storage: str, dtype: str = "bfloat16") -> tuple[Any, Any]:
    """mlx-lm's network (None without it) and ours, with the same random weights."""
    import mlx.core as mx
    import mlx.nn as nn
    from mlx.utils import tree_flatten, tree_map

    from engine.language import LanguageModel, LlmConfig

    def quantised(network: Any) -> None:
        if storage.endswith("bit"):
            nn.quantize(network, group_size=64, bits=int(storage.removesuffix("bit")))

    llm = LanguageModel(LlmConfig.from_dict(sizes))
    kind = getattr(mx, dtype)
    llm.update(tree_map(lambda array: (mx.random.normal(array.shape) * 0.02).astype(kind), llm.parameters()))
    for layer in llm.model.layers:
        layer.input_layernorm.weight = mx.ones_like(layer.input_layernorm.weight)
        layer.post_attention_layernorm.weight = mx.ones_like(layer.post_attention_layernorm.weight)
        mx.eval(layer.parameters())
    llm.model.norm.weight = mx.ones_like(llm.model.norm.weight)
    quantised(llm)
    mx.eval(llm.parameters())
    try:
        from mlx_lm.models.qwen2 import Model, ModelArgs
    except ImportError as missing:
        print(f"mlx-lm is not here ({missing}): ours alone", file=sys.stderr)
        return None, llm.eval()
    arguments = ModelArgs(
        model_type="qwen2", rms_norm_eps=1e-6, rope_theta=1e6, tie_word_embeddings=False,
        max_position_embeddings=16384, **sizes,
    )  # fmt: skip
    theirs = Model(arguments)
    theirs.update(tree_map(lambda array: array.astype(kind), theirs.parameters()))
    quantised(theirs)
    theirs.load_weights(tree_flatten(llm.parameters()))
    return theirs.eval(), llm.eval()


def _copy_of(llm: Any) -> Any:
    """A second network that holds the same arrays."""
    import mlx.nn as nn
    from mlx.utils import tree_flatten

    from engine.language import LanguageModel

    other = LanguageModel(llm.config)
    first = llm.model.layers[0].mlp.down_proj
    if isinstance(first, nn.QuantizedLinear):
        nn.quantize(other, group_size=first.group_size, bits=first.bits)
    if "gate_up_proj" in llm.model.layers[0].mlp:
        other.fuse()
    other.load_weights(tree_flatten(llm.parameters()))
    return other.eval()


def _our_rate(llm: Any, prompt: Any, tokens: int, sampling: Any) -> tuple[float, list[int]]:
    from engine.language import generate

    cache = llm.new_cache()
    loop = generate(
        llm, cache, llm.embed(prompt), sampling=sampling, end_ids=(), max_tokens=tokens, penalised_ids=prompt.tolist()
    )
    return _rate(loop)


def _their_rate(model: Any, prompt: Any, tokens: int) -> tuple[float, list[int]]:
    from mlx_lm.generate import generate_step

    return _rate(int(id) for id, _ in generate_step(prompt, model, max_tokens=tokens))


def _rate(loop: Iterator[int]) -> tuple[float, list[int]]:
    """Ids a second after the first one."""
    written = [next(loop)]
    start = time.perf_counter()
    written += loop
    return (len(written) - 1) / (time.perf_counter() - start), written


# ---- reading and hearing ----------------------------------------------------------------------------------------


def prefill(tiny: bool) -> Iterator[Figure]:
    """Places read a second for prompts of several lengths, bf16 and 4 bits."""
    import mlx.core as mx

    sizes = TINY if tiny else FULL_SIZE
    for storage in ("bf16", "4bit"):
        theirs, llm = networks(sizes, storage)
        merged = _copy_of(llm)
        merged.fuse()
        for length in (60, 300) if tiny else (100, 400, 2000, 8000):
            prompt = mx.random.randint(0, sizes["vocab_size"], (length,), key=mx.random.key(length))

            runs = repeat(partial(_our_prompt, merged, prompt), ROUNDS, 1)
            yield Figure(f"{storage} ours, prompt of {length}", "places/s", tuple(length / run for run in runs))
            if theirs is not None:
                runs = repeat(partial(_their_prompt, theirs, prompt), ROUNDS, 1)
                yield Figure(f"{storage} mlx-lm, prompt of {length}", "places/s", tuple(length / run for run in runs))


def _our_prompt(llm: Any, prompt: Any) -> None:
    import mlx.core as mx

    from engine.language.generate import prefill as read

    mx.eval(read(llm, llm.new_cache(), llm.embed(prompt)[None]))


def _their_prompt(model: Any, prompt: Any) -> None:
    from mlx_lm.generate import generate_step

    next(generate_step(prompt, model, max_tokens=1))


def hearing(tiny: bool) -> Iterator[Figure]:
    """Log-mel, encoder and adaptor."""
    import mlx.core as mx
    import numpy as np
    from mlx.utils import tree_map

    from engine.hearing import Adaptor, Encoder, Hearing, log_mel

    def heard(what: str, times: int, action: Callable[[], Any]) -> Figure:
        runs = repeat(lambda: mx.eval(action()), 2 if tiny else times)
        return Figure(what, "ms", tuple(1000 * run for run in runs))

    noise = np.random.default_rng(0)
    sounds = {s: (0.1 * noise.standard_normal(16_000 * s)).astype(np.float32) for s in (3, 15, 25)}
    for seconds, samples in sounds.items():
        there = mx.array(samples)
        yield heard(f"log-mel of {seconds} s, from numpy", 20, partial(log_mel, samples))
        yield heard(f"log-mel of {seconds} s, from the device", 20, partial(log_mel, there))
    config = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 1280, "n_audio_head": 20, "n_audio_layer": 32,
              "llm_dim": 3584}  # fmt: skip
    if tiny:
        config |= {"n_audio_state": 64, "n_audio_head": 4, "n_audio_layer": 2, "llm_dim": 64}
    encoder, adaptor = Encoder.from_config(config), Adaptor.from_config(config)
    for network in (encoder, adaptor):
        network.update(tree_map(lambda a: (mx.random.normal(a.shape) * 0.02).astype(mx.bfloat16), network.parameters()))
        mx.eval(network.parameters())
    ears = Hearing(encoder, adaptor)
    for seconds, samples in sounds.items():
        yield heard(f"log-mel, encoder and adaptor of {seconds} s", 5, partial(ears.encode, samples))
    windows = [sounds[25]] * 8
    yield heard("log-mel, encoder and adaptor of 8 × 25 s at once", 3, partial(ears.encode_batch, windows))


if __name__ == "__main__":
    sys.exit(main())
