"""Flow and vocoder beside the official PyTorch code and mlx-audio's port: same machine, same random weights, one run.

    python -m tests.benchmarks.speech [--size full|starter|tiny] [--lengths 68 252 820] [--rounds 3]
        [--official-python PYTHON] [--peer-python PYTHON] [--peer-blas both] [--json FILE] [--stream-s 600]
        [--budget-s 300] [--folder token2wav] [--plot PNG]

With `--folder` the weights are those of a real token2wav folder that brings a voice, and what is spoken is the voice's
own recording again; `--plot` draws what each contestant made of the first length.

Every contestant is a process of its own, and one computes at a time; rounds are interleaved, so that a slow moment of
the machine hits all of them. One that dies or takes too long is left out from then on, with the reason among the
figures. After every length these are printed and written to FILE, so that a run that is broken off has
not been for nothing.

`--official-python` and `--peer-python` are interpreters that have the step-audio2 wheel, or mlx-audio; `same` means
this one. mlx-audio's port has the full size only and does not stream.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.commands.picture import draw_sounds
from tests.benchmarks.speech_folder import write_inputs, write_inputs_of_voice, write_token2wav
from tests.benchmarks.speech_process import Budget, Contestant, NoAnswerError

_STREAM_RESERVE_S = 5.0  # of the time that an answer may take, for the last piece of the endless stream
_FASTER, _STREAM_SHARE, _FIRST_SHARE, _MEMORY_GROWTH = 1.3, 1.6, 0.5, 1.05


def main() -> int:
    """Measure, print the table, write the figures."""
    options = _options()
    budget = Budget(options.budget_s)
    with tempfile.TemporaryDirectory() as place:
        run = Run(options, budget, Path(place))
        try:
            run.begin()
            run.measure()
        finally:
            run.close()
    return 0 if run.figures["whole"] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("full", "starter", "tiny"), default="full")
    parser.add_argument("--lengths", type=int, nargs="+", default=[68, 252, 820])
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
    parser.add_argument("--budget-s", type=float, help="end after so many seconds, with what was measured by then")
    parser.add_argument("--folder", type=Path, help="a real token2wav folder in the place of random weights")
    parser.add_argument("--plot", type=Path, help="draw waveform and mel of every contestant")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


class Run:
    """One run of the benchmark: who takes part, and the figures so far."""

    def __init__(self, options: argparse.Namespace, budget: Budget, place: Path) -> None:
        self._options, self._budget, self._place = options, budget, place
        self._contestants: list[Contestant] = []
        self.figures: dict[str, Any] = {
            "about": {}, "whole": {}, "stream": {}, "first": {}, "pieces": {}, "agreement": {},
            "failed": {}, "passed_s": {},
        }  # fmt: skip

    def begin(self) -> None:
        """Write the weights, start every contestant."""
        options, place = self._options, self._place
        folder, inputs = options.folder or place / "token2wav", place / "inputs.npz"
        if options.folder:
            write_inputs_of_voice(inputs, folder, max(options.lengths))
        else:
            write_token2wav(folder, options.size)
            write_inputs(inputs, max(options.lengths), options.voice_tokens)
        self._note("weights written")
        self._start(folder, inputs)
        self._note("contestants ready")

    def measure(self) -> None:
        """All lengths, then the endless stream; prints and writes as it goes."""
        for length in self._options.lengths:
            if self._budget.spent:
                break
            self._whole(length)
            self._streamed(length)
            self._note(f"{length} tokens done")
        if self._options.stream_s and not self._budget.spent:
            self._endless(self._options.stream_s)
            self._note("endless stream done")
        self._print_verdicts()

    def close(self) -> None:
        """End all processes."""
        for contestant in self._contestants:
            contestant.close()

    def _start(self, folder: Path, inputs: Path) -> None:
        options = self._options
        wanted = [("earshot", "same", False)]
        wanted += [("official", options.official_python, False)] if options.official_python else []
        if options.peer_python:
            wanted += [("mlx-audio", options.peer_python, False)] if options.peer_blas != "openblas" else []
            wanted += [("mlx-audio+OpenBLAS", options.peer_python, True)] if options.peer_blas != "shipped" else []
        for name, python, openblas in wanted:
            kind = name.removesuffix("+OpenBLAS")
            made = Contestant(name, kind, python, folder, inputs, self._budget, openblas=openblas)
            self._contestants.append(made)
        for contestant in list(self._contestants):
            with self._noting_failure(contestant):
                contestant.begin()
                self.figures["about"][contestant.name] = f"{contestant.versions} on {contestant.device}"
                print(f"{contestant.name}: {contestant.versions} on {contestant.device}", flush=True)

    @contextmanager
    def _noting_failure(self, contestant: Contestant) -> Iterator[None]:
        try:
            yield
        except NoAnswerError as error:
            print(f"FAILED after {self._budget.passed_s:.0f} s: {error}", flush=True)
            self.figures["failed"][contestant.name] = str(error)
            if error.gone:
                self._contestants.remove(contestant)
                contestant.close()

    def _together(self, contestants: list[Contestant], *words: object, files: dict[str, Path] | None = None) -> None:
        """Once without measuring: all at a time, for most of it is compiling."""
        sent = []
        for contestant in [one for one in contestants if one in self._contestants]:
            with self._noting_failure(contestant):
                contestant.send(*words, *([files[contestant.name]] if files else []))
                sent.append(contestant)
        for contestant in sent:
            with self._noting_failure(contestant):
                contestant.answer()

    def _rounds(self, contestants: list[Contestant], *words: object) -> dict[str, list[dict[str, Any]]]:
        answers: dict[str, list[dict[str, Any]]] = {}
        for _ in range(self._options.rounds):
            for contestant in [one for one in contestants if one in self._contestants and not self._budget.spent]:
                with self._noting_failure(contestant):
                    answers.setdefault(contestant.name, []).append(contestant.ask(*words))
        return answers

    def _whole(self, length: int) -> None:
        files = {one.name: self._place / f"{one.name}-{length}.npz" for one in self._contestants}
        self._together(list(self._contestants), "whole", length, files=files)
        seconds = _of(self._rounds(self._contestants, "whole", length, "-"), "seconds")
        self.figures["whole"][length] = seconds
        _print_row(f"whole, {length} tokens, s", seconds)
        files = {name: file for name, file in files.items() if file.exists()}
        self.figures["agreement"][length] = _agreement(files)
        print(f"   mel, largest difference from ours: {self.figures['agreement'][length]}", flush=True)
        self._write()
        if self._options.plot and length == self._options.lengths[0]:
            draw_sounds(self._options.plot, [(name, np.load(file)["samples"]) for name, file in files.items()])

    def _streamed(self, length: int) -> None:
        streaming = [one for one in self._contestants if one.kind != "mlx-audio"]
        self._together(streaming, "stream", length)
        # The sizes of our pieces follow from how fast the last was made, and the first time it was being compiled.
        self._together([one for one in streaming if one.kind == "earshot"], "stream", length)
        answers = self._rounds(streaming, "stream", length)
        totals, firsts = _of(answers, "seconds"), _of(answers, "first")
        self.figures["stream"][length], self.figures["first"][length] = totals, firsts
        self.figures["pieces"][length] = {name: found[-1]["first_pieces"] for name, found in answers.items()}
        _print_row(f"streamed, {length} tokens, s", totals)
        _print_row("   first sound, s", firsts)
        print(f"   samples of the first pieces: {self.figures['pieces'][length]}", flush=True)
        self._write()

    def _endless(self, stream_s: float) -> None:
        ours = next((one for one in self._contestants if one.kind == "earshot"), None)
        if ours is None:
            return
        with self._noting_failure(ours):
            left = self._budget.left_s
            most = "inf" if left is None else f"{max(1.0, left / 2 - _STREAM_RESERVE_S):.1f}"
            answer = ours.ask("stream", int(stream_s * 25), most)
            self.figures["memory"] = answer
            print(
                f"{answer['samples'] / 24000:.0f} s streamed in {answer['seconds']:.1f} s; resident MB at tenths: "
                f"{[kb // 1024 for kb in answer['resident_kb']]}, "
                f"in arrays: {[held >> 20 for held in answer['held_bytes']]}",
                flush=True,
            )

    def _note(self, what: str) -> None:
        self.figures["passed_s"][what] = round(self._budget.passed_s, 1)
        print(f"[{self._budget.passed_s:.0f} s: {what}]", flush=True)
        self._write()

    def _write(self) -> None:
        if self._options.json:
            self._options.json.write_text(json.dumps(self.figures, indent=1) + "\n", encoding="utf-8")

    def _print_verdicts(self) -> None:
        self.figures["verdicts"] = verdicts(self.figures)
        for what, (found, wanted, good) in self.figures["verdicts"].items():
            print(f"{'ok    ' if good else 'MISSED'} {what}: {found:.2f} (wanted {wanted})", flush=True)
        for name, reason in self.figures["failed"].items():
            print(f"FAILED {name}: {reason}", flush=True)
        self._write()


def verdicts(figures: dict[str, Any]) -> dict[str, tuple[float, str, bool]]:
    """What the figures say of what is wanted: value, bound and whether it holds; nothing of what was not measured."""
    found: dict[str, tuple[float, str, bool]] = {}
    for length, seconds in figures["whole"].items():
        whole = {name: statistics.median(values) for name, values in seconds.items()}
        for name in whole.keys() & {"official", "mlx-audio"} if "earshot" in whole else ():
            ratio = whole[name] / whole["earshot"]
            found[f"whole {length}, {name} / ours"] = (ratio, f">= {_FASTER}", ratio >= _FASTER)
        totals, firsts = figures["stream"].get(length, {}), figures["first"].get(length, {})
        if "earshot" in totals and "earshot" in whole:
            ratio = statistics.median(totals["earshot"]) / whole["earshot"]
            found[f"streamed / whole {length}, ours"] = (ratio, f"<= {_STREAM_SHARE}", ratio <= _STREAM_SHARE)
        if {"earshot", "official"} <= firsts.keys():
            ratio = statistics.median(firsts["earshot"]) / statistics.median(firsts["official"])
            found[f"first sound {length}, ours / official"] = (ratio, f"<= {_FIRST_SHARE}", ratio <= _FIRST_SHARE)
    if "memory" in figures:
        held = figures["memory"]["held_bytes"]
        growth = held[-1] / max(held[min(1, len(held) - 1)], 1)
        found["bytes in arrays, last tenth / second"] = (growth, f"<= {_MEMORY_GROWTH}", growth <= _MEMORY_GROWTH)
        resident = figures["memory"]["resident_kb"]
        growth = resident[-1] / resident[min(1, len(resident) - 1)]
        found["resident memory, last tenth / second"] = (growth, f"<= {_MEMORY_GROWTH}", growth <= _MEMORY_GROWTH)
    return found


def _of(answers: dict[str, list[dict[str, Any]]], field: str) -> dict[str, list[float]]:
    return {name: [one[field] for one in found] for name, found in answers.items()}


def _print_row(title: str, seconds: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ours = medians.get("earshot")
    ratios = [f"{name} {value / ours:.2f}" for name, value in medians.items() if ours and name != "earshot"]
    row = "".join(f"{name} {value:.3f}   " for name, value in medians.items())
    print(f"{title:<26}{row}{'ratio to ours: ' if ratios else ''}{', '.join(ratios)}", flush=True)


def _agreement(files: dict[str, Path]) -> dict[str, float]:
    if "earshot" not in files:
        return {}
    ours = np.load(files["earshot"])["mel"]
    return {
        name: float(np.abs(np.load(file)["mel"] - ours).max() / np.abs(ours).max())
        for name, file in files.items()
        if name != "earshot"
    }


if __name__ == "__main__":
    sys.exit(main())
