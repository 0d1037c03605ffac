"""The best usable model is found without being told."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from engine.checkpoints import catalogue
from engine.errors import CheckpointError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An empty folder of models and an empty folder of resources."""
    models, resources = tmp_path / "models", tmp_path / "resources"
    models.mkdir()
    resources.mkdir()
    monkeypatch.delenv("EARSHOT_MODEL", raising=False)
    monkeypatch.setattr(catalogue, "models_folder", lambda: models)
    monkeypatch.setenv("EARSHOT_RESOURCES", str(resources))
    return models, resources


def test_without_any_model_the_sentence_says_where_to_put_one(places: tuple[Path, Path]) -> None:
    assert catalogue.installed() == []
    with pytest.raises(CheckpointError, match=str(places[0])):
        catalogue.best()


def test_a_full_model_goes_before_the_starter_and_a_damaged_one_comes_last(
    places: tuple[Path, Path], tiny_model: Path
) -> None:
    models, resources = places
    shutil.copytree(tiny_model, resources / "starter")
    assert catalogue.best() == resources / "starter"
    (models / "Broken").mkdir()
    (models / "Broken" / "config.json").write_text("{")
    assert catalogue.best() == resources / "starter"
    shutil.copytree(tiny_model, models / "Step-Audio-2-mini-Think")
    found = catalogue.installed()
    assert [model.folder.name for model in found][-1] == "Broken"
    assert "is damaged" in found[-1].problem
    assert (found[0].variant, found[0].speaks, found[0].bits) == ("think", False, None)


def test_the_environment_decides_above_all(
    places: tuple[Path, Path], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model, places[0] / "Other")
    monkeypatch.setenv("EARSHOT_MODEL", str(tiny_model))
    assert catalogue.best() == tiny_model


def test_what_is_still_being_downloaded_is_no_model_yet(places: tuple[Path, Path], tiny_model: Path) -> None:
    models, resources = places
    shutil.copytree(tiny_model, resources / "starter")
    partial = models / "Step-Audio-2-mini.partial"
    partial.mkdir()
    shutil.copy(tiny_model / "config.json", partial)
    (partial / "model-00001-of-00004.safetensors.part").write_bytes(bytes(5_000_000))
    assert catalogue.best() == resources / "starter"
    assert [model.folder.name for model in catalogue.installed()] == ["starter"]


@pytest.mark.parametrize("content", ['{"earshot": {"variant": "poet"}}', "[" * 100_000, f'{{"bits": {"1" * 5000}}}'])
def test_no_folder_however_damaged_keeps_the_others_from_being_listed(
    places: tuple[Path, Path], tiny_model: Path, content: str
) -> None:
    models, resources = places
    shutil.copytree(tiny_model, resources / "starter")
    shutil.copytree(tiny_model, models / "Odd")
    if content.startswith('{"earshot"'):
        content = json.dumps(json.loads((tiny_model / "config.json").read_text()) | json.loads(content))
    (models / "Odd" / "config.json").write_text(content)
    assert [(model.folder.name, bool(model.problem)) for model in catalogue.installed()] == [
        ("starter", False),
        ("Odd", True),
    ]


def test_the_environment_may_spell_its_folder_in_any_way(
    places: tuple[Path, Path], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model, places[0] / "Larger")
    (places[0] / "Larger" / "more.bin").write_bytes(bytes(1000))
    monkeypatch.setenv("EARSHOT_MODEL", f"{tiny_model}/")
    assert catalogue.best() == tiny_model
    monkeypatch.setenv("EARSHOT_MODEL", f"{tmp_path}/nowhere/")
    assert "does not exist" in catalogue.installed()[0].problem


def test_models_lie_in_the_folder_that_holds_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARSHOT_HOME", str(tmp_path / "home"))
    assert catalogue.models_folder() == tmp_path / "home" / "models"
    monkeypatch.delenv("EARSHOT_HOME")
    assert catalogue.models_folder().parent.name == "Earshot"


def test_the_fingerprint_tells_when_a_file_came_went_or_was_written(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    first = catalogue.describe(tmp_path).fingerprint
    assert catalogue.describe(tmp_path).fingerprint == first
    seen = {first}
    os.utime(weights, ns=(1, 1))
    seen.add(catalogue.describe(tmp_path).fingerprint)
    weights.write_bytes(b"other weights")
    os.utime(weights, ns=(1, 1))
    seen.add(catalogue.describe(tmp_path).fingerprint)
    (tmp_path / "token2wav").mkdir()
    assert catalogue.describe(tmp_path).fingerprint in seen, "an empty folder is no file"
    weights.rename(tmp_path / "token2wav" / "flow.pt")
    seen.add(catalogue.describe(tmp_path).fingerprint)
    assert len(seen) == 4
