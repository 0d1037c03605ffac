"""Flow and vocoder beside the official PyTorch code and mlx-audio's port: same machine, same random weights, one run.

    python -m tests.benchmarks.speech [--size full|starter|tiny] [--lengths 68 252 820] [--rounds 3]
        [--official-python PYTHON] [--peer-python PYTHON] [--peer-blas both] [--json FILE] [--stream-s 600]
        [--folder token2wav] [--plot PNG]

With `--folder` the weights are those of a real token2wav folder that brings a voice, and what is spoken is the voice's
own recording again; `--plot` draws what each contestant made of the first length.

Every contestant is a process of its own; rounds are interleaved, so that a slow moment of the machine hits all of them.
`--official-python` and `--peer-python` are interpreters that have the step-audio2 wheel, or mlx-audio; `same` means
this one. mlx-audio's port has the full size only and does not stream.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.commands.picture import panel, write_png
from tests.benchmarks.speech_folder import write_inputs, write_inputs_of_voice, write_token2wav

_CONTESTANT = Path(__file__).with_name("speech_contestant.py")


class Contestant:
    """A contestant's process."""

    def __init__(self, name: str, kind: str, python: str, folder: Path, inputs: Path, openblas: bool) -> None:
        self.name, self.kind = name, kind
        command = [sys.executable if python == "same" else python, str(_CONTESTANT), kind, str(folder), str(inputs)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
        self._process = subprocess.Popen(
            command + (["--openblas"] if openblas else []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.device = self._read()["device"]

    def ask(self, *words: object) -> dict[str, Any]:
        """Send one command, wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise RuntimeError(f"{self.name} ended; its own message is above")


def main() -> int:
    """Measure, print the table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("full", "starter", "tiny"), default="full")
    parser.add_argument("--lengths", type=int, nargs="+", default=[68, 252, 820])
    parser.add_argument("--stream-lengths", type=int, nargs="*", help="tokens to stream (default: --lengths)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--official-python")
    parser.add_argument("--peer-python")
    parser.add_argument(
        "--peer-blas",
        choices=("shipped", "openblas", "both"),
        default="shipped",
        help="matrix library of mlx-audio on a CPU: the one MLX brings, the one ours uses, or one after the other",
    )
    parser.add_argument("--voice-tokens", type=int, default=226, help="length of the voice, 25 a second")
    parser.add_argument("--stream-s", type=float, default=0.0, help="seconds of endless stream to watch the memory of")
    parser.add_argument("--folder", type=Path, help="a real token2wav folder in the place of random weights")
    parser.add_argument("--plot", type=Path, help="draw waveform and mel of every contestant")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, inputs = options.folder or Path(place) / "token2wav", Path(place) / "inputs.npz"
        if options.folder:
            write_inputs_of_voice(inputs, folder, max(options.lengths))
        else:
            write_token2wav(folder, options.size)
            write_inputs(inputs, max(options.lengths), options.voice_tokens)
        contestants = _contestants(options, folder, inputs)
        figures = _measure(contestants, options, Path(place))
        for contestant in contestants:
            contestant.close()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def _contestants(options: argparse.Namespace, folder: Path, inputs: Path) -> list[Contestant]:
    made = [Contestant("earshot", "earshot", "same", folder, inputs, False)]
    if options.official_python:
        made.append(Contestant("official", "official", options.official_python, folder, inputs, False))
    if options.peer_python:
        if options.peer_blas != "openblas":
            made.append(Contestant("mlx-audio", "mlx-audio", options.peer_python, folder, inputs, False))
        if options.peer_blas != "shipped":
            made.append(Contestant("mlx-audio+OpenBLAS", "mlx-audio", options.peer_python, folder, inputs, True))
    return made


def _measure(contestants: list[Contestant], options: argparse.Namespace, place: Path) -> dict[str, Any]:
    print(f"{'':<24}" + "".join(f"{c.name:>22}" for c in contestants) + "   ratio to ours", flush=True)
    print(f"{'device':<24}" + "".join(f"{c.device[-20:]:>22}" for c in contestants), flush=True)
    figures: dict[str, Any] = {"whole": {}, "first": {}, "stream": {}, "agreement": {}}
    for length in options.lengths:
        files = {c.name: place / f"{c.name}-{length}.npz" for c in contestants}
        for contestant in contestants:  # not timed: compiles, and keeps the results to compare
            contestant.ask("whole", length, files[contestant.name])
        seconds = _rounds(contestants, options.rounds, "whole", length, "-")
        figures["whole"][length] = seconds
        _print_row(f"whole, {length} tokens, s", seconds)
        figures["agreement"][length] = _agreement(files)
        if options.plot and length == options.lengths[0]:
            panels = [panel(np.load(file)["samples"], name) for name, file in files.items()]
            write_png(options.plot, np.concatenate(panels))
    print(f"mel, largest difference from ours: {figures['agreement']}", flush=True)
    streaming = [c for c in contestants if c.kind != "mlx-audio"]
    for length in options.stream_lengths or options.lengths:
        _rounds(streaming, 1, "stream", length)
        answers: dict[str, list[dict[str, Any]]] = {c.name: [] for c in streaming}
        for _ in range(options.rounds):
            for contestant in streaming:
                answers[contestant.name].append(contestant.ask("stream", length))
        totals = {name: [one["seconds"] for one in found] for name, found in answers.items()}
        firsts = {name: [one["first"] for one in found] for name, found in answers.items()}
        figures["stream"][length], figures["first"][length] = totals, firsts
        _print_row(f"streamed, {length} tokens, s", totals)
        _print_row("   first sound, s", firsts)
        whole = figures["whole"].get(length)
        if whole is None:
            continue
        share = statistics.median(totals["earshot"]) / statistics.median(whole["earshot"])
        print(f"   ours streamed / whole: {share:.2f}", flush=True)
    if options.stream_s:
        answer = contestants[0].ask("stream", int(options.stream_s * 25))
        figures["memory"] = answer
        print(
            f"{options.stream_s:.0f} s streamed in {answer['seconds']:.1f} s; resident MB at tenths: "
            f"{[kb // 1024 for kb in answer['resident_kb']]}, "
            f"in arrays: {[held >> 20 for held in answer['held_bytes']]}",
            flush=True,
        )
    return figures


def _rounds(contestants: list[Contestant], rounds: int, *command: object) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            seconds[contestant.name].append(contestant.ask(*command)["seconds"])
    return seconds


def _print_row(title: str, seconds: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ours = medians["earshot"]
    ratios = ", ".join(f"{name} {value / ours:.2f}" for name, value in medians.items() if name != "earshot")
    print(f"{title:<24}" + "".join(f"{value:>22.3f}" for value in medians.values()) + f"   {ratios}", flush=True)


def _agreement(files: dict[str, Path]) -> dict[str, float]:
    ours = np.load(files["earshot"])["mel"]
    return {
        name: float(np.abs(np.load(file)["mel"] - ours).max() / np.abs(ours).max())
        for name, file in files.items()
        if name != "earshot"
    }


if __name__ == "__main__":
    sys.exit(main())
