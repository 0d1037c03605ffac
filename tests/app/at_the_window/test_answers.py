"""What is done with an answer at the real window: saved, copied, played, changed, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from app.widgets.controls.sheets import TextSheet
from engine.samples import read
from tests.app.fakes import reply
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit

pytestmark = pytest.mark.slow


def test_sound_is_saved_and_an_answer_copied_spoken_again_edited_and_deleted(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit(reply("One.", 1.0), reply("Changed.", 0))
    user.type("First?")
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    target = tmp_path / "saved.wav"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(target), "")))
    user.act("Save as sound…")
    user.sees_notice("Saved saved.wav.")
    assert len(read(target, 24_000)) == pytest.approx(24_000, abs=10)
    user.act("Copy")
    assert QGuiApplication.clipboard().text() == "One."
    user.act("1.5×")
    user.hears_something()
    assert user.hears() == pytest.approx(1.0 / 1.5, abs=0.06)
    user.act("Speak with another voice…")
    user.choose("Mei")
    user.hears_something()
    user.hears()
    user.sees_word("Ready")
    assert [voice.name for voice in user.app.engine.voices_used] == ["Mei"]
    user.act("Edit question")
    sheet = user.window.findChild(TextSheet)
    assert sheet is not None
    sheet.editor.setPlainText("Changed?")
    user.press(sheet.done_button)
    user.sees(lambda: user.app.controller.turns[0].answer == "Changed.")
    user.sees_word("Ready")
    user.turn().setFocus()
    QTest.keyClick(user.turn(), Qt.Key.Key_Delete)
    assert user.app.controller.turns[0].answer == "One.", "the version beside it"
    QTest.keyClick(user.turn(), Qt.Key.Key_Delete)
    assert user.window.shows_welcome


def test_a_sound_that_cannot_be_saved_says_why(sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = sit(reply("One.", 1.0))
    user.type("First?")
    user.hears_something()
    user.hears()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(lambda *_: (str(tmp_path), "")))
    user.act("Save as sound…")
    user.sees_notice("is a folder: choose a file name")
