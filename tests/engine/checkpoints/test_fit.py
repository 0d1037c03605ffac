"""Whether a model fits: what a copy would take, what is said of a machine, and a copy that is read back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.checkpoints import fit
from engine.checkpoints.convert import converting, copied_bytes, verifying
from engine.checkpoints.fit import Verdict, judge
from engine.checkpoints.load import memory_needed, stored_bytes
from engine.checkpoints.shards import list_tensors
from engine.errors import CheckpointError
from tests.checkpoints import tiny_checkpoint


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("copies") / "tiny-4bit"
    for _ in converting(tiny_checkpoint(), target):
        pass
    return target


def test_what_a_copy_takes_is_known_before_it_is_made(copy: Path) -> None:
    assert copied_bytes(tiny_checkpoint(), 4) == pytest.approx(stored_bytes(copy), rel=0.01)


def test_a_copy_is_judged_as_it_will_be_once_it_is_there(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.checkpoints.memory.on_gpu", lambda: True)
    monkeypatch.setattr("engine.checkpoints.load.on_gpu", lambda: True)
    assert fit.copy_needed(tiny_checkpoint()) == pytest.approx(memory_needed(copy), rel=0.01)


@pytest.mark.parametrize(
    ("needed", "smaller", "usable", "verdict"),
    [
        (18, 7, 20, Verdict.FITS),
        (18, 7, 18, Verdict.FITS),
        (18, 7, 17, Verdict.FITS_AS_COPY),
        (18, 7, 6, Verdict.TOO_LARGE),
        (18, 0, 17, Verdict.TOO_LARGE),
    ],
)
def test_three_verdicts(needed: int, smaller: int, usable: int, verdict: Verdict) -> None:
    assert judge(needed, smaller, usable) is verdict


def test_a_whole_copy_passes_and_a_damaged_one_does_not(copy: Path, tmp_path: Path) -> None:
    steps = list(verifying(tiny_checkpoint(), copy))
    assert steps[-1].done == steps[-1].total
    damaged = Path(shutil.copytree(copy, tmp_path / "damaged"))
    tensor = max(list_tensors(damaged).values(), key=lambda each: each.bytes)
    with open(tensor.file, "r+b") as file:
        file.seek(tensor.start)
        file.write(b"\xff" * tensor.bytes)
    with pytest.raises(CheckpointError, match="differs from"):
        list(verifying(tiny_checkpoint(), damaged))


def test_free_memory_of_a_mac_is_read_from_its_own_words() -> None:
    said = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               10.\nPages active:                             500.\n"
        "Pages inactive:                           20.\nPages speculative:                         3.\n"
        "Pages purgeable:                           1.\n"
    )
    assert fit.free_in_vm_stat(said) == 34 * 16384
    assert fit.free_in_vm_stat("no such program") is None


def test_free_memory_of_this_machine_is_a_part_of_it() -> None:
    assert fit.free_memory() is None or fit.free_memory() > 0  # type: ignore[operator]
