"""Smaller copies: whole or not at all, whoever else makes one at the same place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.checkpoints.catalogue import describe
from engine.checkpoints.convert import converting
from engine.checkpoints.folder_lock import locked
from engine.checkpoints.leftovers import remove_leftovers
from engine.checkpoints.shards import list_tensors
from engine.checkpoints.weights import map_tensors
from engine.errors import CheckpointError, RequestError


def is_whole(folder: Path) -> bool:
    """Whether a folder's files agree with each other and its weights can be read."""
    return not describe(folder).problem and bool(map_tensors(list_tensors(folder)))


def test_a_second_conversion_to_the_same_folder_is_refused_and_harms_nothing(tiny_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    first = converting(tiny_model, target)
    next(first)
    with pytest.raises(CheckpointError, match="is being made by another Earshot"):
        list(converting(tiny_model, target))
    for _ in first:
        pass
    assert is_whole(target)
    with pytest.raises(RequestError, match="exists already"):
        list(converting(tiny_model, target))
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_two_commands_at_once_make_one_whole_copy(tiny_model: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    command = [sys.executable, "-m", "engine", "models", "convert", str(tiny_model), "-o", str(target)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [each.communicate(timeout=60)[1] for each in both]
    assert 0 in {each.returncode for each in both}
    for each, error in zip(both, errors, strict=True):
        assert each.returncode == 0 or "being made by another" in error or "exists already" in error
    assert is_whole(target)


def test_a_conversion_leaves_a_paused_download_of_that_name_alone(tiny_model: Path, tmp_path: Path) -> None:
    paused = tmp_path / "small.partial" / "model.safetensors.part"
    paused.parent.mkdir()
    paused.write_bytes(b"12345")
    with pytest.raises(RequestError, match="There is an unfinished download of small"):
        list(converting(tiny_model, tmp_path / "small"))
    assert paused.read_bytes() == b"12345"


def test_a_conversion_waits_for_no_download_of_that_name(tiny_model: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "small"), pytest.raises(CheckpointError, match="is being made by another Earshot"):
        list(converting(tiny_model, tmp_path / "small"))


def test_a_conversion_that_is_stopped_or_was_killed_leaves_nothing(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "small.converting.partial").mkdir()  # of one that was killed
    (tmp_path / "small.converting.partial" / "model-00001.safetensors").write_bytes(b"half")
    steps = converting(tiny_model, tmp_path / "small")
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_what_killed_conversions_left_is_removed_and_a_running_one_is_not(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "killed.converting.partial").mkdir()
    (tmp_path / "killed.converting.partial" / "model-00001.safetensors").write_bytes(b"half")
    for name in (".killed.lock", ".whole.lock"):  # of processes that are gone
        os.close(os.open(tmp_path / name, os.O_CREAT, 0o600))
    (tmp_path / ".notes.lock").write_text("of another program")
    (tmp_path / "paused.partial").mkdir()
    running = converting(tiny_model, tmp_path / "running")
    next(running)
    remove_leftovers(tmp_path)
    kept = {".notes.lock", "paused.partial", "running.converting.partial", ".running.lock"}
    assert {path.name for path in tmp_path.iterdir()} == kept
    list(running)
    assert is_whole(tmp_path / "running")


def test_a_pipe_among_the_files_is_not_waited_for(tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "model"
    source.mkdir()
    for path in tiny_model.iterdir():
        (source / path.name).symlink_to(path)
    os.mkfifo(source / "pipe.txt")
    list(converting(source, tmp_path / "small"))
    assert is_whole(tmp_path / "small")
    assert not (tmp_path / "small" / "pipe.txt").exists()
