"""The window on a controller: its sidebar, header, recordings and settings."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from app.controller import Controller
from app.model_commands import ModelCommands
from app.models.downloads import Downloads
from app.recording_commands import RecordingCommands
from app.settings import Preferences
from app.shown.models import ModelStatus, VoiceView
from app.shown.talk import (
    ConversationView,
    Hearing,
    Welcome,
)
from app.shown.transcribe import JobChoices, JobState, JobView, TextSegment
from app.transcribe.transcriber import Transcriber
from app.widgets.controls.sheets import Message
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.talk.welcome import PhraseButton
from app.widgets.transcribe.job_row import JobAction
from tests.app.widgets.fake_controller import (
    FakeController,
    FakeDownloads,
    FakePreferences,
    FakeSettings,
    FakeTranscriber,
)


def test_the_line_at_the_bottom_left_tells_the_truth(window: MainWindow, controller: FakeController) -> None:
    status = window.sidebar.status
    assert status.text == "Step-Audio 2 mini · 4-bit\n6.1 of 24 GB · nothing leaves this Mac"
    controller.have("model", replace(controller.model, memory_bytes=44_000_000))
    assert status.text.endswith("\n44 MB · nothing leaves this Mac")
    controller.have("model", replace(controller.model, leaves="web searches leave this Mac"))
    assert status.text.endswith("web searches leave this Mac")
    controller.have("model", ModelStatus("Mini", share=0.42))
    assert status.text == "Loading Mini\n42 %"
    controller.have("model", ModelStatus("Mini", problem="Its weights are damaged."))
    assert status.text == "Mini\nIts weights are damaged."


def test_without_a_voice_the_header_leads_to_adding_one(window: MainWindow, controller: FakeController) -> None:
    controller.have("voices", ())
    assert (window.voice.text(), window.voice.isEnabled()) == ("No voice", True)
    assert window.talk_bar.speak.isHidden(), "answers cannot be spoken"
    window.voice.menu_of_choices.actions()[-1].trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    assert dialog.voices.isVisible()
    controller.have("voices", (VoiceView("anna", "Anna"),))
    assert (window.voice.text(), window.talk_bar.speak.isHidden()) == ("Voice: Anna", False)


def test_conversations_are_opened_renamed_searched_and_deleted_without_a_question(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    controller.have("conversations", (ConversationView("1", "Train times", 2e9), ConversationView("2", "Two", 2e9)))
    window.show_page(TRANSCRIBE)
    window.sidebar.conversations.opened.emit("2")
    assert controller.last() == ("open_conversation", "2")
    assert window.page == TALK
    window.sidebar.conversations.renamed.emit("2", "Three")
    assert controller.last() == ("rename", "2", "Three")
    window.sidebar.search.setText("train")
    qtbot.waitUntil(lambda: controller.last() == ("search", "train"))
    window.sidebar.conversations.delete_requested.emit("2")
    assert controller.last() == ("delete_conversation", "2")
    assert window.findChild(QDialog) is None


def test_title_preset_and_voice_are_in_the_header(
    window: MainWindow, controller: FakeController, settings: FakeSettings
) -> None:
    assert window.header.title == "Train times"
    assert (window.preset.text(), window.voice.text()) == ("Assistant", "Voice: Mei")
    window.preset.menu_of_choices.actions()[1].trigger()
    assert controller.last() == ("set_preset", "coach")
    window.voice.menu_of_choices.actions()[1].trigger()
    assert controller.last() == ("set_voice", "anna")
    settings.change(voice="anna")
    assert window.voice.text() == "Voice: Anna"
    controller.have("conversation", ConversationView("9", "", 2e9))
    assert window.header.title == "New conversation"


def drop(window: MainWindow, *files: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    none, move = Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    event = QDropEvent(QPointF(500, 300), move, data, Qt.MouseButton.LeftButton, none, QEvent.Type.Drop)
    window.dropEvent(event)


def test_one_recording_on_the_talk_page_is_asked_about(
    window: MainWindow, controller: FakeController, tmp_path: Path
) -> None:
    file = tmp_path / "interview.wav"
    file.touch()
    drop(window, file)
    assert controller.last() == ("attach", file)
    controller.have("attachment", "interview.wav")
    assert window.talk_bar.attachment == "About interview.wav"
    window.talk_bar.attachment_removed.emit()
    assert controller.last() == ("clear_attachment",)


def test_several_files_and_folders_are_transcribed(
    window: MainWindow, controller: FakeController, tmp_path: Path
) -> None:
    drop(window, tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.txt")
    assert controller.transcriber.last() == ("add_files", [tmp_path / "a.wav", tmp_path / "b.wav", tmp_path / "c.txt"])
    assert window.page == TRANSCRIBE
    window.show_page(TALK)
    drop(window, tmp_path)
    assert controller.transcriber.last() == ("add_files", [tmp_path])


def test_rows_of_recordings_become_commands(
    window: MainWindow, controller: FakeController, settings: FakeSettings
) -> None:
    controller.transcriber.show(JobView("a", "talk.wav", JobState.RUNNING), JobView("b", "notes.txt", JobState.FAILED))
    page = window.transcribe
    page.card("a").press(JobAction.CANCEL)
    assert controller.transcriber.last() == ("cancel", "a")
    page.card("a").press(JobAction.PAUSE)
    assert controller.transcriber.last() == ("pause_job", "a")
    page.act.emit("b", JobAction.RETRY, None)
    assert controller.transcriber.last() == ("retry", "b")
    page.act.emit("b", JobAction.UP, None)
    assert controller.transcriber.last() == ("move_up", "b")
    page.act.emit("b", JobAction.CHOOSE, JobChoices("zh"))
    assert controller.transcriber.last() == ("choose", "b", JobChoices("zh"))
    page.new_choices.language.pick("de")
    assert controller.transcriber.last() == ("choose_for_new", JobChoices("de"))
    assert settings.now.job_language == "de"
    window.show_page(TRANSCRIBE)
    page.act.emit("a", JobAction.ASK, None)
    assert controller.last() == ("ask_recording", "a")
    assert window.page == TALK


def test_export_is_offered_once_a_text_is_complete(window: MainWindow, controller: FakeController) -> None:
    export = window.recordings.export_all
    assert not export.isEnabled()
    controller.transcriber.show(JobView("a", "talk.wav", JobState.DONE, segments=(TextSegment(0, 1, "One."),)))
    assert export.isEnabled()
    window.show_page(TRANSCRIBE)
    assert window.menus.export.isEnabled()


def test_the_microphone_is_explained_before_the_system_asks(window: MainWindow, controller: FakeController) -> None:
    controller.have("welcome", replace(controller.welcome, hearing=Hearing.UNASKED))
    card = window.welcome.microphone
    assert card.isVisible()
    card.act.click()
    assert controller.last() == ("allow_microphone",)
    controller.have("welcome", Welcome())
    assert not card.isVisible()


def test_the_level_of_the_microphone_is_seen_while_it_is_tested(window: MainWindow, controller: FakeController) -> None:
    controller.have("welcome", replace(controller.welcome, hearing=Hearing.TESTED))
    card = window.welcome.microphone
    controller.microphone_level_changed.emit(0.5)
    assert card.meter.isVisible()
    assert card.meter.lit == 16
    assert not card.says_heard
    card.devices.pick("mic")
    assert window._settings.now.input_device == "mic"
    controller.have("welcome", replace(controller.welcome, hearing=Hearing.SILENT))
    assert card.words == "Desk microphone gives no sound. Is it muted?"
    controller.have("welcome", replace(controller.welcome, hearing=Hearing.HEARD))
    assert card.says_heard
    assert not card.later.isVisible()


def test_three_phrases_stand_in_a_row_where_there_is_room(window: MainWindow, controller: FakeController) -> None:
    phrases = ("What is twelve times seven?", "Set a timer for five minutes.", "What time is it in Tokyo?")
    controller.have("welcome", replace(controller.welcome, phrases=phrases, demonstration=True))
    QApplication.processEvents()

    def tops() -> set[int]:
        return {button.y() for button in window.welcome.findChildren(PhraseButton) if button.isVisible()}

    assert len(tops()) == 1
    window.resize(560, 700)
    QApplication.processEvents()
    assert len(tops()) == 3


def test_settings_change_preferences_and_follow_them(
    window: MainWindow, controller: FakeController, settings: FakeSettings
) -> None:
    window.menus.settings.trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    assert dialog.isVisible()
    dialog.changed.emit("pre_roll_ms", 300)
    assert settings.now.pre_roll_ms == 300
    dialog.changed.emit("tool_enabled", ("web_search", True))
    assert controller.last() == ("set_tools", ("calculator", "web_search"))
    dialog.models.model_chosen.emit("mini")
    assert controller.last() == ("switch_model", "mini", True)
    dialog.voices.recorder.started.emit("Me")
    assert controller.last() == ("record_voice", "Me")
    controller.voice_recording_changed.emit(0.5)
    assert dialog.voices.recorder.recording
    controller.voice_recording_changed.emit(-1.0)
    assert not dialog.voices.recorder.recording


def test_a_voice_is_recorded_only_with_a_name_and_consent(window: MainWindow) -> None:
    window.menus.settings.trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    recorder = dialog.voices.recorder
    assert not recorder.record_button.isEnabled()
    recorder.name_field.setText("Me")
    assert not recorder.record_button.isEnabled()
    recorder.consent.setChecked(True)
    assert recorder.record_button.isEnabled()


def test_the_window_opens_where_it_was(
    window: MainWindow, controller: FakeController, settings: FakeSettings, qtbot: QtBot
) -> None:
    window.resize(780, 600)
    window.close()
    again = MainWindow(controller, settings)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (780, 600)


def test_diagnostics_are_copied(window: MainWindow, controller: FakeController) -> None:
    window.menus.diagnostics.trigger()
    assert QGuiApplication.clipboard().text() == "Earshot diagnostics"
    assert window.findChild(Message) is not None


def test_the_column_beside_a_transcript_is_hidden_and_shown_by_its_keys(
    window: MainWindow, controller: FakeController
) -> None:
    act = window.menus.side_column
    assert act.shortcut().toString() == "Ctrl+Alt+I"
    assert not act.isEnabled()
    controller.transcriber.show(JobView("a", "talk.wav", JobState.DONE, segments=(TextSegment(0, 1, "One."),)))
    window.reading.open("a")
    window.menus.view.aboutToShow.emit()
    assert (act.isEnabled(), act.text()) == (True, "Hide Side Column")
    act.trigger()
    assert not window.transcript.side.isVisible()
    assert act.text() == "Show Side Column"
    act.trigger()
    assert window.transcript.side.isVisible()
    window.show_page(TALK)
    assert not act.isEnabled()


def test_the_list_of_shortcuts_is_that_of_the_menus(window: MainWindow) -> None:
    window.menus.shortcuts.trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    rows = dialog.shortcuts.rows
    for act in (window.menus.talk, window.menus.hands_free, window.menus.search, window.menus.again):
        native = act.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        assert (native, act.text()) in rows
    assert (window.menus.find.shortcut().toString(QKeySequence.SequenceFormat.NativeText), "Find") in rows
    assert len(rows) > 35


def test_a_mac_finds_its_menus_where_they_belong(window: MainWindow) -> None:
    menus = window.menus
    roles = {menus.settings: "PreferencesRole", menus.about: "AboutRole", menus.quit: "QuitRole"}
    assert all(action.menuRole().name == role for action, role in roles.items())
    shortcuts = {menus.settings: "Ctrl+,", menus.new: "Ctrl+N", menus.open: "Ctrl+O", menus.close: "Ctrl+W"}
    assert all(action.shortcut().toString() == keys for action, keys in shortcuts.items())
    used = [key.toString() for action in menus.findChildren(object) for key in getattr(action, "shortcuts", list)()]
    assert len(used) == len(set(used))


def test_the_fake_has_only_what_the_real_controller_has() -> None:
    for fake, real in ((FakeController, Controller), (FakeTranscriber, Transcriber), (FakeDownloads, Downloads)):
        signals = {name for name in vars(fake) if isinstance(vars(fake)[name], Signal)}
        parts = (real, ModelCommands, RecordingCommands) if real is Controller else (real,)
        assert {name for name in (*fake.COMMANDS, *signals) if not any(hasattr(one, name) for one in parts)} == set()
    assert {field.name for field in fields(FakePreferences)} <= {field.name for field in fields(Preferences)}
