"""File dialogs begin where the last one of their kind ended, and nobody is told a whole path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog

from app.settings import Settings
from app.talk.schema import VERSION
from app.talk.store import Store
from app.widgets.controls.sheets import NameSheet
from app.widgets.frame.window import documents_folder
from engine.errors import StorageError
from tests.app.fakes import reply
from tests.app.user import Sit


@pytest.mark.slow
def test_a_voice_is_looked_for_where_the_last_one_was_found(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins: list[str] = []
    chosen = tmp_path / "voices of friends" / "ada.wav"
    chosen.parent.mkdir()

    def choose(_parent: object, _title: str, start: str, _kinds: str) -> tuple[str, str]:
        begins.append(start)
        return str(chosen), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    user = sit()
    for _ in range(2):
        user.settings.voices.import_requested.emit()
        for sheet in user.settings.findChildren(NameSheet):
            sheet.reject()
    assert begins == [documents_folder(), str(chosen.parent)]
    assert Settings(user.app.paths.settings).now.voice_folder == str(chosen.parent)


@pytest.mark.slow
def test_sound_is_saved_where_the_last_export_went(sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begins: list[str] = []
    chosen = tmp_path / "sounds" / "answer.wav"
    chosen.parent.mkdir()

    def choose(_parent: object, _title: str, start: str, _kinds: str) -> tuple[str, str]:
        begins.append(str(Path(start).parent))
        return str(chosen), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    user = sit(reply("Well.", 0.2))
    user.type("Well?")
    user.hears_something()
    user.hears()
    for _ in range(2):
        user.act("Save as sound…")
        user.sees(chosen.exists)
        chosen.unlink()
    assert begins == [documents_folder(), str(chosen.parent)]


def test_a_newer_file_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "conversations.sqlite"
    store = Store(file, tmp_path / "recordings")
    store._database._db.execute(f"PRAGMA user_version = {VERSION + 1}")
    store.close()
    with pytest.raises(StorageError, match=r"^conversations\.sqlite was written by a newer version") as told:
        Store(file, tmp_path / "recordings")
    assert str(tmp_path) not in str(told.value)


@pytest.mark.parametrize("content", [json.dumps({"version": 99}), "{"])
def test_damaged_and_newer_settings_are_told_by_their_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    (told,) = Settings(tmp_path / "settings.json").take_troubles()
    assert "settings." in told
    assert str(tmp_path) not in told
