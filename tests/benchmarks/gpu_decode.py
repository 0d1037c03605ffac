"""Forms of one decoding step on a CUDA device against each other and against mlx-lm, all in one process, in bf16.

    python -m tests.benchmarks.gpu_decode --out FOLDER [--seconds 85] [--tiny]

What matters most comes first, and nothing that fails or runs late takes earlier results with it. Kernels are compiled
beforehand by several processes, which leave them where MLX looks for them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import engine  # noqa: F401 - before mlx: it chooses the BLAS
from engine.language.cuda_kernels import Tuning
from engine.language.single_step import MATRICES, PLACED, TOGETHER, Form
from tests.benchmarks.measuring import FULL_SIZE, TINY, machine, repeat

PROMPT = 64
COMPILERS = 14  # processes
LONGEST_COMPILING_S = 35.0
MLX_LM = "mlx-lm"

FOUR = Tuning(blocks=4, resident=4)
BOUND = {"qkv": FOUR, "o": FOUR, "down": FOUR, "head": FOUR}
TWO = BOUND | {"gate_up": Tuning(blocks=2, resident=2)}
THREE = BOUND | {"gate_up": Tuning(blocks=3, resident=3)}
EARLY = TWO | {"o": Tuning(blocks=4, resident=4, fetch_first=True)}
FIVE = TWO | {"qkv": Tuning(5, 5, 5)}  # every row of queries, keys and values at once


def _with(tuning: dict[str, Tuning], **changed: Any) -> dict[str, Tuning]:
    return {name: Tuning(**(vars(one) | changed)) for name, one in tuning.items()}


def _each(megabytes: float, **other: float) -> dict[str, float]:
    return dict.fromkeys(MATRICES, megabytes) | other


FORMS = {
    "base": Form(),
    "gate 2": Form(tuning=TWO),
    "gate 3": Form(tuning=THREE),
    "placed": Form(heads=PLACED),
    "together": Form(heads=TOGETHER),
    "fetch 8": Form(_each(8), tuning=TWO),
    "fetch 16": Form(_each(16), tuning=TWO),
    "together, fetch 4": Form(_each(4), TOGETHER, TWO),
    "together, fetch 8": Form(_each(8), TOGETHER, TWO),
    "together, fetch 16": Form(_each(16), TOGETHER, TWO),
    "together, fetch 8, o 25": Form(_each(8, o=25.7), TOGETHER, TWO),
    "together, fetch 16, o 25 early": Form(_each(16, o=25.7, qkv=24), TOGETHER, EARLY),
    "together, fetch 16, gate 3": Form(_each(16), TOGETHER, THREE),
    "together, fetch 16, bulk": Form(_each(16), TOGETHER, _with(TWO, fetch="bulk")),
    "together, fetch 8, read only": Form(_each(8), TOGETHER, _with(TWO, load="read only")),
    "together, fetch 8, qkv 5": Form(_each(8), TOGETHER, FIVE),
    "placed, fetch 16": Form(_each(16), PLACED, TWO),
}

ALONE: dict[str, dict[str, Tuning]] = {
    "qkv": {"base": Tuning(), "5 × 5": Tuning(5, 5, 5), "3 × 14": Tuning(3, 3, 14)},
    "o": {"base": Tuning(), "3 × 14": Tuning(3, 3, 14)},
    "gate_up": {
        "base": Tuning(),
        "2 × 7": Tuning(2, 2),
        "3 × 7": Tuning(3, 3),
        "4 × 4": Tuning(4, 4, 4),
        "2 × 7 read only": Tuning(2, 2, load="read only"),
    },
    "down": {"base": Tuning(), "4 × 10": Tuning(4, 4, 10), "read only": Tuning(load="read only")},
    "head": {"base": Tuning(), "3 × 14": Tuning(3, 3, 14)},
}


class Clock:
    """How much of the given time is left."""

    def __init__(self, seconds: float) -> None:
        self._start, self._seconds = time.perf_counter(), seconds

    def left(self) -> float:
        """Seconds."""
        return self._seconds - (time.perf_counter() - self._start)

    def say(self, what: str) -> None:
        """A line with the seconds so far."""
        print(f"\n[{time.perf_counter() - self._start:5.1f} s] {what}", flush=True)


def main() -> int:
    """Run the parts in order of importance while there is time; write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the figures")
    parser.add_argument("--seconds", type=float, default=85.0)
    parser.add_argument("--tiny", action="store_true", help="small sizes: does everything run?")
    parser.add_argument("--compile", help="I/N: compile every Nth kernel from the Ith on, and nothing else")
    parser.add_argument("--forms", default="", help="only these, separated by semicolons, and only the last rounds")
    options = parser.parse_args()
    if options.compile:
        index, count = map(int, options.compile.split("/"))
        return _compile(index, count, options.tiny)
    clock = Clock(options.seconds)
    options.out.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    name = "limits.json" if options.forms else "decode.json"
    try:
        for part, content in _parts(options, clock):
            figures[part] = content
            text = json.dumps({"machine": machine(), **figures}, indent=1, ensure_ascii=False)
            (options.out / name).write_text(text + "\n", encoding="utf-8")
    except Exception:
        traceback.print_exc()
    clock.say("done")
    return 0


