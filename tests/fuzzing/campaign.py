"""Many damaged inputs for a reader, each made from its number, and what became of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from engine.errors import EngineError
from tests.fuzzing.damages import DAMAGES, REPLACEMENTS, Damage
from tests.fuzzing.worker import Limits, Outcome, Worker

_FAULTS_SHOWN = 10
_REPLACED = 0.02  # of the cases; the first ones are of every kind


@dataclass(frozen=True)
class Seed:
    """A whole input: a file, or a folder with the name of the file in it that is to be damaged."""

    whole: Path
    damaged: str = ""


@dataclass(frozen=True)
class Reader:
    """Something that reads files from outside; see the package for what to write."""

    name: str
    read: Callable[[Path], object]
    make: Callable[[Path], Iterable[Seed]]
    damages: tuple[Damage, ...] = DAMAGES
    refuses: tuple[type[Exception], ...] = (EngineError,)
    replaced: bool = True  # also with a folder, a pipe, a device … in the place of the file


@dataclass(frozen=True)
class Fault:
    """A case that neither was read nor refused in a sentence, or took too much."""

    reader: str
    number: int
    damage: str
    what: str


@dataclass
class Report:
    """What became of the cases of one reader."""

    reader: str
    read: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    most_memory: int = 0
    longest_s: float = 0.0

    def add(self, number: int, damage: str, outcome: Outcome) -> None:
        """Count a case."""
        self.most_memory = max(self.most_memory, outcome.memory)
        self.longest_s = max(self.longest_s, outcome.seconds)
        if outcome.fault:
            self.faults.append(Fault(self.reader, number, damage, outcome.fault))
        elif outcome.refusal:
            self.refused += 1
        else:
            self.read += 1

    def __str__(self) -> str:
        head = (
            f"{self.reader}: {self.read} read, {self.refused} refused, {len(self.faults)} faults; "
            f"at most {self.most_memory / 1e6:.0f} MB and {self.longest_s:.1f} s"
        )
        shown = [f"  case {fault.number} ({fault.damage}): {fault.what}" for fault in self.faults[:_FAULTS_SHOWN]]
        return "\n".join([head, *shown])


def run_campaign(
    readers: Sequence[Reader], cases: int, folder: Path, limits: Limits | None = None, first: int = 0
) -> list[Report]:
    """So many cases for each reader, beginning with number `first`. Whole seeds must be read: they come before all."""
    reports = []
    with Worker(limits) as worker:
        for reader in readers:
            home = folder / reader.name.replace("/", "-")
            seeds = _seeds(reader, home)
            for seed in seeds:
                outcome = worker.read(reader.read, _copied(seed, home), ())
                assert not outcome.fault, f"{reader.name} does not read a whole {seed.whole.name}: {outcome.fault}"
            report = Report(reader.name)
            for number in range(first, first + cases):
                path, damage = _damaged(reader, seeds, number, home)
                report.add(number, damage, worker.read(reader.read, path, reader.refuses))
            reports.append(report)
    return reports


def assert_sound(readers: Sequence[Reader], cases: int, folder: Path, limits: Limits | None = None) -> None:
    """Fail with the numbers of the cases that were not read, not refused in a sentence, or took too much."""
    reports = run_campaign(readers, cases, folder, limits)
    print(*reports, sep="\n")
    assert not any(report.faults for report in reports), "\n".join(str(report) for report in reports if report.faults)


def reproduce(reader: Reader, number: int, folder: Path) -> Path:
    """Make the input of one case again; returns what is handed to the reader."""
    return _damaged(reader, _seeds(reader, folder), number, folder)[0]


def _seeds(reader: Reader, home: Path) -> list[Seed]:
    whole = home / "whole"
    whole.mkdir(parents=True, exist_ok=True)
    return list(reader.make(whole))


def _damaged(reader: Reader, seeds: Sequence[Seed], number: int, home: Path) -> tuple[Path, str]:
    random = Random(f"{reader.name} {number}")
    seed = seeds[number % len(seeds)]
    path = _copied(seed, home)
    file = path / seed.damaged if seed.damaged else path
    if reader.replaced and (number < len(REPLACEMENTS) or random.random() < _REPLACED):
        replace = REPLACEMENTS[number % len(REPLACEMENTS)]
        file.unlink()
        replace(file)
        return path, replace.__name__
    damage = random.choice(reader.damages)
    file.write_bytes(damage(random, file.read_bytes()))
    return path, damage.__name__


def _copied(seed: Seed, home: Path) -> Path:
    """A fresh copy: a reader may repair, move or lock what it reads."""
    case = home / "case"
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir()
    path = case / seed.whole.name
    if seed.whole.is_dir():
        shutil.copytree(seed.whole, path)
    else:
        shutil.copyfile(seed.whole, path)
    return path
