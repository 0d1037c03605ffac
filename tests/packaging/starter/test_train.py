"""The whole training: its steps come in order, know their options, and are done once. Needs PyTorch."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch trains the starter; nothing else needs it")
from starter.training import train
from starter.training.programs import STARTER


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Programs that were to be started, with their arguments."""
    started: list[list[str]] = []
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: started.append([command[2].removeprefix("starter."), *command[3:]])
    )
    return started


def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> None:
    where = ("--work", str(tmp_path / "work"), "--out", str(tmp_path / "model"), "--natural", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["train.py", *where, *more])
    train.main()


def test_every_step_is_a_program_that_knows_its_options(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path, monkeypatch)
    assert len(run) == 18
    for program, *arguments in run:
        source = source_of(program)
        if "Studio, add_arguments" in source:  # programs that speak share some
            source += source_of("speech.natural_lines")
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert f'"{option}"' in source or f'("{option}' in source, (program, option)


def source_of(program: str) -> str:
    return (STARTER / (program.replace(".", "/") + ".py")).read_text()


def test_a_step_that_broke_off_is_done_again_and_no_other_but_the_folder(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = subprocess.run

    def breaks(command: list[str], **_: object) -> None:
        note(command)
        if "training.own_voice" in command[2]:
            raise subprocess.CalledProcessError(1, command)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", breaks)
        with pytest.raises(subprocess.CalledProcessError):
            start(tmp_path, monkeypatch)
    before = [program for program, *_ in run]
    assert before[-1] == "training.own_voice"
    by_ear = ["training.train_speaking", "training.export_voice"]
    for rest in (
        ["training.own_voice", "training.train_language", *by_ear, "training.assemble", "checks.try_model"],
        ["training.assemble", "checks.try_model"],
    ):
        run.clear()
        start(tmp_path, monkeypatch)
        assert [program for program, *_ in run] == rest


def test_a_short_run_trains_shorter_and_makes_less_speech_a_long_one_only_trains_longer(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def value(program: str, option: str) -> float:
        (arguments,) = (arguments for name, *arguments in run if name == program)
        return float(arguments[arguments.index(option) + 1])

    for number, (scale, amount) in enumerate((("0.1", 0.1), ("3", 1.0))):
        run.clear()
        start(tmp_path / str(number), monkeypatch, "--scale", scale)
        assert value("training.train_language", "--minutes") == pytest.approx(45 * float(scale))
        assert value("speech.spoken_corpus", "--utterances") == train.UTTERANCES * amount
        assert value("speech.natural_lines", "--hours") == train.HOURS * amount


def test_the_published_model_is_not_replaced_unless_it_is_named(
    run: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "--work", str(tmp_path), "--natural", str(tmp_path)])
    train.main()
    assert run[-2][-1] == run[-1][-1] == str(tmp_path / "model")