def _parts(options: argparse.Namespace, clock: Clock) -> Iterator[tuple[str, Any]]:
    forms = {name: FORMS[name] for name in options.forms.split(";")} if options.forms else FORMS
    if not options.forms:
        _compile_all(options.tiny, clock)
    bench = Bench(options.tiny, forms)
    clock.say(f"networks are there; mlx-lm {'too' if bench.theirs else 'is not here'}")
    yield "checked", bench.check(clock)
    if not options.forms:
        yield "first rounds", bench.compare(list(bench.steps), 20 if options.tiny else 60, 2, clock, reserve=30)
    best = bench.best(2) if not options.forms else list(bench.steps)
    finalists = [name for name in dict.fromkeys(["base", *best]) if name in bench.steps]
    yield "last rounds", bench.compare(finalists, 20 if options.tiny else 200, 6, clock, reserve=8)
    if options.forms:
        return
    yield "host", bench.host(finalists)
    if clock.left() > 5:
        yield "alone", bench.alone(clock)
    if clock.left() > 30:
        _with_larger_graphs(bench.best(1), options, clock)


def _with_larger_graphs(names: list[str], options: argparse.Namespace, clock: Clock) -> None:
    clock.say("the same with larger graphs, in a process of its own")
    environment = os.environ | {"MLX_MAX_OPS_PER_BUFFER": "400", "MLX_MAX_MB_PER_BUFFER": "100000"}
    arguments = ["--out", str(options.out), "--forms", ";".join(names), "--seconds", str(clock.left() - 5)]
    subprocess.run([*_this(), *arguments, *(["--tiny"] if options.tiny else [])], check=False, env=environment)


def _this() -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.gpu_decode"]


# ---- compiling --------------------------------------------------------------------------------------------------


def _compile_all(tiny: bool, clock: Clock) -> None:
    from engine.language import cuda_kernels

    if not cuda_kernels.available():
        clock.say("no CUDA device: nothing to compile")
        return
    started, end = [], time.perf_counter() + LONGEST_COMPILING_S
    for index in range(COMPILERS):
        command = [*_this(), "--out", ".", "--compile", f"{index}/{COMPILERS}", *(["--tiny"] if tiny else [])]
        started.append(subprocess.Popen(command))
    for process in started:
        try:
            process.wait(timeout=max(0.1, end - time.perf_counter()))
        except subprocess.TimeoutExpired:
            process.kill()
    clock.say("compiled")


