"""Modules of the starter run as programs: with their logs, on a GPU, for the time that is left, in one folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

STARTER = Path(__file__).resolve().parents[1]
ROOT = STARTER.parents[1]
LEAST_S = 20.0  # a training that has less time left is not begun


def environment_of_programs() -> dict[str, str]:
    """The environment in which Python finds the engine and the modules of the starter."""
    path = os.pathsep.join([str(ROOT), str(STARTER.parent), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path}


def natural_network(folder: Path) -> tuple[str, ...]:
    """Where the network of natural voices is, as arguments; the README says what the folder has to hold."""
    espeak = ("--espeak-data", str(folder)) if (folder / "espeak-ng-data").exists() else ()
    where = ("--weights", str(folder / "kokoro.npz"), "--voices", str(folder / "voices"))
    return (*where, "--vocab", str(folder / "vocab.json"), *espeak)


@dataclass(frozen=True)
class Clock:
    """When all has to be over, in seconds of time.monotonic."""

    end: float

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self.end - time.monotonic()

    def minutes(self) -> str:
        """What is left, as an argument."""
        return f"{max(self.left_s, 0.0) / 60:.3f}"


@dataclass(frozen=True)
class Place:
    """The folder a run works in, and where its networks lie."""

    work: Path

    @property
    def shipped(self) -> Path:
        """The published weights as training loads them."""
        return self.work / "shipped"

    @property
    def language(self) -> Path:
        """Ear and language model."""
        return self.work / "language"

    @property
    def averaged(self) -> Path:
        """Between the published ear and language model and what became of them."""
        return self.work / "averaged"

    @property
    def translated(self) -> Path:
        """Ear and language model with the embeddings of a new tokenizer's tokens, where there is one."""
        return self.work / "translated"

    @property
    def published(self) -> Path:
        """The published ear and language model, with the embeddings of a new tokenizer's tokens where there is one."""
        translated = self.work / "published"
        return translated if translated.exists() else self.shipped

    @property
    def voice(self) -> Path:
        """Vocoder and flow."""
        return self.work / "voice"

    def latest(self, name: str) -> Path:
        """A network of the voice as this run wrote it last."""
        return self.voice / f"{name}.safetensors"

    def begin_voice(self) -> None:
        """Let the voice be the published one, where this run has none yet."""
        for own in map(self.latest, ("flow", "vocoder", "tokenizer")):
            if not own.exists():
                shutil.copyfile(self.shipped / own.name, own)

    def kept_language(self) -> Path:
        """A copy of the last whole set of language weights, which nothing writes to; before, what it began with."""
        if not (self.language / "weights-0.safetensors").exists():
            return self.translated if self.translated.exists() else self.shipped
        kept = self.work / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.language, kept, ignore=lambda _, names: [n for n in names if not n.startswith("weights-")])
        return kept


class Programs:
    """Starts modules, named as in `training.train_flow`, each with its log, on a GPU."""

    def __init__(self, place: Place, gpus: int, python: str = sys.executable) -> None:
        self._place, self._gpus, self._python = place, gpus, python
        (place.work / "logs").mkdir(parents=True, exist_ok=True)

    def run(self, program: str, arguments: Sequence[object], gpu: int = 0, nice: int = 0) -> bool:
        """Run a module to its end; returns whether it went well. Its output is added to logs/PROGRAM.log."""
        environment = environment_of_programs() | {"PYTHONUNBUFFERED": "1"}
        if self._gpus > 1:
            environment["CUDA_VISIBLE_DEVICES"] = str(min(gpu, self._gpus - 1))
        command = ["nice", "-n", str(nice), self._python, "-m", f"starter.{program}", *map(str, arguments)]
        began = time.monotonic()
        with (self._place.work / "logs" / f"{program}.log").open("a") as log:
            ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False)
        print(f"{program}: ended with {ended.returncode} after {time.monotonic() - began:.0f} s", flush=True)
        return ended.returncode == 0


def trained(
    programs: Programs, clock: Clock, program: str, arguments: Callable[[], Sequence[object]], gpu: int
) -> None:
    """Run a training; begin again, with arguments made anew, as long as it breaks off and there is time."""
    while clock.left_s > LEAST_S and not programs.run(program, arguments(), gpu):
        time.sleep(1.0)
