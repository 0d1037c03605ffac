"""The models page with the real engine: a smaller copy is made beside the conversation, and used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from app.build import build_controller, load_engine
from app.models.wanted_copies import WantedCopy
from app.paths import Paths
from app.settings import Settings
from app.shown.models import ModelView
from app.shown.talk import TurnState
from app.widgets.settings.model_row import ModelRow
from tests.app.conftest import Running
from tests.app.fakes import FakePermission, FakeSound, ScriptedEngine
from tests.app.user import User
from tests.checkpoints import tiny_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture
def user(tmp_path: Path, qtbot: QtBot, qapp: Any) -> Iterator[User]:
    kept = tmp_path / "models"
    shutil.copytree(tiny_checkpoint(), kept / "tiny")
    (kept / "killed.converting.partial").mkdir()
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    settings = Settings(paths.settings)
    settings.change(
        microphone_explained=True,
        microphone_heard=True,
        language="en",
        models_folder=str(kept),
        model=str(kept / "tiny"),
        tools=(),
    )
    sound, permission = FakeSound(), FakePermission()
    controller = build_controller(paths, settings, loader=load_engine, system=sound, permission=permission)
    somebody = User(Running(controller, ScriptedEngine(), sound, permission, settings, paths, qtbot))
    controller.start()
    somebody.sees(lambda: controller.model.ready and sound.output is not None, 60_000)
    somebody.settings.open_page(somebody.settings.models)
    somebody.sees(lambda: row(somebody, "tiny"))
    yield somebody
    controller.shutdown()


def row(user: User, name: str) -> ModelRow | None:
    rows = user.settings.models.findChildren(ModelRow)
    return next((row for row in rows if row.accessibleName() == name and row.isVisible()), None)


def word(user: User, text: str, name: str) -> QAbstractButton:
    found = row(user, name)
    assert found is not None
    return user.word(text, found)


def model(user: User, name: str) -> ModelView:
    return next(model for model in user.app.controller.models if model.name == name)


def finished(user: User) -> bool:
    return user.app.controller.turns[0].state is TurnState.DONE


def test_what_a_killed_copy_left_is_gone_soon_after_the_start(user: User, tmp_path: Path) -> None:
    user.sees(lambda: not (tmp_path / "models" / "killed.converting.partial").exists())


def test_a_smaller_copy_is_made_and_used(user: User) -> None:
    user.press(word(user, "Make 4-bit copy", "tiny"))
    user.app.controller.ask_text("Meanwhile?")
    user.sees(lambda: user.sound.listen(0.5) is not None and row(user, "tiny-4bit"), 60_000)
    user.sees(lambda: user.sound.listen(0.5) is not None and finished(user), 60_000)
    with pytest.raises(AssertionError, match="0 buttons"):
        word(user, "Make 4-bit copy", "tiny")  # there is one
    user.press(word(user, "Use", "tiny-4bit"))
    user.sees(lambda: user.app.controller.model.ready and user.app.controller.model.name == "tiny-4bit", 60_000)
    user.sees(lambda: model(user, "tiny-4bit").current)
    assert (model(user, "tiny-4bit").about, model(user, "tiny-4bit").problem) == ("4-bit copy", "")


def test_a_copy_that_is_stopped_leaves_nothing(user: User) -> None:
    models = user.app.settings.now.models_folder
    user.app.controller.model_commands.make_copy(str(Path(models) / "tiny"))
    user.app.controller.model_commands.stop_copy()
    user.sees(lambda: word(user, "Make 4-bit copy", "tiny"))
    user.qtbot.wait(100)
    assert [path.name for path in Path(models).iterdir()] == ["tiny"]


def test_a_copy_that_cannot_be_made_says_why(user: User) -> None:
    models = Path(user.app.settings.now.models_folder)
    (models / "tiny-4bit.converting.partial").write_text("in the way")
    user.press(word(user, "Make 4-bit copy", "tiny"))
    user.sees(lambda: "in the way" in model(user, "tiny").problem)


def test_a_download_becomes_a_verified_copy_that_is_offered_for_use(user: User) -> None:
    models = Path(user.app.settings.now.models_folder)
    shutil.copytree(models / "tiny", models / "big")
    inside = user.app.controller._models
    inside.wanted_copies.want("big", WantedCopy(4))
    inside.downloads.arrived.emit("big")
    user.sees(lambda: row(user, "big-4bit") and not row(user, "big"), 60_000)
    assert not (models / "big").exists(), "the original goes"
    arrived = row(user, "big-4bit")
    assert arrived is not None
    assert "Ready: use it now?" in arrived.words
    assert inside.wanted_copies.of("big") is None
    user.press(word(user, "Use", "big-4bit"))
    user.sees(lambda: user.app.controller.model.ready and user.app.controller.model.name == "big-4bit", 60_000)
    user.sees(lambda: "In use" in arrived.words and "Ready" not in arrived.words)


def test_the_original_stays_when_it_was_to_be_kept(user: User) -> None:
    models = Path(user.app.settings.now.models_folder)
    shutil.copytree(models / "tiny", models / "big")
    inside = user.app.controller._models
    inside.wanted_copies.want("big", WantedCopy(4, keep_original=True))
    inside.downloads.arrived.emit("big")
    user.sees(lambda: row(user, "big-4bit"), 60_000)
    assert (models / "big" / "config.json").exists()


def test_a_copy_that_a_quit_came_before_is_made_after_the_start(user: User) -> None:
    models = Path(user.app.settings.now.models_folder)
    user.app.controller._models.wanted_copies.want("big", WantedCopy(4))
    shutil.copytree(models / "tiny", models / "big")  # it arrived, and Earshot was quit
    user.app.controller.model_commands.refresh_models()
    user.sees(lambda: row(user, "big-4bit") and not row(user, "big"), 60_000)


def test_a_removed_model_lies_in_the_trash_and_can_be_brought_back(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Path(user.app.settings.now.models_folder)
    (models.parent / "data").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(models.parent / "data"))
    shutil.copytree(models / "tiny", models / "other")
    user.app.controller.model_commands.refresh_models()
    user.sees(lambda: row(user, "other"))
    found = row(user, "other")
    assert found is not None
    user.press(found.remove_button)
    user.sees(lambda: not row(user, "other"))
    assert not (models / "other").exists()
    assert user.app.controller.undo_history.undo_name == "Remove Model"
    user.window.menus.undo.trigger()
    user.sees(lambda: row(user, "other"))
    assert (models / "other" / "config.json").exists()


def test_removing_the_model_in_use_lets_another_take_its_place(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Path(user.app.settings.now.models_folder)
    (models.parent / "data").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(models.parent / "data"))
    shutil.copytree(models / "tiny", models / "other")
    found = row(user, "tiny")
    assert found is not None
    user.press(found.remove_button)
    user.sees(lambda: user.app.controller.model.ready and user.app.controller.model.name == "other", 60_000)
    assert user.app.settings.now.model == "", "nobody chose it"
    user.window.menus.undo.trigger()
    user.sees(lambda: user.app.controller.model.ready and user.app.controller.model.name == "tiny", 60_000)