def _compile(index: int, count: int, tiny: bool) -> int:
    import mlx.core as mx

    sizes = TINY if tiny else FULL_SIZE
    wanted = {(name, form.tuning.get(name, Tuning()), _fetches(form, name), False)
              for form in FORMS.values() for name in MATRICES}  # fmt: skip
    wanted |= {(name, tuning, False, True) for name, tunings in ALONE.items() for tuning in tunings.values()}
    for name, tuning, fetches, chained in sorted(wanted, key=repr)[index::count]:
        try:
            module = _zeros(name, sizes)
            first = _beginning(module, 8.0 if fetches else 0.0)
            mx.eval(_call(name, _input(name, sizes), module, chained, sizes, first, tuning))
        except Exception as failure:
            print(f"{name} {tuning}: {str(failure)[:700]}", flush=True)
    if index == count - 1:
        _compile_heads(sizes)
    return 0


def _compile_heads(sizes: dict[str, int]) -> None:
    import mlx.core as mx

    from engine.language import cuda_heads

    heads, kv_heads = sizes["num_attention_heads"], sizes["num_key_value_heads"]
    width = sizes["hidden_size"] // heads
    room = mx.zeros((2, 1, kv_heads, 256, width), mx.bfloat16)
    for kernel in (cuda_heads.place, cuda_heads.attend):
        qkv = mx.zeros((1, 1, (heads + 2 * kv_heads) * width), mx.bfloat16)
        try:
            mx.eval(kernel(qkv, room[0] + 0, room[1] + 0, mx.zeros((4,), mx.int32), heads=heads, theta=1e6))
        except Exception as failure:
            print(f"{kernel.__name__}: {str(failure)[:700]}", flush=True)


def _fetches(form: Form, name: str) -> bool:
    """Whether the kernel of this matrix fetches for the one that comes next."""
    following = {"qkv": "o", "o": "gate_up", "gate_up": "down", "down": "qkv", "head": "qkv"}
    return form.fetched.get(following[name], 0) > 0


def _shape(name: str, sizes: dict[str, int]) -> tuple[int, int]:
    D, inner, heads = sizes["hidden_size"], sizes["intermediate_size"], sizes["num_attention_heads"]
    width = D // heads
    rows = {
        "qkv": D + 2 * sizes["num_key_value_heads"] * width,
        "o": D,
        "gate_up": 2 * inner,
        "down": D,
        "head": sizes["vocab_size"],
    }[name]
    return rows, inner if name == "down" else D


def _zeros(name: str, sizes: dict[str, int]) -> Any:
    import mlx.core as mx
    import mlx.nn as nn

    module = nn.Linear(1, 1, bias=name == "qkv")
    module.weight = mx.zeros(_shape(name, sizes), mx.bfloat16)
    if name == "qkv":
        module.bias = mx.zeros((module.weight.shape[0],), mx.bfloat16)
    return module


def _input(name: str, sizes: dict[str, int]) -> Any:
    import mlx.core as mx

    return mx.random.normal((1, 1, _shape(name, sizes)[1])).astype(mx.bfloat16)


def _beginning(module: Any, megabytes: float) -> Any:
    from engine.language import cuda_kernels

    return cuda_kernels.beginning(module, int(megabytes * 1e6))


def _call(
    name: str,
    x: Any,
    module: Any,
    chained: bool,
    sizes: dict[str, int],
    first: Any,
    tuning: Tuning,
    residual: Any = None,
) -> Any:
    """One kernel as the step calls it; `chained`: with a residual in any case, so that it waits for the one before."""
    import mlx.core as mx
    import mlx.nn as nn

    from engine.language import cuda_kernels

    options: dict[str, Any] = {"dtype": mx.float32} if name == "head" else {}
    if name in ("qkv", "gate_up", "head"):
        options["norm"] = nn.RMSNorm(x.shape[-1], 1e-6)
        options["norm"].weight = mx.ones((x.shape[-1],), mx.bfloat16)
    if chained or name in ("o", "down"):
        rows = _shape(name, sizes)[0] // (2 if name == "gate_up" else 1)
        options["residual"] = (
            mx.zeros((1, 1, rows), options.get("dtype", mx.bfloat16)) if residual is None else residual
        )
    return cuda_kernels.multiply(x, module, gated=name == "gate_up", fetched=first, tuning=tuning, **options)


