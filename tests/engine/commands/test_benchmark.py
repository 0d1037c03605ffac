from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.commands import machine
from tests.sounds import babble, silence, write_with_soundfile

STAGES = [
    "load the model",
    "log-mel",
    "encoder and adaptor",
    "prefill",
    "decode",
    "real-time factor",
    "memory at its peak",
]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_with_soundfile(tmp_path / "talk.wav", babble(3.0), 16_000)


def test_every_stage_is_printed_and_written(
    recording: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "figures.json"
    assert main(["benchmark", str(recording), "3", "--model", str(tiny_model), "--output", str(output)]) == 0
    captured = capsys.readouterr()
    assert captured.err == f"Written to {output}.\n"
    report = json.loads(output.read_text())
    assert [figure["name"] for figure in report["figures"]] == STAGES
    for figure in report["figures"]:
        assert len(figure["values"]) == (1 if figure["name"] == "load the model" else 3)
        assert 0 < figure["minimum"] <= figure["median"] <= figure["maximum"]
        assert figure["name"] in captured.out
    assert report["machine"]["processor"] in captured.out
    assert report["file"]["speech_s"] == pytest.approx(3.0, abs=0.3)


def test_what_was_predicted_stands_beside_what_came_of_it(
    recording: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "figures.json"
    arguments = ["benchmark", str(recording), "1", "--model", str(tiny_model), "--output", str(output), "-q"]
    assert main(arguments) == 0
    assert "Nothing was predicted: this device is not in the table" in capsys.readouterr().out
    here = machine.machine()
    monkeypatch.setattr(machine, "machine", lambda: here | {"device": "Apple M4 Max"})
    assert main(arguments) == 0
    rows = capsys.readouterr().out.splitlines()
    predicted = json.loads(output.read_text())["predicted"]
    assert set(predicted) == {"encoder and adaptor", "prefill", "decode"}
    assert all(value > 0 for value in predicted.values())
    for name in predicted:
        assert [row for row in rows if row.startswith(name) and "predicted: " in row]


def test_nothing_is_written_unless_asked(
    recording: Path,
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["benchmark", str(recording), "1", "--model", str(tiny_model), "-q"]) == 0
    assert sorted(tmp_path.iterdir()) == [recording]
    assert main(["benchmark", str(recording), "1", "--model", str(tiny_model), "-o", "nowhere/figures.json"]) == 2
    assert "There is no folder nowhere" in capsys.readouterr().err


def test_json_goes_to_stdout(
    recording: Path, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "figures.json"
    arguments = ["benchmark", str(recording), "1", "--model", str(tiny_model), "--output", str(output), "--json", "-q"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads(output.read_text())
    assert captured.err == ""


def test_silence_and_no_rounds_cannot_be_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silent = write_with_soundfile(tmp_path / "silent.wav", silence(2.0), 16_000)
    assert main(["benchmark", str(silent)]) == 2
    assert "No speech was found in" in capsys.readouterr().err
    assert main(["benchmark", str(silent), "0"]) == 2
    assert "0 rounds cannot be measured" in capsys.readouterr().err
