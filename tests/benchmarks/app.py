"""How the app feels: time to the window, how long the window freezes while the model works, time to quit, memory.

    python -m tests.benchmarks.app [PART …] [--model DIR] [--turns 200] [--json FILE]

Parts: window, heartbeat, writing, question, search, transcript, quit, memory.

Every measurement runs the app, from `app.main` on, in a fresh process on Qt's offscreen platform, with a sound card
that is emptied as fast as a real one. `writing` shows the window: on a Mac's screen, or on one of Xvfb's that nobody
sees. `--model` makes the real replies (default: the best installed model, or the tiny checkpoint while that cannot
speak); the long run uses the tiny checkpoint of the golden data, its answers prescribed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from engine.checkpoints import catalogue
from tests.benchmarks.app_scenes import SCREEN_PID
from tests.benchmarks.measuring import HEADING, Figure, machine, write_json
from tests.benchmarks.taking_turns import Stretch, losses, middle_mean, rate, with_interval
from tests.checkpoints import tiny_checkpoint
from tests.frozen.keyboard import screen_of_process

PARTS = ("window", "heartbeat", "writing", "question", "search", "transcript", "quit", "memory")
_CONVERSATIONS = 2000
_SEGMENTS = 10_000
_LONG_ANSWERS = 14
_QUESTIONS = 10  # of each kind
QUIT_STATES = ("loading", "idle", "listening", "thinking", "speaking", "transcribing")
_LIMIT_S = 900
_OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}


def run_app(
    scene: str, model: Path, turns: int = 0, environment: Mapping[str, str] = _OFFSCREEN
) -> dict[str, list[float]]:
    """Run one scene in a process of its own; what it measured, and "exit": seconds from the wish to quit to its end."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            **environment,
            "EARSHOT_HOME": home,
            "EARSHOT_MODEL": str(model),
            "EARSHOT_BENCHMARK_BEGAN": str(time.monotonic()),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: modules are compiled once
        command = [sys.executable, "-m", "tests.benchmarks.app_scenes", scene, str(model), str(turns)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=_LIMIT_S)
        ended = time.monotonic()
    if done.returncode:
        raise RuntimeError(f"the app ended with code {done.returncode} in scene {scene}: {done.stdout}")
    measured: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    measured["exit"] = [ended - moment for moment in measured.pop("quit_at")]
    return measured


def window(model: Path) -> list[Figure]:
    """From the start of a fresh process to the painted window, the model loading behind it."""
    runs = [run_app("window", model) for _ in range(5)]
    times = tuple(run["window_s"][0] for run in runs[1:])  # the first one fills the disk's cache
    busy = tuple(run["window_cpu_s"][0] for run in runs[1:])
    return [
        Figure("window shown after the process started", "s", times, "limit 0.5"),
        Figure("processor time of it", "s", busy, "of all threads"),
    ]


def heartbeat(model: Path) -> list[Figure]:
    """How late the GUI thread's two-millisecond timer is while spoken replies are made and played."""
    measured = run_app("heartbeat", model, 6)
    figures = _beats(measured["late_ms"])
    return [*figures, Figure("speech made meanwhile", "s", tuple(measured["speech_s"]))]


def _beats(late_ms: list[float]) -> list[Figure]:
    lates = sorted(late_ms)
    return [
        Figure(f"GUI heartbeat late, {name}", "ms", (lates[min(int(share * len(lates)), len(lates) - 1)],), about)
        for name, share, about in (
            ("median", 0.5, ""),
            ("99th percentile", 0.99, f"limit 16; {len(lates)} beats"),
            ("longest", 1.0, ""),
        )
    ]


def writing(model: Path) -> list[Figure]:
    """What long answers lose to the window they grow in: it works and stands still by turns while they are written.

    Neighbouring quarters of a second are compared, so that it hardly matters how fast the machine happens to be. The
    window is told of what was written meanwhile when it works again, so that it has all of its work to do.
    """
    with _screen() as environment:
        measured = run_app("writing", model, _LONG_ANSWERS, environment)
    written_at = measured["written_at"]
    stretches = [
        Stretch(*each) for each in zip(measured["began_at"], measured["ended_at"], measured["works"], strict=True)
    ]
    rates = [rate(written_at, each.began_at, each.ended_at) for each in stretches]
    lost = losses(written_at, stretches)

    def per_id(name: str, works: bool) -> tuple[float, ...]:
        spent = zip(measured[name], stretches, rates, strict=True)
        return tuple(
            1000 * spent_s / (each.ended_at - each.began_at) / ids_per_s
            for spent_s, each, ids_per_s in spent
            if each.works == works
        )

    figures = [
        Figure(f"ids a second while the window {does}", "ids/s", tuple(_of(rates, stretches, works)), about)
        for does, works, about in (
            ("works", True, f"answers of {measured['answer_words'][0]:.0f} words"),
            ("stands still", False, ""),
        )
    ]
    about = f"limit 3; an interval of 95 %, {len(lost)} pairs"
    figures += [
        Figure("lost to the window: mean of the middle half", "%", with_interval(lost, middle_mean), about),
        Figure("… pair by pair", "%", tuple(lost)),
        Figure("processor time of the window's thread", "ms an id", per_id("window_s", True)),
    ]
    if "screen_s" in measured:
        figures += [
            Figure("processor time of the X server", "ms an id", per_id("screen_s", True)),
            Figure("the engine's thread waits for a processor", "ms an id", per_id("engine_waits_s", True)),
            Figure("… while the window stands still", "ms an id", per_id("engine_waits_s", False), "other programs"),
        ]
    return figures


