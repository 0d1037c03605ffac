"""The harness for damaged files notices what it is there for."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

from engine.errors import EngineError
from tests.fuzzing import DAMAGES, JSON_DAMAGES, Limits, Reader, Seed, Worker, assert_sound, reproduce, run_campaign

pytestmark = pytest.mark.slow

LIMITS = Limits(seconds=60.0, memory_base=100_000_000)
HASTY = Limits(seconds=10.0)


def read_well(path: Path) -> None:
    path.stat()


def refuse(path: Path) -> None:
    raise EngineError(f"{path} is damaged: copy it again.")


def stumble(path: Path) -> None:
    raise ValueError("not a number")


def hang(path: Path) -> None:
    time.sleep(600)


def die(path: Path) -> None:
    os.abort()


def take_memory(path: Path) -> None:
    bytearray(b"x") * 400_000_000


def refuse_for_want_of_memory(path: Path) -> None:
    try:
        bytearray(10**12)
    except MemoryError as error:
        raise EngineError(f"{path} is too large.") from error


def read_json(path: Path) -> None:
    """Reads a list of names, as somebody would who trusts the file."""
    try:
        names = json.loads((path / "names.json").read_bytes())["names"]
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(f"{path} cannot be read.") from error
    ", ".join(names)


def make_file(folder: Path) -> Iterable[Seed]:
    (folder / "a").write_bytes(bytes(range(256)))
    return [Seed(folder / "a")]


def make_names(folder: Path) -> Iterable[Seed]:
    (folder / "names").mkdir()
    (folder / "names" / "names.json").write_text('{"names": ["Ada", "Grace"]}')
    return [Seed(folder / "names", "names.json")]


@pytest.mark.parametrize(
    ("read", "fault"),
    [
        (read_well, ""),
        (refuse, ""),
        (stumble, "ValueError: not a number"),
        (die, "the process died (-6)"),
        (take_memory, "may take 100 MB"),
        (refuse_for_want_of_memory, "MemoryError"),
    ],
)
def test_a_reader_is_told_from_a_bad_one(read: Callable[[Path], None], fault: str, tmp_path: Path) -> None:
    with Worker(LIMITS) as worker:
        outcome = worker.read(read, tmp_path, [EngineError])
        assert fault in outcome.fault
        assert bool(outcome.fault) is bool(fault)
        assert not worker.read(read_well, tmp_path, [EngineError]).fault  # whatever the other one did


def test_a_reader_that_hangs_is_stopped(tmp_path: Path) -> None:
    with Worker(HASTY) as worker:
        assert worker.read(hang, tmp_path, [EngineError]).fault == "still reads after 10 s"
        assert not worker.read(read_well, tmp_path, [EngineError]).fault


def test_a_campaign_finds_the_careless_reader_of_a_folder(tmp_path: Path) -> None:
    reader = Reader("names", read_json, make_names, damages=JSON_DAMAGES, replaced=False)
    (report,) = run_campaign([reader], 60, tmp_path, LIMITS)
    assert report.read + report.refused + len(report.faults) == 60
    assert min(report.read, report.refused, len(report.faults)) >= 1
    with pytest.raises(AssertionError, match=r"names: .* faults[\s\S]*Error"):
        assert_sound([reader], 60, tmp_path / "again", LIMITS)
    whole = json.loads((tmp_path / "names" / "whole" / "names" / "names.json").read_bytes())
    assert whole == {"names": ["Ada", "Grace"]}


def test_a_case_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    reader = Reader("file", read_well, make_file)
    made = [reproduce(reader, 20, tmp_path / place).read_bytes() for place in ("here", "there")]
    assert made[0] == made[1] != bytes(range(256))


@pytest.mark.parametrize("data", [b"", b"a", bytes(1000)])
def test_every_damage_copes_with_every_file(data: bytes) -> None:
    for damage in DAMAGES:
        for number in range(50):
            assert isinstance(damage(Random(number), data), bytes)
