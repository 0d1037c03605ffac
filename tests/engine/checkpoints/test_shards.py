"""The headers of safetensors files are checked against each other before any weight is read."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from engine.checkpoints.shards import list_tensors, read_header
from engine.errors import CheckpointError


def write_folder(folder: Path) -> Path:
    """Two shards and their index."""
    save_file({"a.weight": np.ones((4, 8), np.float32)}, folder / "one.safetensors")
    save_file({"b.weight": np.ones(3, np.float16), "c.weight": np.ones((), np.float32)}, folder / "two.safetensors")
    write_index(folder, {"a.weight": "one.safetensors", "b.weight": "two.safetensors", "c.weight": "two.safetensors"})
    return folder


def write_index(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def complaint(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        list_tensors(folder)
    return str(caught.value)


def test_all_tensors_of_all_shards_are_listed(tmp_path: Path) -> None:
    tensors = list_tensors(write_folder(tmp_path))
    assert {name: (t.dtype, t.shape, t.bytes) for name, t in tensors.items()} == {
        "a.weight": ("F32", (4, 8), 128),
        "b.weight": ("F16", (3,), 6),
        "c.weight": ("F32", (), 4),
    }


def test_a_single_file_needs_no_index(tmp_path: Path) -> None:
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "model.safetensors")
    assert set(list_tensors(tmp_path)) == {"a"}


def test_a_folder_without_weights_is_a_sentence(tmp_path: Path) -> None:
    assert "the weights are missing" in complaint(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    (write_folder(tmp_path) / "two.safetensors").unlink()
    assert complaint(tmp_path).startswith(f"{tmp_path / 'two.safetensors'} is missing")


def test_a_shard_whose_name_is_too_long_is_missing(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_index(tmp_path, {"a.weight": "x" * 5000})
    assert f"{'x' * 80} is missing" in complaint(tmp_path)


def test_a_pipe_in_the_place_of_a_shard_is_not_waited_for(tmp_path: Path) -> None:
    (write_folder(tmp_path) / "two.safetensors").unlink()
    os.mkfifo(tmp_path / "two.safetensors")
    assert "it is a pipe or a device, not a file" in complaint(tmp_path)


def test_an_index_that_points_outside_the_folder_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_index(tmp_path, {"a.weight": "../one.safetensors"})
    assert "outside its folder" in complaint(tmp_path)


def test_a_tensor_the_shard_does_not_hold_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_index(tmp_path, {"d.weight": "one.safetensors"})
    assert "does not hold 'd.weight'" in complaint(tmp_path)


def test_an_index_without_a_map_is_a_sentence(tmp_path: Path) -> None:
    write_folder(tmp_path)
    write_index(tmp_path, [])
    assert "has no 'weight_map'" in complaint(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 8, 40, -1])
def test_a_shard_cut_short_is_a_sentence_naming_it(tmp_path: Path, keep: int) -> None:
    path = write_folder(tmp_path) / "one.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    sentence = complaint(tmp_path)
    assert str(path) in sentence
    assert "Download it again" in sentence


def test_an_unknown_number_format_is_named(tmp_path: Path) -> None:
    write_folder(tmp_path)
    save_file({"a.weight": np.ones(2, np.int64)}, tmp_path / "one.safetensors")
    assert "stored as I64" in complaint(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(position=st.integers(0, 200), value=st.integers(0, 255))
def test_one_wrong_byte_anywhere_in_the_header_never_crashes(tmp_path: Path, position: int, value: int) -> None:
    path = tmp_path / "fuzzed.safetensors"
    save_file({"a.weight": np.ones((4, 8), np.float32), "b": np.ones(3, np.float16)}, path)
    content = bytearray(path.read_bytes())
    content[position % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(CheckpointError):  # a sentence is fine, any other exception is a bug
        read_header(path)


@pytest.mark.parametrize("number", [b"Infinity", b"NaN", b"1e400", b'"2"', b"2.0", b"true", b"null"])
def test_a_size_that_is_no_whole_number_is_a_sentence(tmp_path: Path, number: bytes) -> None:
    header = b'{"a": {"dtype": "F32", "shape": [%b], "data_offsets": [0, 8]}}' % number
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    assert "the entry of 'a' cannot be read" in complaint(tmp_path)
