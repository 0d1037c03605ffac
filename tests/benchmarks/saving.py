"""What saving costs from turn to turn: bytes written and milliseconds, over a conversation of spoken turns.

    python -m tests.benchmarks.saving [--turns 100] [--folder FOLDER] [--json FILE]

Every turn has five seconds of sound and an answer of six. Its own bytes are its samples, at 16 bit, and its ids. The
time includes that the disk has it (fsync).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from engine.events import Turn
from engine.session import Session
from tests.fakes import SmallEngine

_SOUND_S = 5
_ANSWER = "Yes, that is how it is, and it will stay so for a while."
_SPEECH_TOKENS = 150


def talk(folder: Path, turns: int) -> Iterator[dict[str, float]]:
    """Figures of each turn: its own bytes, those written, and how long saving took."""
    engine = SmallEngine(context_length=1 << 20)
    session, noise = Session(engine), np.random.default_rng(1)
    vocabulary = engine.vocabulary
    speech = [vocabulary.speech[number % len(vocabulary.speech)] for number in range(_SPEECH_TOKENS)]
    for _ in range(turns):
        sound = noise.integers(-9000, 9000, _SOUND_S * 16_000).astype(np.float32) / 32768
        engine.llm.scripts[:] = [[*vocabulary.encode(_ANSWER), *speech, vocabulary.tts_end, vocabulary.eot]]
        list(session.ask(Turn(samples_16k=sound)))
        before = _files(folder)
        began = time.perf_counter()
        session.save(folder)
        seconds = time.perf_counter() - began
        own = 2 * len(sound) + 4 * sum(len(passage.ids) for passage in session.turns[-1].passages)
        yield {"own_bytes": own, "written_bytes": _written(before, _files(folder)), "ms": 1000 * seconds}


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.stat().st_ino, file.stat().st_size) for file in folder.iterdir()}


def _written(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> int:
    """Bytes of files that are new or were replaced, and what others grew by."""
    total = 0
    for name, (inode, size) in after.items():
        old_inode, old_size = before.get(name, (0, 0))
        total += size - old_size if inode == old_inode else size
    return total


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary folder if it is not given")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with TemporaryDirectory(dir=args.folder) as folder:
        figures = list(talk(Path(folder), args.turns))
    print(f"{'turn':>5}{'own bytes':>12}{'written':>12}{'ratio':>8}{'ms':>8}")
    for number in sorted({1, 2, args.turns // 2, args.turns}):
        turn = figures[number - 1]
        near = statistics.median(each["ms"] for each in figures[max(number - 3, 0) : number + 2])
        ratio = turn["written_bytes"] / turn["own_bytes"]
        print(f"{number:>5}{turn['own_bytes']:>12,}{turn['written_bytes']:>12,}{ratio:>8.3f}{near:>8.1f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
