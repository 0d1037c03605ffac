"""Whole replies where one device writes and speaks, and where a second device speaks while the first one writes on.

    python -m tests.benchmarks.second_device [--size full|tiny | --folder DIR] [--bits 16] [--backend auto]
        [--lengths 85 315] [--second 1] [--rounds 3] [--json FILE]

Weights are random unless a folder is named, replies prescribed. `--second` is the number of the CUDA device that speaks
in the second way; its networks are in a process of their own, which gets speech tokens and gives sound. Where there is
no such device the two processes share the processor's cores.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.speaking.pieces import Pieces
from engine.speaking.synthesizer import SpeechChunk
from engine.speaking.work_thread import WorkThread
from tests.benchmarks.measuring import machine
from tests.benchmarks.random_model import WHOLE_BITS, random_voice, write_random_folder
from tests.benchmarks.requests_way import Plan, Way

VOICE_TOKENS = 226
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass
class Asked:
    """A piece that is to be made, and what was written since the one before."""

    begins: bool = False
    ends: bool = False
    tokens: list[int] = field(default_factory=list)
    size: int = 0


def speak(line: Connection, folder: str, backend: str, voice_tokens: int) -> None:
    """The process that speaks: says what it can, then makes each piece that is asked for, until None comes.

    Its voice has so many tokens, random ones; none: the voice of the folder.
    """
    from engine.backends import choose
    from engine.checkpoints.load_speaking import load_speaking
    from engine.checkpoints.memory import set_limits

    set_limits()
    speaking = load_speaking(Path(folder) / "token2wav", None, choose(backend))
    voice = random_voice(speaking, voice_tokens) if voice_tokens else speaking.default_voice()
    synthesizer = speaking.synthesizer(voice, seed=1)
    for _ in synthesizer.warming_up():
        pass
    line.send((list(synthesizer.measured), synthesizer.pieces, synthesizer.look_ahead))
    while (asked := line.recv()) is not None:
        if asked.begins:
            synthesizer.reset()
        if asked.tokens:
            synthesizer.push(asked.tokens)
        if asked.ends:
            synthesizer.finish()
        line.send(synthesizer.step(asked.size))
    speaking.close()


class Distant:
    """A synthesizer whose steps are made by `speak` in another process."""

    first_alone = False  # it has a device of its own

    def __init__(self, line: Connection) -> None:
        self._line = line
        self.measured: Sequence[tuple[int, float]]
        self.pieces: Pieces
        self.look_ahead: int
        self.measured, self.pieces, self.look_ahead = line.recv()
        self.thread = WorkThread("waiting for speech")
        self._next = Asked()

    def push(self, tokens: list[int]) -> None:
        """Hold tokens until the next step."""
        self._next.tokens += tokens

    def finish(self) -> None:
        """No more tokens will come."""
        self._next.ends = True

    def step(self, size: int) -> SpeechChunk | None:
        """The next piece of so many tokens."""
        asked, self._next = self._next, Asked()
        asked.size = size
        self._line.send(asked)
        chunk: SpeechChunk | None = self._line.recv()
        return chunk

    def reset(self) -> None:
        """Forget what was to be spoken."""
        self._next = Asked(begins=True)

    def warming_up(self) -> Iterator[None]:
        """Nothing: the other process did it before it answered."""
        return iter(())


class DistantSpeaking:
    """What an engine needs of its `Speaking`, with the speech made elsewhere."""

    def __init__(self, synthesizer: Distant) -> None:
        self._synthesizer = synthesizer

    def synthesizer(self, *_: object, **__: object) -> Distant:
        """The one that there is."""
        return self._synthesizer

    def close(self) -> None:
        """End the thread that waits."""
        self._synthesizer.thread.close()


class SecondDevice:
    """The process that speaks, on a device of its own."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._line, other = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(
            target=speak, args=(other, plan.folder, plan.backend, plan.voice_tokens), daemon=True
        )
        before = os.environ.get(_VISIBLE)
        os.environ[_VISIBLE] = str(number)  # which a new process reads when it starts
        try:
            self._process.start()
        finally:
            os.environ.pop(_VISIBLE)
            if before is not None:
                os.environ[_VISIBLE] = before
        other.close()

    def speaking(self) -> DistantSpeaking:
        """What an engine may have in the place of its own, once the process is warm."""
        return DistantSpeaking(Distant(self._line))

    def close(self) -> None:
        """End the process."""
        self._line.send(None)
        self._process.join()


def measure(plan: Plan, number: int) -> dict[str, Any]:
    """Replies with one device, then with the second one."""
    way = Way(plan)
    found: dict[str, Any] = {"one": way.replies()}
    second = SecondDevice(plan, number)
    own, way.engine._speaking = way.engine._speaking, second.speaking()  # type: ignore[assignment]
    found["two"] = way.replies()
    way.engine.close()
    second.close()
    if own is not None:
        own.close()
    return found


def main(argv: list[str] | None = None) -> None:
    """Measure both ways and print a line for each reply."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--size", choices=("full", "tiny"), default="full")
    which.add_argument("--folder", type=Path, help="a model instead of random weights")
    parser.add_argument("--bits", type=int, default=WHOLE_BITS)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--lengths", type=int, nargs="+", default=[85, 315])
    parser.add_argument("--second", type=int, default=1, help="number of the CUDA device that speaks")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place:
        folder, bits, voice_tokens = options.folder, 0, 0
        if folder is None:
            folder, bits, voice_tokens = write_random_folder(Path(place), options.size), options.bits, VOICE_TOKENS
        plan = Plan(str(folder), options.backend, bits, options.lengths, [2], options.rounds, voice_tokens)
        found = measure(plan, options.second)
    for way, replies in found.items():
        for reply in replies:
            for one in reply["rounds"]:
                print(
                    f"{way} device{'s' if way == 'two' else ''}: {reply['ids']} ids whole {one['whole_s']:.2f} s, "
                    f"made {one['made_s']:.2f}, heard {one['heard_s']:.2f}, {one['pieces']} pieces, "
                    f"{one['late_pieces']} late, {one['ids_per_s']:.0f} ids/s",
                    flush=True,
                )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine()} | found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
