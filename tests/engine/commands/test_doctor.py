from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.checkpoints.memory import MemoryBudget
from engine.cli import main
from engine.commands import doctor, machine


@pytest.fixture
def installed(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("EARSHOT_RESOURCES", str(tmp_path / "nothing"))
    monkeypatch.setenv("EARSHOT_MODEL", str(tiny_model))
    return tiny_model


def test_a_machine_with_a_model_is_well(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    page = capsys.readouterr().out
    assert str(installed) in page
    assert "fits, cannot speak" in page
    assert "Would Step-Audio 2 mini fit into memory?" in page
    assert "Everything that is needed is here." in page


def test_it_names_the_back_end_and_one_that_does_not_work_here_is_refused(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARSHOT_BACKEND", "plain")
    assert main(["doctor"]) == 0
    assert "Back-end      plain (the networks as they are, compiled)" in capsys.readouterr().out
    monkeypatch.setenv("EARSHOT_BACKEND", "abacus")
    assert main(["doctor"]) == 2
    assert "'abacus' is not a back-end that Earshot knows" in capsys.readouterr().err


def test_it_says_what_is_predicted_of_a_chip_that_is_known_and_that_nothing_is_of_another(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = machine.machine()
    for device, expected in (
        ("CPU", "Nothing is known of this processor: measure it with `earshot benchmark`."),
        ("Apple M99", "Nothing is known of Apple M99: measure it"),
        ("Apple M4 Max", "  4-bit                 86 ids/s, first heard 0.4 s after a question\n"),
    ):
        monkeypatch.setattr(machine, "machine", lambda device=device: here | {"device": device})
        assert main(["doctor"]) == 0
        assert expected in capsys.readouterr().out
        assert main(["doctor", "--json"]) == 0
        predicted = json.loads(capsys.readouterr().out)["predicted"]
        assert set(predicted) == (set(doctor._full_model(on_cpu=False)) if device == "Apple M4 Max" else set())


def test_json_has_the_same_findings(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"][0]["folder"] == str(installed)
    assert found["machine"]["usable_bytes"] <= found["machine"]["memory_bytes"]
    assert found["gflops"] > 0
    assert found["problems"] == []


def test_a_machine_without_a_model_is_told_how_to_get_one(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("EARSHOT_MODEL")
    assert main(["doctor"]) == 2
    assert "No usable model was found: put a Step-Audio 2 folder into" in capsys.readouterr().out


def test_a_damaged_model_is_named(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    monkeypatch.setenv("EARSHOT_MODEL", str(tmp_path / "broken"))
    assert main(["doctor"]) == 2
    page = capsys.readouterr().out
    assert "cannot be used, see below" in page
    assert f"{tmp_path / 'broken' / 'config.json'} is damaged" in page


def test_a_model_that_does_not_fit_is_told(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.checkpoints.memory.memory_budget", lambda: MemoryBudget(2_000_000_000, 20_000_000))
    assert main(["doctor"]) == 2
    page = capsys.readouterr().out
    assert "does not fit" in page
    assert "No model here fits into the memory: close other programs" in page
    assert re.search(r" GB   no\n", page)


@pytest.mark.parametrize(
    ("usable_gb", "advice"),
    [
        (20, "`earshot models download Step-Audio-2-mini` brings the full one."),
        (10, "`earshot models download Step-Audio-2-mini --bits 4` brings the full one."),
        (6, "The full one needs 7.6 GB of memory, which this machine does not have to give."),
    ],
)
def test_no_download_is_advised_that_does_not_fit(usable_gb: int, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    budget = MemoryBudget(24_000_000_000, usable_gb * 1_000_000_000)
    monkeypatch.setattr("engine.checkpoints.memory.memory_budget", lambda: budget)
    monkeypatch.setattr("engine.checkpoints.memory.on_gpu", lambda: True)
    sizes = doctor._full_model(on_cpu=False)
    assert doctor._way_to_the_full_model(sizes) == advice


def test_slow_matrices_are_advice_and_no_problem(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "matrix_library", lambda: "OpenBLAS")
    assert not any("OpenBLAS" in sentence for sentence in doctor.findings()["advice"])
    monkeypatch.setattr(machine, "matrix_library", lambda: machine.REFERENCE_BLAS)
    found = doctor.findings()
    assert found["problems"] == []
    assert any("install OpenBLAS" in sentence for sentence in found["advice"])


def test_a_missing_library_is_a_problem(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LIBRARIES", ("mlx", "no-such-library"))
    assert doctor.findings()["problems"] == ["The library no-such-library is missing: install Earshot again."]
