"""The window on a controller: what it says is shown, what the user does becomes a command."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
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
    Notice,
    NoticeAction,
    State,
    ToolState,
    ToolView,
    TurnState,
    TurnView,
    Welcome,
)
from app.shown.transcribe import JobChoices, JobState, JobView, SegmentView
from app.transcribe.transcriber import Transcriber
from app.widgets.controls import theme
from app.widgets.controls.sheets import Message, TextSheet
from app.widgets.frame.window import TALK, TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.talk.talk_button import TalkLook
from app.widgets.talk.turn_actions import TurnAction
from app.widgets.talk.welcome import PhraseButton
from app.widgets.transcribe.job_row import JobAction
from engine.events import Thinking
from tests.app.widgets.fake_controller import (
    FakeController,
    FakeDownloads,
    FakePreferences,
    FakeSettings,
    FakeTranscriber,
)
from tests.app.widgets.scenes import FAILED, PACKING, TRAIN


def test_while_an_answer_grows_the_talk_bar_is_left_alone(
    window: MainWindow, controller: FakeController, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.be(State.THINKING)
    turn = replace(TRAIN, state=TurnState.THINKING, answer="", thinking="It", has_sound=False)
    controller.have_turn(turn)
    states: list[str] = []
    set_state = window.talk_bar.set_state
    monkeypatch.setattr(window.talk_bar, "set_state", lambda look, word: (states.append(word), set_state(look, word)))
    for words in range(1, 50):
        controller.have_turn(replace(turn, thinking="It " * words))
    for words in range(1, 50):
        controller.have_turn(replace(turn, state=TurnState.ANSWERING, answer="Nine " * words))
    assert states == ["Answering"]
    assert window.talk_bar.word == "Answering"


def test_talk_think_answer_play_again(window: MainWindow, controller: FakeController, qtbot: QtBot) -> None:
    bar = window.talk_bar
    assert window.shows_welcome
    qtbot.mousePress(bar.button, Qt.MouseButton.LeftButton)
    controller.be(State.LISTENING)
    controller.have_turn(TurnView("1", TurnState.WAITING, seconds=0.5))
    assert (bar.word, bar.button.look) == ("Listening", TalkLook.LISTENING)
    qtbot.mouseRelease(bar.button, Qt.MouseButton.LeftButton)
    assert controller.asked[-2:] == [("press_talk", 0.0), ("release_talk",)]
    controller.be(State.THINKING)
    controller.have_turn(replace(TRAIN, state=TurnState.THINKING, answer="", tools=(), has_sound=False))
    assert not window.shows_welcome
    turn = window.conversation.widget_of(0)
    assert turn is not None
    qtbot.mouseClick(turn.thinking.skip, Qt.MouseButton.LeftButton)
    assert controller.last() == ("skip_thinking",)
    controller.be(State.SPEAKING)
    controller.have_turn(TRAIN)
    assert (bar.word, turn.answer.spoken_span()) == ("Speaking", (20, 36))
    controller.be(State.IDLE)
    controller.have_turn(replace(TRAIN, state=TurnState.DONE, spoken=None))
    assert bar.word == "Ready"
    qtbot.mouseClick(turn.action_row.icons[0], Qt.MouseButton.LeftButton)
    assert controller.last() == ("play_again", "1", 1.0)


@pytest.mark.parametrize(
    ("model", "look", "word"),
    [
        (ModelStatus("Mini", share=0.4), TalkLook.OFF, "Loading"),
        (ModelStatus("Mini", problem="It does not fit."), TalkLook.TROUBLE, "Stopped"),
        (ModelStatus("Mini", ready=True), TalkLook.READY, "Ready"),
    ],
)
def test_the_button_tells_how_the_model_stands(
    window: MainWindow, controller: FakeController, model: ModelStatus, look: TalkLook, word: str
) -> None:
    controller.have("model", model)
    assert (window.talk_bar.button.look, window.talk_bar.word) == (look, word)


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


def test_a_notice_shows_its_sentence_and_its_command(window: MainWindow, controller: FakeController) -> None:
    controller.have("notice", Notice("The microphone gives no sound.", True, NoticeAction.PRIVACY))
    assert window.talk_bar.notice == "The microphone gives no sound."
    window.talk_bar.lane.action.click()
    assert controller.last() == ("act_on_notice",)
    controller.have("notice", Notice())
    assert window.talk_bar.notice == ""


def test_typed_text_and_phrases_are_asked(window: MainWindow, controller: FakeController, qtbot: QtBot) -> None:
    window.talk_bar.field.setPlainText("What time is it?")
    QTest.keyClick(window.talk_bar.field, Qt.Key.Key_Return)
    assert controller.last() == ("ask_text", "What time is it?")
    window.welcome.phrase_chosen.emit("One?")
    assert controller.last() == ("ask_text", "One?")


def test_escape_and_return_on_the_button(window: MainWindow, controller: FakeController) -> None:
    controller.be(State.SPEAKING)
    QTest.keyClick(window.talk_bar.button, Qt.Key.Key_Escape)
    assert controller.last() == ("stop",)
    QTest.keyClick(window.talk_bar.button, Qt.Key.Key_Return)
    assert controller.last() == ("toggle_latch",)


def test_switches_follow_the_settings_and_change_them(
    window: MainWindow, controller: FakeController, settings: FakeSettings, qtbot: QtBot
) -> None:
    settings.change(thinking=Thinking.ALWAYS, spoken_answers=False)
    assert window.talk_bar.think.isChecked()
    assert not window.talk_bar.speak.isChecked()
    assert controller.asked == []
    window.talk_bar.think.click()
    assert controller.last() == ("set_thinking", Thinking.OFF)
    window.talk_bar.search.click()
    assert controller.last() == ("set_tools", ("calculator", "web_search"))


def test_a_model_that_cannot_think_gets_no_switch_for_it(window: MainWindow, controller: FakeController) -> None:
    controller.have("model", replace(controller.model, thinks=False))
    assert window.talk_bar.think.isHidden()
    controller.have("model", replace(controller.model, thinks=True))
    assert not window.talk_bar.think.isHidden()


@pytest.mark.parametrize(
    ("action", "value", "command"),
    [
        (TurnAction.STOP, None, ("stop",)),
        (TurnAction.PLAY_QUESTION, None, ("play_question", "2", 0.0)),
        (TurnAction.SPEED, 1.5, ("play_again", "2", 1.5)),
        (TurnAction.AGAIN, None, ("ask_again", "2")),
        (TurnAction.RETRY, None, ("try_again", "2")),
        (TurnAction.PLAY, None, ("play_again", "2", 1.25)),
    ],
)
def test_actions_of_a_turn_become_commands(
    window: MainWindow, controller: FakeController, action: TurnAction, value: object, command: tuple[object, ...]
) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", action, value)
    assert controller.last() == command


def test_the_word_changes_when_the_answer_comes(window: MainWindow, controller: FakeController) -> None:
    controller.be(State.THINKING)
    controller.have_turn(TurnView("1", TurnState.WAITING, "Hello?"))
    assert window.talk_bar.word == "Thinking"
    controller.have_turn(TurnView("1", TurnState.ANSWERING, "Hello?", answer="Good"))
    assert window.talk_bar.word == "Answering"


@pytest.mark.parametrize(
    ("unspoken", "words"), [(" morning to you.", "Interrupted: the rest was not spoken"), ("", "Stopped")]
)
def test_a_turn_that_was_cut_off_says_how_and_keeps_the_rest_in_sight(
    window: MainWindow, controller: FakeController, unspoken: str, words: str
) -> None:
    controller.have_turns(TurnView("1", TurnState.INTERRUPTED, "Hello?", answer="Good", unspoken=unspoken))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    assert turn.action_row.note == words
    assert turn.answer.toPlainText() == "Good" + unspoken
    if unspoken:
        assert turn.answer.spoken_span() == (4, 4), "where the mark stands"
        (later,) = turn.answer.extraSelections()
        assert later.cursor.selectedText() == unspoken
        assert later.format.foreground().color() == theme.colours(turn).unheard
        assert "not spoken: morning to you." in turn.accessibleName()


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


def test_a_tool_is_called_as_the_settings_call_it(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(replace(TRAIN, tools=(ToolView("calculator", "1/0", "No.", ToolState.FAILED),)))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    assert [card.accessibleName() for card in turn.cards] == ["Works out sums.: No."]


def test_copy_puts_the_answer_on_the_clipboard(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", TurnAction.COPY, None)
    assert QGuiApplication.clipboard().text() == PACKING.answer


def test_editing_what_i_said_asks_again_with_the_new_text(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    controller.have_turns(PACKING)
    window.conversation.act.emit("2", TurnAction.EDIT, None)
    sheet = window.findChild(TextSheet)
    assert sheet is not None
    assert sheet.editor.toPlainText() == PACKING.text
    sheet.editor.setPlainText("What should I leave at home?")
    sheet.done_button.click()
    assert controller.last() == ("edit_turn", "2", "What should I leave at home?")


def test_a_failed_turn_can_be_tried_again_from_the_page(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    controller.have_turns(FAILED)
    turn = window.conversation.widget_of(0)
    assert turn is not None
    turn.retry.click()
    assert controller.last() == ("try_again", "5")


def test_a_turn_is_deleted_without_a_question(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(PACKING)
    turn = window.conversation.widget_of(0)
    assert turn is not None
    turn.setFocus()
    QTest.keyClick(turn, Qt.Key.Key_Backspace)
    assert controller.asked == [("delete_turn", "2")]
    assert window.findChild(QDialog) is None


def test_arrow_keys_on_a_turn_show_its_versions(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(TRAIN, replace(PACKING, version=2, versions=3))
    turn = window.conversation.widget_of(1)
    assert turn is not None
    assert turn.accessibleName().endswith("Version 2 of 3")
    turn.setFocus()
    QTest.keyClick(turn, Qt.Key.Key_Left)
    assert controller.last() == ("show_version", "2", -1)
    QTest.keyClick(turn, Qt.Key.Key_Right)
    assert controller.last() == ("show_version", "2", 1)
    other = window.conversation.widget_of(0)
    assert other is not None
    other.setFocus()
    QTest.keyClick(other, Qt.Key.Key_Right)
    assert len(controller.asked) == 2, "it has one version only"


def test_a_removed_turn_leaves_the_page(window: MainWindow, controller: FakeController) -> None:
    controller.have_turns(TRAIN, PACKING)
    controller.turns = (TRAIN,)
    controller.turn_removed.emit("2")
    assert len(window.conversation.turns) == 1


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
    controller.transcriber.show(JobView("a", "talk.wav", JobState.DONE, segments=(SegmentView(0, 1, "One."),)))
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
    controller.transcriber.show(JobView("a", "talk.wav", JobState.DONE, segments=(SegmentView(0, 1, "One."),)))
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
