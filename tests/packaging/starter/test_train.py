"""The whole training: its steps come in order, know their options, and are done once. Needs PyTorch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
import train


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Scripts that were to be started, with their arguments."""
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: started.append([Path(command[1]).name, *command[2:]]))
    return started


def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    where = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "model"), "--natural", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["train.py", *where, *more])
    train.main()


def test_every_step_is_a_script_that_knows_its_options(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path, monkeypatch)
    assert len(run) == 15
    for script, *arguments in run:
        source = (train.HERE / script).read_text()
        if "import Studio, add_arguments" in source:  # scripts that speak share some
            source += (train.HERE / "natural_lines.py").read_text()
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert f'"{option}"' in source or f'("{option}' in source, (script, option)


def test_a_step_that_broke_off_is_done_again_and_no_other_but_the_folder(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = subprocess.run

    def breaks(command: list[str], **_: object) -> None:
        note(command)
        if "own_voice.py" in command[1]:
            raise subprocess.CalledProcessError(1, command)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", breaks)
        with pytest.raises(subprocess.CalledProcessError):
            start(tmp_path, monkeypatch)
    before = [script for script, *_ in run]
    assert before[-1] == "own_voice.py"
    for rest in (["own_voice.py", "train_language.py", "assemble.py"], ["assemble.py"]):
        run.clear()
        start(tmp_path, monkeypatch)
        assert [script for script, *_ in run] == rest


def test_a_short_run_trains_shorter_and_makes_less_speech_a_long_one_only_trains_longer(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def value(script: str, option: str) -> float:
        (arguments,) = (arguments for name, *arguments in run if name == script)
        return float(arguments[arguments.index(option) + 1])

    for number, (scale, amount) in enumerate((("0.1", 0.1), ("3", 1.0))):
        run.clear()
        start(tmp_path / str(number), monkeypatch, "--scale", scale)
        assert value("train_language.py", "--minutes") == pytest.approx(45 * float(scale))
        assert value("spoken_corpus.py", "--utterances") == train.UTTERANCES * amount
        assert value("natural_lines.py", "--hours") == train.HOURS * amount
