"""Two processes on loopback share one language model, over MLX's ring."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import mlx.core as mx
import pytest

from engine.checkpoints.parts import PartOfTensor, reading_parts, tensors_of_a_rank
from engine.checkpoints.shards import list_tensors
from engine.engine import Engine
from engine.errors import RequestError
from engine.language import LlmConfig
from engine.ranks import group
from engine.ranks.group import LostRankError, Ranks
from engine.ranks.parts import config_of_a_part
from engine.resources import resource
from tests.engine.ranks.program import written
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow
_HANGS = 60


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("ranks") / "tiny")


def _ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens at."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
        try:
            for more in range(count):
                socket.create_server(("127.0.0.1", port + more)).close()
        except OSError:
            continue
        return port


def _started(folder: Path, *more: str) -> subprocess.Popen[str]:
    launch = "from mlx._distributed_utils.launch import main; main()"
    how = ["-n", "2", "--backend", "ring", "--starting-port", str(_ports(2)), "--"]
    program = [sys.executable, "-m", "tests.engine.ranks.program", str(folder), *more]
    return subprocess.Popen(
        [sys.executable, "-c", launch, *how, *program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _values(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in lines if line.startswith("{"))


@pytest.mark.parametrize("model", ["tiny", "starter"])
def test_two_ranks_write_what_one_process_writes(model: str, tiny: Path) -> None:
    folder = tiny if model == "tiny" else resource("starter")
    process = _started(folder)
    out, _ = process.communicate(timeout=_HANGS)
    found = list(_values(iter(out.splitlines())))
    alone = json.loads(json.dumps(written(Engine.load(folder, backend="plain"))))
    assert process.returncode == 0
    assert alone in found


def test_a_rank_that_dies_ends_the_group_with_a_sentence(tiny: Path) -> None:
    process = _started(tiny, "--wait")
    assert process.stdout is not None
    lines = list(iter(process.stdout.readline, "ready\n"))
    other = next(value for value in _values(iter(lines)) if "pid" in value)
    os.kill(other["pid"], signal.SIGKILL)
    out, _ = process.communicate(timeout=_HANGS)
    assert "Machine 2 of the group is gone" in out


def test_a_sum_that_fails_is_a_machine_that_is_gone_where_one_is() -> None:
    here, there = socket.socketpair()
    unsaid = threading.Event()
    ranks = Ranks(cast("mx.distributed.Group", SimpleNamespace(rank=lambda: 0, size=lambda: 2)), [here])
    ranks.when_lost = lambda lost: unsaid.set()
    error, failed = ValueError("another one"), RuntimeError("connection to a peer was lost")
    assert ranks.explained(error) is error
    there.close()
    assert isinstance(ranks.explained(failed), LostRankError)
    assert unsaid.wait(_HANGS)
    here.close()


def test_a_computation_that_fails_with_all_machines_there_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_NOTICED", 0.01)
    here, there = socket.socketpair()
    ranks = Ranks(cast("mx.distributed.Group", SimpleNamespace(rank=lambda: 0, size=lambda: 2)), [here])
    ranks.when_lost = lambda lost: None
    failed = RuntimeError("out of memory")
    assert ranks.explained(failed) is failed
    there.close()
    here.close()


def test_each_rank_reads_its_part_only(tiny: Path) -> None:
    tensors = list_tensors(tiny)
    whole = mx.load(str(next(iter(tensors.values())).file))
    assert isinstance(whole, dict)
    for rank in (0, 1):
        parts = tensors_of_a_rank(tensors, rank, 2)
        arrays = _end_of(reading_parts(parts))
        for name, axis in (("self_attn.q_proj.weight", 0), ("self_attn.o_proj.weight", 1), ("mlp.down_proj.weight", 1)):
            full = f"model.layers.1.{name}"
            part = parts[full]
            assert isinstance(part, PartOfTensor)
            assert part.bytes * 2 == tensors[full].bytes
            assert mx.array_equal(arrays[full], mx.split(whole[full], 2, axis=axis)[rank])
        assert ("model.embed_tokens.weight" in arrays) == (rank == 0)
        assert any(name.startswith("encoder.") for name in arrays) == (rank == 0)


def _end_of(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_heads_that_cannot_be_shared_are_refused() -> None:
    sizes = LlmConfig(3584, 18944, 28, 4, 28, 158720)
    assert config_of_a_part(sizes, 4).num_key_value_heads == 1
    assert config_of_a_part(sizes, 2).head_width == 128
    with pytest.raises(RequestError, match="as many ranks as divide"):
        config_of_a_part(sizes, 3)