# ---- steps ------------------------------------------------------------------------------------------------------


class Bench:
    """Both networks with the same random weights, and every form of a step of ours."""

    def __init__(self, tiny: bool, forms: dict[str, Form]) -> None:
        import mlx.core as mx

        from engine.language.single_step import SingleStep
        from tests.benchmarks.gpu_hear import networks

        self.sizes = TINY if tiny else FULL_SIZE
        mx.random.seed(0)
        self.theirs, self.llm = networks(self.sizes, "bf16")
        self.llm.fuse()
        self.prompt = mx.random.randint(0, self.sizes["vocab_size"], (PROMPT,), key=mx.random.key(1))
        self.steps = {name: SingleStep(self.llm, form=form) for name, form in forms.items()}
        self.rates: dict[str, list[float]] = {}
        self._ids: dict[str, list[int]] = {}

    def check(self, clock: Clock) -> dict[str, Any]:
        """How far each form's scores are from those of MLX's own operations, after the same ids. Drops what fails."""
        import mlx.core as mx

        given = mx.random.randint(0, self.sizes["vocab_size"], (6,), key=mx.random.key(2))
        expected = self._scores(None, given)
        found: dict[str, Any] = {}
        clock.say("scores: largest difference to MLX's own operations, as a part of the largest score")
        for name, step in list(self.steps.items()):
            start = time.perf_counter()
            try:
                scores = self._scores(step, given)
                found[name] = float(mx.abs(scores - expected).max() / mx.abs(expected).max())
                print(f"  {name:<34} {found[name]:.2e}  {time.perf_counter() - start:.1f} s to trace", flush=True)
                wrong = not found[name] < 0.05
            except Exception as failure:
                found[name] = str(failure)[:900]
                print(f"  {name:<34} FAILED {found[name]}", flush=True)
                wrong = True
            if wrong:
                del self.steps[name]
        return found

    def _scores(self, step: Any, given: Any) -> Any:
        import mlx.core as mx

        from engine.language.generate import prefill

        cache = self.llm.new_cache()
        self.llm._single = None
        mx.eval(prefill(self.llm, cache, self.llm.embed(self.prompt)[None]))
        self.llm._single = step
        scores = [self.llm(self.llm.embed(id)[None, None], cache).astype(mx.float32) for id in given]
        mx.eval(scores)
        return mx.concatenate(scores)

    def compare(self, names: list[str], tokens: int, rounds: int, clock: Clock, reserve: float) -> dict[str, Any]:
        """Ids a second of each, one after the other in every round, with mlx-lm among them. The first round warms."""
        clock.say(f"ids a second, {tokens} ids a time, up to {rounds} rounds")
        ways = {name: self._ours(name, tokens) for name in names}
        if self.theirs is not None:
            ways = {MLX_LM: lambda: self._mlx_lm(tokens), **ways}
        self.rates = {name: [] for name in ways}
        for turn in range(rounds + 1):
            if turn > 1 and clock.left() < reserve:
                break
            for name, way in list(ways.items()):
                try:
                    rate, self._ids[name] = way()
                except Exception as failure:
                    print(f"  {name} FAILED {str(failure)[:700]}", flush=True)
                    del ways[name], self.rates[name]
                    continue
                if turn:
                    self.rates[name].append(rate)
        return self._table()

    def _ours(self, name: str, tokens: int) -> Callable[[], tuple[float, list[int]]]:
        from engine.language import Sampling
        from tests.benchmarks.gpu_hear import _our_rate

        def run() -> tuple[float, list[int]]:
            self.llm._single = self.steps[name]
            return _our_rate(self.llm, self.prompt, tokens, Sampling())

        return run

    def _mlx_lm(self, tokens: int) -> tuple[float, list[int]]:
        from tests.benchmarks.gpu_hear import _their_rate

        return _their_rate(self.theirs, self.prompt, tokens)

    def _table(self) -> dict[str, Any]:
        from tests.benchmarks.gpu_hear import _same

        theirs, base = self.rates.get(MLX_LM), self._ids.get("base", [])
        print(f"  {'':<34} {'median':>7} {'min':>7} {'max':>7}  × mlx-lm  ids as base's", flush=True)
        for name, rates in sorted(self.rates.items(), key=lambda item: -statistics.median(item[1])):
            ratio = statistics.median(a / b for a, b in zip(rates, theirs, strict=True)) if theirs else 0.0
            numbers = f"{statistics.median(rates):7.1f} {min(rates):7.1f} {max(rates):7.1f}  {ratio:8.3f}"
            print(f"  {name:<34} {numbers}  {_same(self._ids[name], base)}", flush=True)
        return dict(self.rates)

    def best(self, count: int) -> list[str]:
        """The fastest forms of the last comparison."""
        ours = [name for name in self.rates if name in self.steps]
        return sorted(ours, key=lambda name: -statistics.median(self.rates[name]))[:count]

    def host(self, names: list[str]) -> dict[str, float]:
        """Milliseconds that Python and MLX take to submit a step while the device is idle: the other limit."""
        import mlx.core as mx

        found = {}
        for name in names:
            self.llm._single = None
            cache = self.llm.new_cache()
            id = mx.argmax(self.llm(self.llm.embed(self.prompt)[None], cache), axis=-1)
            self.llm._single = self.steps[name]
            times = []
            for _ in range(12):
                mx.eval(id)
                mx.synchronize()
                start = time.perf_counter()
                id = mx.argmax(self.llm(self.llm.embed(id[:, None]), cache), axis=-1)
                mx.async_eval(id)
                times.append(1000 * (time.perf_counter() - start))
            found[name] = statistics.median(times[2:])
            print(f"  {name:<34} {found[name]:.2f} ms to submit a step", flush=True)
        return found

    # ---- kernels ------------------------------------------------------------------------------------------------

    def alone(self, clock: Clock) -> dict[str, Any]:
        """Microseconds of each matrix's kernel with the wait for it, layer after layer, and what that is in TB/s."""
        clock.say("kernels alone, microseconds and TB/s")
        layers = self.llm.model.layers
        modules = {
            "gate_up": [layer.mlp.gate_up_proj for layer in layers],
            "down": [layer.mlp.down_proj for layer in layers],
            "qkv": [layer.self_attn.qkv_proj for layer in layers],
            "o": [layer.self_attn.o_proj for layer in layers],
            "head": [self.llm.lm_head] * 4,
        }
        found: dict[str, Any] = {}
        for name, those in modules.items():
            for about, tuning in ALONE[name].items():
                if clock.left() < 2:
                    return found
                try:
                    seconds = self._seconds(name, those, tuning)
                except Exception as failure:
                    print(f"  {name} {about} FAILED {str(failure)[:500]}", flush=True)
                    continue
                found[f"{name} {about}"] = seconds
                speed = those[0].weight.nbytes / statistics.median(seconds) / 1e12
                print(f"  {name:<8} {about:<18} {1e6 * statistics.median(seconds):8.1f} {speed:6.2f}", flush=True)
        return found

    def _seconds(self, name: str, modules: list[Any], tuning: Tuning) -> list[float]:
        """Of one kernel: what a chain of them adds to work that keeps the device busy while it is submitted."""
        import mlx.core as mx

        x, wide = _input(name, self.sizes), _input("head", self.sizes)

        def busy() -> Any:
            out = None
            for _ in range(8):
                out = _call("head", wide, self.llm.lm_head, True, self.sizes, None, Tuning(), out)
            mx.async_eval(out)
            return out

        def chain() -> None:
            before, out = busy(), None
            for module in modules:
                out = _call(name, x, module, True, self.sizes, None, tuning, out)
            mx.eval(before, out)

        alone = statistics.median(repeat(lambda: mx.eval(busy()), 5))
        return [(seconds - alone) / len(modules) for seconds in repeat(chain, 5)]


if __name__ == "__main__":
    sys.exit(main())
