"""`earshot models check`: whether a model can be used, and how it understands itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import by_ear, cli
from engine.engine import Engine
from engine.events import Progress
from engine.resources import resource
from tests.engine.test_by_ear import Echo


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The folders that were loaded; each time a model that mishears one word in ten."""
    folders: list[Path] = []

    def read_aloud(model: Echo, text: str, _asked: None, _cancelled: Callable[[], bool]) -> Iterator[int]:
        model.read.append(text)
        return iter([100] * 25)

    def loading(folder: Path, **_options: Any) -> Iterator[Progress]:
        folders.append(folder)
        yield Progress("read", 1, 1)
        return Echo(lambda text: f"Hm {text.partition(' ')[2]}")

    monkeypatch.setenv("EARSHOT_HOME", str(tmp_path))
    monkeypatch.setattr(by_ear, "read_aloud", read_aloud)
    monkeypatch.setattr(Engine, "loading", loading)
    return folders


def test_a_model_is_checked_by_its_name(loaded: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", "Earshot starter", "--by-ear", "-q"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("Earshot starter needs ")
    assert told[1] == "By ear: understood 90 of 100 of its own words."
    assert told[2].startswith("It speaks ")
    assert told[2].endswith("× real time.")
    assert loaded == [resource("starter")]


def test_the_figures_and_each_sentence_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", str(resource("starter")), "--by-ear", "--json", "-q", "--language", "zh"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["name"], figures["language"], figures["words"]) == ("Earshot starter", "zh", 100)
    assert (len(figures["sentences"]), figures["speech_s"]) == (10, 10.0)
    first = figures["sentences"][0]
    assert (first["text"], first["heard"], first["understood"]) == ("下午我们要去公园散步。", "Hm ", 0)


def test_without_by_ear_nothing_is_loaded(loaded: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", "starter"]) == 0
    assert capsys.readouterr().out.endswith("GB: it fits.\n")
    assert loaded == []


def test_a_name_that_no_model_has_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", "nobody", "--by-ear"]) == 2
    assert "No model is called nobody: there is Earshot starter." in capsys.readouterr().err


def test_a_damaged_model_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "check", str(tmp_path)]) == 2
    assert "config.json is missing" in capsys.readouterr().err
