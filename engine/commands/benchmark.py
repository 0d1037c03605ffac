"""Measure how fast the model is on this machine, stage by stage, with a recording of yours.

Every figure is the minimum, median and maximum of N rounds, after one round that is not counted."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.console import Help, add_model_option, load_engine, progress_bar, remark, result
from engine.commands.outputs import add_output_option, check_place

if TYPE_CHECKING:
    import mlx.core as mx

    from engine.commands.console import Bar
    from engine.engine import Engine
    from engine.events import Samples

DECODED_TOKENS = 64


@dataclass(frozen=True)
class Figure:
    """One measured quantity in all its rounds."""

    name: str
    unit: str
    values: tuple[float, ...]
    note: str = ""

    @property
    def minimum(self) -> float:
        return min(self.values)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def maximum(self) -> float:
        return max(self.values)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "benchmark", help="measure how fast the model is on this machine", description=__doc__, formatter_class=Help
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a recording with speech; its first minute is used")
    parser.add_argument("rounds", type=int, nargs="?", default=5, metavar="N", help="rounds to measure (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    add_output_option(parser, "FILE", "also write the JSON into this file")
    add_model_option(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Measure, and print the table or write JSON."""
    from engine.errors import RequestError
    from engine.samples import probe
    from engine.storage import replacing

    if args.rounds < 1:
        raise RequestError(f"{args.rounds} rounds cannot be measured: ask for at least one.")
    if args.output:
        check_place(args.output)
    probe(args.file)
    windows = _first_minute(args.file)
    start = time.perf_counter()
    engine = load_engine(args)
    load = Figure("load the model", "s", (time.perf_counter() - start,))
    with progress_bar("Measuring", quiet=args.quiet) as bar:
        figures = [load, *_measure(engine, windows, args.rounds, bar)]
    report = _report(args, engine, windows, figures)
    if args.output:
        with replacing(args.output) as file:
            file.write(json.dumps(report, ensure_ascii=False, indent=2).encode() + b"\n")
    result(json.dumps(report, ensure_ascii=False) if args.json else _table(report, figures))
    if args.output and not args.quiet:
        remark(f"Written to {args.output}.")
    return 0


def _first_minute(path: Path) -> list[Samples]:
    """The first windows of speech, at least one and at most a minute."""
    from engine.commands.sounds import require_speech, speech_windows

    windows: list[Samples] = []
    for window in speech_windows(path):
        windows.append(window.samples_16k)
        if window.end_s > 60:
            break
    require_speech(path, bool(windows))
    return windows


def _measure(engine: Engine, windows: list[Samples], rounds: int, bar: Bar) -> list[Figure]:
    """All stages in each round, so that a machine that slows down does so for every stage alike."""
    from engine.events import Progress

    stages = _Stages(engine, windows)
    measured: dict[str, list[float]] = {}
    for round_number in range(rounds + 1):
        for name, value in stages.all():
            measured.setdefault(name, [])
            if round_number:
                measured[name].append(value)
        bar.show(Progress("rounds", round_number, rounds))
    units = stages.units()
    return [Figure(name, units[name][0], tuple(values), units[name][1]) for name, values in measured.items()]