def _of(values: list[float], stretches: list[Stretch], works: bool) -> list[float]:
    return [value for value, each in zip(values, stretches, strict=True) if each.works == works]


@contextmanager
def _screen() -> Iterator[dict[str, str]]:
    """What the environment says of a screen that the window is really shown on: on Linux, one that nobody sees."""
    if sys.platform == "darwin":
        yield {"QT_QPA_PLATFORM": "cocoa"}
        return
    with screen_of_process() as (display, server):
        yield {"QT_QPA_PLATFORM": "xcb", "DISPLAY": display, SCREEN_PID: str(server)}


def question(model: Path) -> list[Figure]:
    """A spoken question while a recording is transcribed, and the same one while it is not; in turns."""
    measured = run_app("question", model, _QUESTIONS)
    alone, meanwhile = tuple(measured["alone_s"]), tuple(measured["transcribing_s"])
    later = tuple(one - other for one, other in zip(meanwhile, alone, strict=True))
    return [
        Figure("first heard of a spoken question", "s", alone),
        Figure("first heard while a recording is transcribed", "s", meanwhile),
        Figure("heard later for that, pair by pair", "s", later, "limit 0.15, by the median"),
    ]


def search(model: Path) -> list[Figure]:
    """Words that stand in all of many saved conversations."""
    measured = run_app("search", model, _CONVERSATIONS)
    found = Figure(
        f"all of {_CONVERSATIONS} conversations found",
        "s",
        tuple(measured["found_s"]),
        "with the pause of 0.15 s behind the last letter",
    )
    return [*_beats(measured["late_ms"]), found]


def transcript(model: Path) -> list[Figure]:
    """A transcript of many segments, opened, scrolled and searched."""
    measured = run_app("transcript", model, _SEGMENTS)
    opened = Figure(f"transcript of {_SEGMENTS} segments opened", "s", tuple(measured["opened_s"]))
    return [*_beats(measured["late_ms"]), opened]


def quitting(model: Path) -> list[Figure]:
    """From the wish to quit to the end of the process, in each state."""
    figures = []
    for state in QUIT_STATES:
        times = tuple(run_app(f"quit-{state}", model)["exit"][0] for _ in range(2))
        figures.append(Figure(f"quit while {state}", "s", times, "limit 0.5"))
    return figures


def memory(model: Path, turns: int) -> list[Figure]:
    """Resident memory along many prescribed turns, and whether every turn was answered whole."""
    measured = run_app("memory", model, turns)
    marks, sizes = measured["turn"], measured["resident_mb"]
    figures = [
        Figure(f"resident memory after turn {int(turn)}", "MB", (size,))
        for turn, size in zip(marks, sizes, strict=True)
    ]
    figures.append(Figure("turns answered whole", "", (measured["whole"][0],), f"of {turns}"))
    return figures


def _speaking_model() -> Path:
    """The best installed model, if it speaks; else the tiny checkpoint, its answers prescribed."""
    best = catalogue.best()
    return best if (best / "token2wav" / "flow.pt").exists() else tiny_checkpoint()


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--model", type=Path, help="model of the real replies")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    parts = args.parts or PARTS
    model = args.model or _speaking_model()
    figures: list[Figure] = []
    facts = machine()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['system']}; model {model.name}\n{HEADING}")
    for part, measure in (
        ("window", lambda: window(model)),
        ("heartbeat", lambda: heartbeat(model)),
        ("writing", lambda: writing(model)),
        ("question", lambda: question(model)),
        ("search", lambda: search(tiny_checkpoint())),
        ("transcript", lambda: transcript(tiny_checkpoint())),
        ("quit", lambda: quitting(tiny_checkpoint())),
        ("memory", lambda: memory(tiny_checkpoint(), args.turns)),
    ):
        if part in parts:
            new = measure()
            figures += new
            for figure in new:
                print(figure.row(), flush=True)
    if args.json:
        write_json(args.json, figures, model=model.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
