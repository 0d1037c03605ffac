"""The reader of .pt files takes tensors and refuses everything else."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.checkpoints.torch_file import read
from engine.errors import CheckpointError
from tests.starter_writers import write_torch_file

_fuzz = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def _tensors() -> dict[str, np.ndarray]:
    return {
        "a.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "a.bias": np.linspace(-1, 1, 5).astype(np.float16),
        "steps": np.array(7, np.int64),
    }


def _with_pickle(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/data/0", bytes(64))
    return path


def test_reads_back_what_was_written_in_its_own_precision(tmp_path: Path) -> None:
    found = read(write_torch_file(tmp_path / "a.pt", _tensors()))
    assert {name: value.dtype for name, value in found.items()} == {
        "a.weight": mx.float32,
        "a.bias": mx.float16,
        "steps": mx.int64,
    }
    for name, value in _tensors().items():
        np.testing.assert_array_equal(np.array(found[name]), value)


def test_reads_bfloat16(tmp_path: Path) -> None:
    halves = np.array([1.0, -2.5, 0.0], np.float32).view(np.uint32) >> 16
    found = read(write_torch_file(tmp_path / "a.pt", {"x": halves.astype(np.uint16)}))
    assert found["x"].dtype == mx.bfloat16
    assert found["x"].astype(mx.float32).tolist() == [1.0, -2.5, 0.0]


class _Runs:
    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_pickle_that_wants_to_run_code_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _with_pickle(tmp_path / "evil.pt", pickle.dumps({"x": _Runs()}, protocol))
    with pytest.raises(CheckpointError, match=r"evil\.pt cannot be used"):
        read(path)
    assert not (tmp_path / "executed").exists()


def _nested(levels: int) -> bytes:
    """A memo bomb: each tuple holds the one before twice."""
    return b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * levels + b"."


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"\x80\x02}.",
        b"\x80\x02K\x01.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02ctorch\nFloatStorage\n)R.",
        b"\x80\x02cbuiltins\neval\n.",
        b"\x80\x02h\x05.",
        b"\x80\x02((((t.",
        _nested(100_000),
        _nested(100_000)[:-1] + b"K\x01}h\x00K\x01s.",
        b"\x80\x02}" + _nested(64)[2:-1] + b"K\x01s.",
        b"\x80\x02ccollections\nOrderedDict\n)R" + _nested(64)[2:-1] + b"K\x01s.",
        b"\x80\x02K\x01r\xff\xff\xff\xff.",
        b"\x80\x02B\xff\xff\xff\xffabc.",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00abc.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x06\x00\x00\x00actionK\x01sb.",
        b"\x80\x02" + b"(" * 500_000,
    ],
)
def test_damaged_and_hostile_pickles_give_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"bad\.pt cannot be used: .*\. Download it again"):
        read(_with_pickle(tmp_path / "bad.pt", data))


def _rewritten(path: Path, old: bytes, new: bytes) -> Path:
    """The file with a piece of its pickle exchanged."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old in members["archive/data.pkl"]
    members["archive/data.pkl"] = members["archive/data.pkl"].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_tensor_larger_than_its_numbers_is_refused(tmp_path: Path) -> None:
    path = write_torch_file(tmp_path / "big.pt", {"x": np.zeros(6, np.float32)})
    huge = _rewritten(path, b"(J\x06\x00\x00\x00t(J\x01\x00\x00\x00t", b"(J\x00\x00\x00\x40t(J\x01\x00\x00\x00t")
    with pytest.raises(CheckpointError, match="the numbers of 'x' are incomplete"):
        read(huge)


def test_a_tensor_repeated_without_end_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = write_torch_file(tmp_path / "big.pt", {"x": np.zeros(6, np.float32)})
    huge = _rewritten(path, b"(J\x06\x00\x00\x00t(J\x01\x00\x00\x00t", b"(J\x00\x00\x00\x40t(J\x00\x00\x00\x00t")
    with pytest.raises(CheckpointError, match="far larger than the file"):
        read(huge)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(CheckpointError, match="compressed"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_what_is_not_a_torch_file_gives_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "flow.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"flow\.pt"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"flow\.pt is missing"):
        read(tmp_path / "flow.pt")


@_fuzz
@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.integers(0, 2000)),
)
def test_any_damage_gives_tensors_or_a_sentence(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int | None
) -> None:
    path = write_torch_file(tmp_path / "a.pt", _tensors())
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    path.write_bytes(bytes(data[:cut]))
    try:
        found = read(path)
    except CheckpointError:
        return
    assert sum(value.nbytes for value in found.values()) <= 4 * len(data)


@_fuzz
@given(data=st.binary(max_size=80))
def test_any_pickle_gives_tensors_or_a_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CheckpointError):
        read(_with_pickle(tmp_path / "a.pt", b"\x80\x02" + data))
