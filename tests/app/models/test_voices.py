"""The real window, the real engine on the small checkpoint: a voice is recorded, heard, used, renamed and removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.build import build_controller
from app.paths import Paths
from app.settings import Settings
from app.widgets.controls.labels import Label
from app.widgets.controls.sheets import NameSheet
from app.widgets.settings.voices import VoiceRow, VoicesPage
from engine.samples import write_wav
from tests.app.conftest import Running
from tests.app.fakes import FakePermission, FakeSound, ScriptedEngine
from tests.app.real_app import OneModel
from tests.app.talking import Prescribed
from tests.app.user import User
from tests.checkpoints import tiny_checkpoint
from tests.sounds import babble

pytestmark = pytest.mark.slow
ANSWER = "Twelve times seven is eighty four."


@pytest.fixture
def user(tmp_path: Path, qtbot: QtBot, qapp: Any) -> Iterator[User]:
    paths = Paths(tmp_path / "home", tmp_path / "home" / "logs")
    paths.make()
    settings = Settings(paths.settings)
    settings.change(microphone_explained=True, microphone_heard=True, language="en")
    sound, permission = FakeSound(), FakePermission()
    controller = build_controller(
        paths, settings, loader=Prescribed(ANSWER, 40), system=sound, permission=permission,
        catalogue=OneModel(tiny_checkpoint()),
    )  # fmt: skip
    somebody = User(Running(controller, ScriptedEngine(), sound, permission, settings, paths, qtbot))
    controller.start()
    somebody.sees(lambda: controller.model.ready and sound.output is not None, 60_000)
    yield somebody
    controller.shutdown()


def voices(user: User) -> VoicesPage:
    user.settings.open_page(user.settings.voices)
    return user.settings.voices


def row(user: User, name: str) -> VoiceRow:
    return next(row for row in voices(user).findChildren(VoiceRow) if row.accessibleName() == name and row.isVisible())


def listed(user: User) -> list[str]:
    return [row.accessibleName() for row in voices(user).findChildren(VoiceRow) if row.isVisible()]


def record(user: User, name: str, seconds: float = 6.0) -> None:
    recorder = voices(user).recorder
    recorder.name_field.setText(name)
    recorder.consent.click()
    user.press(recorder.record_button)
    user.sees(lambda: user.app.controller._sound.microphone.recording)
    user.sound.speak(np.repeat(babble(seconds), 3))


def test_a_voice_is_recorded_heard_used_renamed_and_removed(user: User) -> None:
    recorder, removed = voices(user).recorder, user.app.paths.voices / ".removed"
    assert not recorder.record_button.isEnabled(), "without a name and consent"
    record(user, "Me")
    user.sees(lambda: recorder.message == "“Me” can speak now.", 30_000)
    user.sees(lambda: listed(user) == ["Female", "Male", "Me"])
    user.sees(lambda: not list(user.app.paths.transcriptions.glob("*.flac")))  # nothing is kept beside the voice
    assert user.silence(), "the room is not played back"

    assert any(label.text() == "In use" for label in row(user, "Female").findChildren(Label)), "none was chosen yet"

    user.press(user.word("Hear", row(user, "Me")))
    user.sees(lambda: user.sound.listen(0.02).any(), 30_000)
    user.press(user.word("Use", row(user, "Me")))
    assert user.app.settings.now.voice == "Me"
    assert user.window.voice.text() == "Voice: Me"
    user.settings.accept()
    user.type("What is twelve times seven?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].has_sound, 60_000)
    user.sees(lambda: user.sound.listen(0.02).any(), 30_000)
    user.escape()
    first = spoken(user)

    user.press(user.word("Rename", row(user, "Me")))
    sheet = voices(user).findChild(NameSheet)
    assert sheet is not None
    sheet.field.setText("Myself")
    user.press(sheet.done_button)
    user.sees(lambda: listed(user) == ["Female", "Male", "Myself"])

    user.press(user.word("Remove", row(user, "Myself")))
    user.sees(lambda: listed(user) == ["Female", "Male"])
    assert user.settings.toast.words == "Removed “Myself”"
    user.press(user.settings.toast.undo_button)
    user.sees(lambda: listed(user) == ["Female", "Male", "Myself"])
    assert not list(removed.iterdir())
    user.window.menus.redo.trigger()
    user.sees(lambda: listed(user) == ["Female", "Male"])
    assert [path.parent.parent for path in user.app.paths.voices.rglob("voice")] == [removed]
    user.settings.accept()
    user.window.menus.new.trigger()
    user.type("And now?")
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].has_sound, 60_000)
    user.sees(lambda: user.sound.listen(0.02).any(), 30_000)
    user.escape()
    other = spoken(user)
    length = min(len(first), len(other), 4800)
    assert length == 4800
    assert not np.allclose(first[:length], other[:length], atol=1e-3), "the model's own voice speaks again"
    user.app.controller.shutdown()
    assert not removed.exists(), "the recording is gone with the voice"


def spoken(user: User) -> Any:
    """The sound of the newest answer, as the app wrote it down."""
    folder = user.app.controller._conversation.folder
    user.sees(lambda: list(folder.glob("answer-*.wav")), 30_000)
    (file,) = folder.glob("answer-*.wav")  # an answer has one sound, however often it was spoken
    return soundfile.read(file, dtype="float32")[0]


def test_an_answer_is_spoken_again_in_another_voice(user: User) -> None:
    record(user, "Me")
    user.sees(lambda: listed(user) == ["Female", "Male", "Me"], 30_000)
    user.settings.accept()
    user.type("What is twelve times seven?")
    user.sees(lambda: user.sound.listen(0.02).any(), 60_000)
    user.sees(lambda: user.sound.listen(0.2) is not None and user.window.talk_bar.word == "Ready", 60_000)
    first = spoken(user)
    user.act("Speak with another voice…")
    user.choose("Me")
    user.sees(lambda: user.sound.listen(0.02).any(), 60_000)
    user.sees(lambda: user.sound.listen(0.2) is not None and user.window.talk_bar.word == "Ready", 60_000)
    again = spoken(user)
    assert len(again) == pytest.approx(len(first), rel=0.05)
    assert not np.allclose(again[:4800], first[:4800], atol=1e-3)
    assert user.app.controller.turns[0].answer == ANSWER


def test_silence_becomes_no_voice_and_the_form_stays_filled(user: User) -> None:
    recorder = voices(user).recorder
    recorder.name_field.setText("Nobody")
    recorder.consent.click()
    user.press(recorder.record_button)
    user.sees(lambda: user.app.controller._sound.microphone.recording)
    user.sound.speak(np.random.default_rng(0).normal(0, 1e-4, 6 * 48_000).astype(np.float32))
    user.sees(lambda: "Nothing was heard" in recorder.message)
    assert recorder.name_field.text() == "Nobody"
    assert [voice.name for voice in user.app.controller.voices] == ["Female", "Male"]


def test_closing_the_settings_records_nothing_behind_them(user: User) -> None:
    record(user, "Me", 2.0)
    user.sees(lambda: voices(user).recorder.recording)
    user.settings.reject()
    assert not user.app.controller._sound.microphone.recording
    user.sound.speak(np.repeat(babble(6.0), 3))
    user.qtbot.wait(300)
    assert [voice.name for voice in user.app.controller.voices] == ["Female", "Male"]


def test_a_microphone_pulled_while_a_voice_is_recorded_says_so(user: User) -> None:
    record(user, "Me", 2.0)
    user.sees(lambda: voices(user).recorder.recording)
    assert user.sound.input is not None
    user.sound.input.lost = True
    user.sees(lambda: "was disconnected" in voices(user).recorder.message)
    assert not voices(user).recorder.recording


def test_a_recording_and_an_exported_voice_are_imported(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = tmp_path / "aunt.wav"
    write_wav(recording, babble(4.0), 16_000)
    chosen = [recording]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", staticmethod(lambda *_: (str(chosen[0]), "")))
    page = voices(user)
    user.press(user.word("Import a recording…", page))
    sheet = page.findChild(NameSheet)
    assert sheet is not None
    assert sheet.field.text() == "aunt"
    user.press(sheet.done_button)
    user.sees(lambda: listed(user) == ["Female", "Male", "aunt"], 30_000)
    assert recording.exists(), "the file imported stays"
    exported = tmp_path / "uncle.voice"
    shutil.copy(next(user.app.paths.voices.glob("aunt.voice")), exported)
    chosen[0] = exported
    user.press(user.word("Import a recording…", page))
    sheet = next(sheet for sheet in page.findChildren(NameSheet) if sheet.isVisible())
    user.press(sheet.done_button)
    user.sees(lambda: listed(user) == ["Female", "Male", "aunt", "uncle"], 30_000)
    user.press(user.word("Import a recording…", page))  # once more: the name is taken
    sheet = next(sheet for sheet in page.findChildren(NameSheet) if sheet.isVisible())
    user.press(sheet.done_button)
    user.sees(lambda: "already a voice 'uncle'" in page.recorder.message)
