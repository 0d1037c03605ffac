"""The best usable model is found without being told."""

from __future__ import annotations

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