class _Stages:
    """One window through every stage on its own, then all windows through the whole path."""

    def __init__(self, engine: Engine, windows: list[Samples]) -> None:
        from engine.hearing import RATE_HZ
        from engine.transcription.recogniser import Recogniser
        from engine.transcription.results import Options

        self._engine = engine
        self._windows = windows
        self._window = max(windows, key=len)
        self._window_s = len(self._window) / RATE_HZ
        self._sound_s = sum(map(len, windows)) / RATE_HZ
        self._recogniser = Recogniser(engine, Options())

    def units(self) -> dict[str, tuple[str, str]]:
        """Unit and remark of every figure."""
        of_window = f"{self._window_s:.1f} s of sound"
        return {
            "log-mel": ("ms", of_window),
            "encoder and adaptor": ("ms", of_window),
            "prefill": ("tokens/s", ""),
            "decode": ("tokens/s", f"{DECODED_TOKENS} tokens, one conversation"),
            "real-time factor": ("", f"transcribing {self._sound_s:.1f} s, less is faster"),
            "memory at its peak": ("GB", "held by MLX"),
        }

    def all(self) -> Iterator[tuple[str, float]]:
        """Name and value of every figure, measured once."""
        import mlx.core as mx

        from engine.hearing import log_mel

        hearing, llm = self._engine.hearing, self._engine.llm
        mx.reset_peak_memory()
        mel, log_mel_s = _timed(lambda: log_mel(self._window, hearing.encoder.config.n_mels))
        yield "log-mel", 1000 * log_mel_s
        sound, encoder_s = _timed(lambda: hearing.encode_log_mels([mel])[0])
        yield "encoder and adaptor", 1000 * encoder_s
        prompt = self._prompt(sound)
        mx.eval(prompt)
        cache = llm.new_cache()
        _, prefill_s = _timed(lambda: llm(prompt[None], cache))
        yield "prefill", prompt.shape[0] / prefill_s
        yield "decode", self._decode_rate(prompt)
        start = time.perf_counter()
        for at in range(0, len(self._windows), 8):
            list(self._recogniser(self._windows[at : at + 8]))
        yield "real-time factor", (time.perf_counter() - start) / self._sound_s
        yield "memory at its peak", mx.get_peak_memory() / 1e9

    def _prompt(self, sound: mx.array) -> mx.array:
        from engine.conversation.prompting.chat_template import Variant, embedded
        from engine.conversation.prompting.tasks import transcribe_prompt

        prompt = transcribe_prompt(self._engine.vocabulary, [sound.shape[0]], Variant(self._engine.variant))
        return embedded(self._engine.llm, prompt, [sound])

    def _decode_rate(self, prompt: mx.array) -> float:
        """Tokens a second after the first one; nothing ends the reply early."""
        from engine.language import Sampling, generate

        llm = self._engine.llm
        ids = generate(llm, llm.new_cache(), prompt, sampling=Sampling(), end_ids=(), max_tokens=DECODED_TOKENS + 1)
        next(ids)
        start = time.perf_counter()
        count = sum(1 for _ in ids)
        return count / (time.perf_counter() - start)


def _timed(work: Callable[[], mx.array]) -> tuple[mx.array, float]:
    import mlx.core as mx

    start = time.perf_counter()
    array = work()
    mx.eval(array)
    return array, time.perf_counter() - start


def _predicted(engine: Engine, device: str, window_s: float) -> dict[str, float]:
    """What this device should reach with this model, by the names of the figures; nothing where it is not known."""
    from engine.performance import Sizes, chip_of, hear, read, write

    chip = chip_of(device)
    if chip is None:
        return {}
    sizes = Sizes.of(engine.config.text, engine.config.audio)
    bits = engine.config.quantisation.bits if engine.config.quantisation else 16
    places = round(20 + 12.5 * window_s)
    return {
        "encoder and adaptor": 1000 * hear(sizes, bits, window_s).seconds(chip),
        "prefill": places / read(sizes, bits, places).seconds(chip),
        "decode": 1 / write(sizes, bits, places=places, own=engine.backend.name == "cuda").seconds(chip),
    }


def _report(args: argparse.Namespace, engine: Engine, windows: list[Samples], figures: list[Figure]) -> dict[str, Any]:
    import resource

    from engine.commands.machine import machine

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    here = machine() | {"backend": engine.backend.name}
    return {
        "model": {"name": engine.name, "folder": str(engine.folder), "bytes_in_memory": engine.memory_bytes},
        "file": {"path": str(args.file), "speech_s": round(sum(map(len, windows)) / 16_000, 3)},
        "rounds": args.rounds,
        "machine": here,
        "predicted": _predicted(engine, here["device"], max(map(len, windows)) / 16_000),
        "process_peak_bytes": peak,
        "figures": [
            asdict(figure) | {"minimum": figure.minimum, "median": figure.median, "maximum": figure.maximum}
            for figure in figures
        ],
    }


def _table(report: dict[str, Any], figures: list[Figure]) -> str:
    here = report["machine"]
    lines = [
        f"{report['model']['name']} on {here['processor']}, {here['cores']} cores, {here['memory_bytes'] / 1e9:.0f} GB",
        f"{here['system']}, MLX {here['mlx']} on {here['device']} ({here['backend']}), {report['rounds']} rounds",
        "",
        f"{'':22}{'min':>10}{'median':>10}{'max':>10}",
    ]
    for figure in figures:
        numbers = "".join(f"{_number(value):>10}" for value in (figure.minimum, figure.median, figure.maximum))
        expected = report["predicted"].get(figure.name)
        notes = [figure.note, f"predicted: {_number(expected)}" if expected else ""]
        note = f"  ({'; '.join(filter(None, notes))})" if any(notes) else ""
        lines.append(f"{figure.name:22}{numbers}  {figure.unit}{note}".rstrip().replace("   (", "  ("))
    if not report["predicted"]:
        lines += ["", "Nothing was predicted: this device is not in the table of docs/performance.md."]
    return "\n".join([*lines, "", f"Process at its peak: {report['process_peak_bytes'] / 1e9:.2f} GB"])


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"
