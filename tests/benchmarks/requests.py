"""Whole requests, from the question to the last piece of sound: what is made, what is heard, and how much there is to
spare; for several lengths of reply, at several turns of a conversation.

    python -m tests.benchmarks.requests [--size full|tiny | --folder DIR] [--ways cuda-16 plain-16 plain-8 plain-4]
        [--lengths 85 160 315 1024] [--turns 1 2 20] [--rounds 3] [--voice-tokens 226] [--json FILE]
        [--decode] [--transcribing 5] [--timeline] [--budget-s 500]
    python -m tests.benchmarks.requests --table FILE

Weights are random and made in memory, or those of a model folder; replies are prescribed, and the network is run for
every id of them all the same. A way is a back-end and the bits of a weight (of a folder the back-end alone); each runs
in a process of its own, after the warm-up that the app does. What was measured is printed and written to FILE after
every way; a way that failed or for which no time was left is named with the reason, in FILE too, and makes the exit
code 1. `--decode` adds ids a second beside mlx-lm, `--transcribing` so many questions asked while a recording is
transcribed, `--timeline` one more reply of each kind with the moments at which its parts begin and end. `--table`
prints a FILE as Markdown.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from tests.benchmarks.requests_table import markdown
from tests.benchmarks.requests_way import Plan

GPU_WAYS = ("cuda-16", "plain-16", "plain-8", "plain-4", "cuda-8", "cuda-4")
LENGTHS, TURNS, VOICE_TOKENS = (85, 160, 315, 1024), (1, 2, 20), 226
_NO_TIME = "no time was left"


def main(argv: list[str] | None = None) -> int:
    """Measure every way, print and write; 1 when something was left out."""
    options = _options(argv)
    if options.table:
        print(markdown(json.loads(options.table.read_text(encoding="utf-8"))))
        return 0
    with tempfile.TemporaryDirectory() as place:
        found = Run(options, Path(place)).measure()
    print("\n" + markdown(found), flush=True)
    return 1 if found["left_out"] else 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("full", "tiny"), default="full", help="of the random weights")
    parser.add_argument("--folder", type=Path, help="a model folder in their place")
    parser.add_argument("--ways", nargs="*", help="back-end and bits, such as plain-4; of a folder the back-end alone")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS), help="ids of a reply")
    parser.add_argument("--turns", type=int, nargs="+", default=list(TURNS), help="places in a conversation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--voice-tokens", type=int, default=VOICE_TOKENS, help="length of the voice, 25 a second")
    parser.add_argument("--decode", action="store_true", help="ids a second beside mlx-lm, too")
    parser.add_argument("--transcribing", type=int, default=0, help="questions asked during a transcription, too")
    parser.add_argument("--timeline", action="store_true", help="when the parts of a reply begin and end, too")
    parser.add_argument(
        "--budget-s", type=float, default=math.inf, help="end after so many seconds, with what there is"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--table", type=Path, metavar="FILE", help="print a file of figures as Markdown")
    return parser.parse_args(argv)


class Run:
    """One run of the benchmark: what is to be measured, and what was found so far."""

    def __init__(self, options: argparse.Namespace, place: Path) -> None:
        self._options, self._place = options, place
        self._until = time.monotonic() + options.budget_s
        named = {name: getattr(options, name) for name in ("lengths", "turns", "rounds", "voice_tokens")}
        about = named | {"model": options.folder.name if options.folder else f"random, {options.size} size"}
        self._found: dict[str, Any] = {"machine": {}, "about": about, "ways": {}, "decode": [], "left_out": {}}

    def measure(self) -> dict[str, Any]:
        """All there is to measure; the figures as they are written."""
        self._write()  # if it cannot be written, that should be known now
        folder = self._options.folder or (self._random_folder() if self._options.ways != [] else Path())
        for name in self._fitting_ways() if self._options.ways is None else self._options.ways:
            print(f"\n== {name}", flush=True)
            answer = self._answer_of("tests.benchmarks.requests_way", name, self._plan(name, folder).to_json())
            if answer:
                self._found["machine"], self._found["ways"][name] = answer["machine"], answer["way"]
                self._write()
        if self._options.decode:
            print("\n== ids a second", flush=True)
            small = ["--tiny"] if self._options.size == "tiny" else []
            answer = self._answer_of("tests.benchmarks.gpu_hear", "decode", "--sections", "decode", *small)
            if answer:
                self._found["machine"], self._found["decode"] = answer["machine"], answer["figures"]
        self._write()
        return self._found

    def _plan(self, name: str, folder: Path) -> Plan:
        options = self._options
        backend, _, bits = name.partition("-")
        return Plan(
            folder=str(folder),
            backend=backend,
            bits=0 if options.folder else int(bits),
            lengths=options.lengths,
            turns=options.turns,
            rounds=options.rounds,
            voice_tokens=options.voice_tokens,
            transcribing=options.transcribing,
            timeline=options.timeline,
        )

    def _answer_of(self, module: str, name: str, *arguments: str) -> dict[str, Any] | None:
        """What a module wrote to its --json; None, with the reason among what was left out, if that is nothing."""
        left_s, file = self._until - time.monotonic(), self._place / f"{name}.json"
        if left_s <= 0:
            self._leave_out(name, _NO_TIME)
            return None
        command = [sys.executable, "-m", module, *arguments, "--json", str(file)]
        try:
            code = subprocess.run(command, timeout=None if left_s == math.inf else left_s).returncode
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:
            self._leave_out(name, _NO_TIME if code is None else f"ended with code {code}; its own message is above")
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def _leave_out(self, name: str, reason: str) -> None:
        print(f"LEFT OUT {name}: {reason}", flush=True)
        self._found["left_out"][name] = reason
        self._write()

    def _write(self) -> None:
        if self._options.json:
            self._options.json.write_text(json.dumps(self._found, indent=1) + "\n", encoding="utf-8")

    def _fitting_ways(self) -> list[str]:
        from engine.backends import choose
        from engine.checkpoints.memory import on_gpu

        best = choose().name
        if self._options.folder:
            return list(dict.fromkeys([best, "plain"]))
        return [way for way in GPU_WAYS if best in ("cuda", way.split("-")[0])] if on_gpu() else ["cpu-16", "plain-16"]

    def _random_folder(self) -> Path:
        from tests.benchmarks.random_model import write_random_folder

        return write_random_folder(self._place / "Random", self._options.size)


if __name__ == "__main__":
    sys.exit(main())
