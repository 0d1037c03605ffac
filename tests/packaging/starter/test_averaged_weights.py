"""Weights between two sets: each value, in shards that come back whole. Needs PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.training import averaged_weights  # noqa: E402


def test_they_lie_the_share_of_the_way_and_the_spellers_head_is_left_out() -> None:
    before = {"a": torch.tensor([0.0, 8.0]).half(), "b": torch.ones(2, 2)}
    after = {"a": torch.tensor([4.0, 0.0]).half(), "b": torch.zeros(2, 2), "letters.weight": torch.ones(1)}
    made = averaged_weights.between(before, after, 0.25)
    assert set(made) == {"a", "b"}
    assert made["a"].tolist() == [1.0, 6.0]
    assert made["b"].unique().tolist() == [0.75]


def test_the_language_model_may_go_another_share_of_the_way_than_the_ear() -> None:
    before = {"encoder.a": torch.zeros(1), "adapter.b": torch.zeros(1), "llm.c": torch.zeros(1)}
    after = {name: torch.ones(1) for name in before}
    made = averaged_weights.between(before, after, 0.85, 0.6)
    assert [round(made[name].item(), 2) for name in before] == [0.85, 0.85, 0.6]


@pytest.mark.parametrize("other", [{"a": torch.zeros(3)}, {"b": torch.zeros(2)}, {}])
def test_weights_of_another_network_are_refused(other: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="not of the same network"):
        averaged_weights.between({"a": torch.zeros(2)}, other, 0.5)


def test_the_command_line_writes_shards_that_hold_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averaged_weights, "SHARD_BYTES", 100)
    for name, value in (("before", 0.0), ("after", 2.0)):
        averaged_weights.write({f"w{n}": torch.full((30,), value + n) for n in range(4)}, tmp_path / name)
    arguments = [str(tmp_path / name) for name in ("before", "after", "out")]
    averaged_weights.write({f"old{n}": torch.zeros(30) for n in range(9)}, tmp_path / "out")  # of an earlier run
    monkeypatch.setattr("sys.argv", ["averaged_weights.py", *arguments])
    averaged_weights.main()
    assert len(list((tmp_path / "out").glob("weights-*.safetensors"))) == 4
    found = averaged_weights.read(tmp_path / "out")
    assert {name: set(weight.tolist()) for name, weight in found.items()} == {f"w{n}": {1.0 + n} for n in range(4)}


def test_the_weights_of_one_file_become_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("before", 0.0), ("after", 2.0)):
        averaged_weights.save_file({"w": torch.full((3,), value)}, tmp_path / name)
    arguments = [str(tmp_path / name) for name in ("before", "after", "out")]
    monkeypatch.setattr("sys.argv", ["averaged_weights.py", *arguments, "--share", "0.75"])
    averaged_weights.main()
    assert averaged_weights.load_file(tmp_path / "out")["w"].tolist() == [1.5] * 3


def test_a_folder_without_weights_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        averaged_weights.read(tmp_path)
