"""What a person is in the middle of stays as it is when the page is refreshed; names are words, never markup."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QTextCursor, QTextDocument
from PySide6.QtGui import Qt as RichText
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QLineEdit, QMenu, QSpinBox
from pytestqt.qtbot import QtBot

from app.shown.choices import PresetView
from app.shown.models import VoiceView
from app.shown.talk import ConversationView, ToolView, TurnState, TurnView
from app.shown.transcribe import ExportChoices, JobState, JobView, TextSegment
from app.widgets.controls.flow_text import FlowText
from app.widgets.controls.labels import ElidedLabel
from app.widgets.frame.sidebar import Sidebar
from app.widgets.frame.window import TRANSCRIBE
from app.widgets.main_window import MainWindow
from app.widgets.talk.conversation_page import ConversationPage as Page
from tests.app.widgets.fake_controller import FakeController, FakeSettings

NOW = time.time()
MANY = tuple(TextSegment(n, n + 1, f"Sentence number {n}.") for n in range(200))
DONE = JobView("b", "interview.wav", JobState.DONE, 200, 1.0, segments=MANY)


def test_marked_words_stay_marked_while_more_of_the_answer_comes(qtbot: QtBot) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.set_text("The **train** leaves", markdown=True)
    cursor = text.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(9, QTextCursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    text.set_text("The **train** leaves at noon.", markdown=True)
    assert text.textCursor().selectedText() == "train"
    text.set_text("Something else altogether", markdown=True)
    assert not text.textCursor().hasSelection()


@pytest.mark.parametrize("answer", ["Take a List<int> of them.", "Use <b> for bold, &amp; for an ampersand."])
def test_an_answer_about_markup_is_shown_as_it_was_said(answer: str, qtbot: QtBot) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    text.set_text(answer, markdown=True)
    assert "<" in text.toPlainText()


def test_a_click_into_a_long_answer_does_not_move_the_page(qtbot: QtBot) -> None:
    page = Page()
    qtbot.addWidget(page)
    page.resize(872, 500)
    page.show()
    page.set_turns([TurnView("1", TurnState.DONE, "Tell me all.", answer="A word and another. " * 400)])
    bar = page.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 500)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.show_end()
    bar.setValue(bar.maximum() - 100)
    place = bar.value()
    turn = page.widget_of(0)
    assert turn is not None
    QTest.mousePress(page.windowHandle(), Qt.MouseButton.LeftButton, pos=QPoint(300, 250))
    at = bar.value()
    QTest.mouseRelease(page.windowHandle(), Qt.MouseButton.LeftButton, pos=QPoint(300, 250))
    assert at == place


def test_a_number_being_typed_stays_while_the_settings_are_refreshed(
    window: MainWindow, controller: FakeController, settings: FakeSettings
) -> None:
    window.menus.settings.trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    for page in (dialog.sound, dialog.answers):
        dialog.open_page(page)
        box = page.findChild(QSpinBox)
        assert box is not None
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, "64")
        controller.have("model", replace(controller.model, share=0.5))
        assert box.lineEdit().text().startswith("64")
        box.interpretText()
    assert (settings.now.pre_roll_ms, settings.now.thinking_budget) == (64, 64)


def test_an_open_menu_of_choices_stays_while_the_settings_are_refreshed(
    window: MainWindow, controller: FakeController, settings: FakeSettings, qtbot: QtBot
) -> None:
    window.menus.settings.trigger()
    dialog = window.preferences.dialog
    assert dialog is not None
    dialog.open_page(dialog.general)
    box = dialog.general.findChild(QComboBox)
    assert box is not None
    box.showPopup()
    qtbot.waitUntil(lambda: QApplication.activePopupWidget() is not None)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.setActiveAction(menu.actions()[1])
    controller.have("model", replace(controller.model, share=0.5))
    assert QApplication.activePopupWidget() is menu
    assert menu.activeAction() is menu.actions()[1]
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert settings.now.language == box.itemData(1)


def test_return_in_the_name_of_a_voice_does_not_close_the_settings(window: MainWindow) -> None:
    window.preferences.open_voices()
    dialog = window.preferences.dialog
    assert dialog is not None
    field = dialog.voices.recorder.name_field
    field.setFocus()
    QTest.keyClicks(field, "Ada")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert field.text() == "Ada"


def test_the_conversation_that_was_pointed_at_is_renamed_though_the_list_changed(sidebar: Sidebar) -> None:
    listing = sidebar.conversations
    both = [ConversationView("a", "One", NOW, 1), ConversationView("b", "Two", NOW, 1)]
    sidebar.show_entries(both, "a")
    model = listing.model()
    listing.customContextMenuRequested.emit(listing.visualRect(model.index_of("b")).center())  # type: ignore[attr-defined]
    menu = listing.findChild(QMenu)
    assert menu is not None
    sidebar.show_entries([both[1], both[0]], "a")  # an answer of it was saved meanwhile
    next(action for action in menu.actions() if action.text() == "Rename").trigger()
    menu.close()
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    assert editor.text() == "Two"


def test_tab_ends_the_renaming(sidebar: Sidebar, qtbot: QtBot) -> None:
    listing = sidebar.conversations
    sidebar.show_entries([ConversationView("a", "One", NOW, 1), ConversationView("b", "Two", NOW, 1)], "a")
    listing.setFocus()
    listing.edit_current()
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Trains")
    with qtbot.waitSignal(listing.renamed) as renamed:
        QTest.keyClick(editor, Qt.Key.Key_Tab)
    assert renamed.args == ["a", "Trains"]
    assert listing.state() == listing.State.NoState


def test_a_conversation_is_renamed_where_it_can_be_seen(window: MainWindow, controller: FakeController) -> None:
    controller.have("conversations", (ConversationView("1", "Train times", NOW, 1),))
    window.sidebar_place.show(False)
    window.menus.rename.trigger()
    editor = window.sidebar.conversations.findChild(QLineEdit)
    assert editor is not None
    assert editor.isVisible()


def test_a_window_that_opens_narrow_gives_the_room_of_the_sidebar_to_the_page(
    controller: FakeController, settings: FakeSettings, qtbot: QtBot
) -> None:
    first = MainWindow(controller, settings)
    qtbot.addWidget(first)
    first.resize(800, 600)
    first.show()
    qtbot.waitExposed(first)
    assert not first.sidebar.isVisible()


def test_a_problem_that_names_a_file_is_not_read_as_markup(window: MainWindow, controller: FakeController) -> None:
    problem = "a<b>c</b>.wav cannot be read: copy it again."
    controller.have_turns(TurnView("1", TurnState.FAILED, "Well?", problem=problem))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    label = next(each for each in turn.findChildren(QLabel) if each.text() == problem)
    assert label.textFormat() is Qt.TextFormat.PlainText


def test_tips_show_names_and_results_as_they_are(window: MainWindow, controller: FakeController, qtbot: QtBot) -> None:
    label = ElidedLabel("<b>bold</b> and a very long name of a recording.wav")
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    label.grab()
    shown = QTextDocument()
    shown.setHtml(label.toolTip())
    assert "<b>bold</b>" in (shown.toPlainText() if RichText.mightBeRichText(label.toolTip()) else label.toolTip())
    controller.have_turns(TurnView("1", answer="Well.", tools=(ToolView("web", "<i>x</i>", "<b>result</b>"),)))
    turn = window.conversation.widget_of(0)
    assert turn is not None
    closed = turn.cards[0].height()
    qtbot.mouseClick(turn.cards[0], Qt.MouseButton.LeftButton)
    assert turn.cards[0].height() > closed
    texts = [text.toPlainText() for text in turn.cards[0].findChildren(FlowText) if text.isVisible()]
    assert texts == ["web: <i>x</i>\n<b>result</b>"]


def test_an_ampersand_in_a_name_is_shown_in_menus(
    window: MainWindow, controller: FakeController, settings: FakeSettings
) -> None:
    controller.presets = controller.presets_offered = (PresetView("assistant", "Q&A"),)
    controller.have("voices", (VoiceView("tj", "Tom & Jerry"),))
    settings.change(voice="tj")
    for pill, name in ((window.voice, "Tom & Jerry"), (window.preset, "Q&A")):
        assert pill.menu_of_choices.actions()[0].text().replace("&&", "\0").replace("&", "").replace("\0", "&") == name
        assert pill.shortcut().isEmpty()


def test_two_recordings_of_the_same_name_are_exported_to_two_files(
    window: MainWindow, controller: FakeController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller.transcriber.show(
        JobView("a", "talk.wav", JobState.DONE, segments=MANY[:1]),
        JobView("b", "talk.mp3", JobState.DONE, segments=MANY[1:2]),
        JobView("c", "Talk.wav", JobState.DONE, segments=MANY[1:2]),
    )
    window.show_page(TRANSCRIBE)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    window.recordings.export_all.click()
    menu = next(menu for menu in window.findChildren(QMenu) if menu.isVisible())
    menu.actions()[0].trigger()
    menu.close()
    asked = [call for call in controller.transcriber.asked if call[0] == "export"]
    assert len({str(call[2]).lower() for call in asked}) == 3


def test_an_export_has_the_name_that_was_typed(
    window: MainWindow, controller: FakeController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.widgets.transcribe.job_row import JobAction

    controller.transcriber.show(JobView("a", "talk.wav", JobState.DONE, segments=MANY[:1]))
    typed = str(tmp_path / "Meeting 24.12")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (typed, ""))
    window.transcribe.act.emit("a", JobAction.EXPORT, "txt")
    assert controller.transcriber.last() == ("export", "a", tmp_path / "Meeting 24.12.txt", ExportChoices())


def test_words_after_an_emoji_are_marked_where_they_stand(qtbot: QtBot) -> None:
    text = FlowText(14.5, 24)
    qtbot.addWidget(text)
    answer = "😀😀 One two three"
    text.set_text(answer, markdown=True)
    text.set_spoken((answer.index("One"), answer.index(" two")))
    (later,) = text.extraSelections()
    assert later.cursor.selectedText() == " two three"


def test_taking_out_a_turn_leaves_the_page_where_it_is(window: MainWindow, controller: FakeController) -> None:
    answer = "A word and another. " * 40
    turns = [TurnView(str(n), TurnState.DONE, f"Question {n}", answer=answer) for n in range(1, 31)]
    controller.have_turns(*turns)
    bar = window.conversation.verticalScrollBar()
    window.conversation.show_index(10)
    before = window.conversation.widget_of(10)
    assert before is not None
    top, at = before.y(), bar.value()
    assert at < bar.maximum() - 1000
    controller.turns = tuple(turn for turn in turns if turn.key != "13")
    controller.turn_removed.emit("13")
    after = window.conversation.widget_of(10)
    assert after is not None
    assert after.turn.key == "11"
    assert after.y() == top


def test_what_is_chosen_in_a_list_of_segments_can_be_copied(window: MainWindow, controller: FakeController) -> None:
    controller.transcriber.show(DONE)
    window.reading.open("b")
    segments = window.transcript.segments
    segments.setFocus()
    segments.setCurrentIndex(segments.model().index(1, 0))
    QGuiApplication.clipboard().setText("before")
    window.menus.copy.trigger()
    assert QGuiApplication.clipboard().text() == MANY[1].text


def test_a_very_long_name_of_a_voice_leaves_room_for_the_title(
    window: MainWindow, controller: FakeController, qtbot: QtBot
) -> None:
    window.resize(760, 520)
    controller.have("voices", (VoiceView("mei", "A voice with a very long name " * 6),))
    title = window.header.findChild(ElidedLabel)
    assert title is not None
    qtbot.waitUntil(lambda: window.voice.width() > 200, timeout=20_000)
    assert title.width() >= title.sizeHint().width() > 0
