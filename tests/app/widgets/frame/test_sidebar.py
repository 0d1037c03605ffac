"""Saved conversations: grouped, found, renamed, deleted only when asked."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QLineEdit
from pytestqt.qtbot import QtBot

from app.shown.talk import ConversationView
from app.shown.transcribe import RecordingView
from app.widgets.controls.labels import Label
from app.widgets.frame.conversation_list import ConversationListModel, snippet_pieces
from app.widgets.frame.sidebar import Sidebar

NOW = time.time()
DAY = 86_400


def model_of(sidebar: Sidebar) -> ConversationListModel:
    model = sidebar.conversations.model()
    assert isinstance(model, ConversationListModel)
    return model


def rows(sidebar: Sidebar) -> list[str]:
    model = model_of(sidebar)
    return [model.index(row).data() for row in range(model.rowCount())]


def test_conversations_are_grouped_by_day(sidebar: Sidebar) -> None:
    found = [
        ConversationView("a", "Now", NOW),
        ConversationView("b", "Before", NOW - DAY),
        ConversationView("c", "Last week", NOW - 4 * DAY),
        ConversationView("d", "Last month", NOW - 20 * DAY),
        ConversationView("e", "Long ago", NOW - 400 * DAY),
    ]
    sidebar.show_entries(found, "a")
    headings = [row for row in rows(sidebar) if row not in {each.title for each in found}]
    assert headings == ["Today", "Yesterday", "Last seven days", "Last thirty days", "Earlier"]


def test_the_open_conversation_is_marked_and_a_click_opens_another(sidebar: Sidebar, qtbot: QtBot) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW), ConversationView("b", "Two", NOW)], "a")
    listing = sidebar.conversations
    assert listing.currentIndex().data() == "One"
    place = listing.visualRect(model_of(sidebar).index_of("b")).center()
    with qtbot.waitSignal(listing.opened) as opened:
        qtbot.mouseClick(listing.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened.args == ["b"]


def test_looking_through_the_list_is_not_disturbed_by_an_answer_that_is_saved(sidebar: Sidebar, qtbot: QtBot) -> None:
    many = [ConversationView(str(n), f"Conversation {n}", NOW - n * 3600, 1) for n in range(300)]
    sidebar.show_entries(many, "0")
    bar = sidebar.conversations.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 5000)
    bar.setValue(4000)
    many[0] = replace(many[0], when=NOW + 5, turns=2)
    sidebar.show_entries(many, "0")
    assert bar.value() == 4000
    told = model_of(sidebar).data(model_of(sidebar).index_of("0"), Qt.ItemDataRole.AccessibleTextRole)
    assert "2 turns" in str(told)
    sidebar.show_entries([many[7], *many[:7], *many[8:]], "0")
    assert bar.value() == 4000, "also when the order changes"
    sidebar.show_entries(many, "7")
    qtbot.waitUntil(lambda: bar.value() < 1000)  # another one was opened: it is shown


def test_headings_cannot_be_chosen(sidebar: Sidebar) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW)], "a")
    assert model_of(sidebar).flags(model_of(sidebar).index(0)) == Qt.ItemFlag.NoItemFlags


def test_a_title_is_renamed_in_place(sidebar: Sidebar, qtbot: QtBot) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW)], "a")
    listing = sidebar.conversations
    listing.setFocus()
    listing.edit(model_of(sidebar).index_of("a"))
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Trains")
    with qtbot.waitSignal(listing.renamed) as renamed:
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == ["a", "Trains"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_F2])
def test_space_opens_and_return_renames_without_keys_of_qt_which_differ_on_a_mac(sidebar: Sidebar, key: Qt.Key) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW), ConversationView("b", "Two", NOW)], "a")
    listing, opened = sidebar.conversations, []
    listing.opened.connect(opened.append)
    listing.setFocus()
    listing.setCurrentIndex(model_of(sidebar).index_of("b"))
    QTest.keyClick(listing, Qt.Key.Key_Space)
    assert opened == ["b"]
    QTest.keyClick(listing, key)
    assert listing.findChild(QLineEdit) is not None
    assert listing.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers


def test_a_recording_is_renamed_in_place(sidebar: Sidebar, qtbot: QtBot) -> None:
    sidebar.show_entries([RecordingView("a", "tape-4", NOW)], "a")
    listing = sidebar.conversations
    listing.setFocus()
    QTest.keyClick(listing, Qt.Key.Key_Return)
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Interview with Mara")
    with qtbot.waitSignal(listing.recording_renamed) as renamed, qtbot.assertNotEmitted(listing.renamed):
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == ["a", "Interview with Mara"]


def test_an_empty_or_unchanged_title_renames_nothing(sidebar: Sidebar) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW)], "a")
    model = model_of(sidebar)
    index = model.index_of("a")
    assert not model.setData(index, "  ")
    assert not model.setData(index, "One")


@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier])
def test_backspace_deletes_the_row_that_has_the_keyboard(
    sidebar: Sidebar, modifier: Qt.KeyboardModifier, qtbot: QtBot
) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW)], "a")
    sidebar.conversations.setFocus()
    with qtbot.waitSignal(sidebar.conversations.delete_requested) as asked:
        QTest.keyClick(sidebar.conversations, Qt.Key.Key_Backspace, modifier)
    assert asked.args == ["a"]


def test_search_says_every_change_and_found_ones_are_under_what_they_are(sidebar: Sidebar, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sidebar.searched) as searched:
        QTest.keyClicks(sidebar.search, "t")
    assert searched.args == ["t"]
    conversation = ConversationView("a", "One", NOW, snippet="the \x02train\x03 left")
    recording = RecordingView("b", "Two", NOW, snippet="a \x02train\x03 came")
    sidebar.show_entries([conversation, recording], "", "train")
    assert rows(sidebar) == ["Conversations", "One", "Recordings", "Two"]


def test_finding_nothing_says_so(sidebar: Sidebar) -> None:
    sidebar.show_entries([], "", "xyz")
    assert sidebar.message == "Nothing was said with “xyz”."
    sidebar.show_entries([], "", "xyz", known=False)
    assert sidebar.message == "", "it is not known yet"
    sidebar.show_entries([], "", empty="Conversations you keep appear here.")
    assert sidebar.message == "Conversations you keep appear here."


def test_a_recording_in_the_list_is_opened_by_a_click(sidebar: Sidebar, qtbot: QtBot) -> None:
    sidebar.show_entries([RecordingView("b", "Two", NOW, "52 min · 3 speakers")], "")
    listing, model = sidebar.conversations, model_of(sidebar)
    with qtbot.waitSignal(listing.recording_opened) as opened:
        place = listing.visualRect(model.index_of("b")).center()
        qtbot.mouseClick(listing.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened.args == ["b"]
    assert model.data(model.index_of("b"), Qt.ItemDataRole.AccessibleTextRole) == "Two, 52 min · 3 speakers"


def test_snippets_break_into_words_and_chinese_into_characters() -> None:
    assert snippet_pieces("the \x02train\x03 left") == [(False, "the "), (True, "train"), (False, " "), (False, "left")]
    assert snippet_pieces("去\x02荡口\x03") == [(False, "去"), (True, "荡"), (True, "口")]


def test_rows_tell_screen_readers_title_time_and_turns(sidebar: Sidebar) -> None:
    sidebar.show_entries([ConversationView("a", "One", NOW, 3)], "a")
    told = model_of(sidebar).data(model_of(sidebar).index_of("a"), Qt.ItemDataRole.AccessibleTextRole)
    assert str(told).startswith("One, ")
    assert "3 turns" in str(told)
    assert model_of(sidebar).index_of("nowhere") == QModelIndex()


def test_the_status_line_tells_model_memory_and_what_leaves(sidebar: Sidebar) -> None:
    sidebar.status.show_status("Earshot starter", "0.1 of 24 GB · nothing leaves this Mac")
    assert sidebar.status.text == "Earshot starter\n0.1 of 24 GB · nothing leaves this Mac"
    assert "nothing leaves this Mac" in sidebar.status.accessibleName()


@pytest.mark.parametrize(
    "line",
    [
        "6.1 of 24 GB · nothing leaves this Mac",
        "Calculator, Web search may reach the network · 6.1 of 24 GB",
        "config.json is missing in this folder. Choose another model, or download this one again.",
    ],
)
def test_the_line_that_tells_the_truth_is_never_cut(sidebar: Sidebar, line: str, qtbot: QtBot) -> None:
    sidebar.status.show_status("Step-Audio 2 mini", line)
    QTest.qWait(1)
    second = next(label for label in sidebar.status.findChildren(Label) if label.text() == line)
    assert second.height() >= second.heightForWidth(second.width())
    assert sidebar.status.geometry().bottom() <= sidebar.height()


def test_thousands_of_conversations_are_laid_out_as_they_are_scrolled_to(sidebar: Sidebar, qtbot: QtBot) -> None:
    found = [ConversationView(str(n), f"Number {n}", NOW - n * DAY / 2) for n in range(2000)]
    sidebar.show_entries(found, "0")
    model, bar = model_of(sidebar), sidebar.conversations.verticalScrollBar()
    assert model.rowCount() < 300
    headings = [row for row in rows(sidebar) if not row.startswith("Number")]

    def at_the_end() -> bool:
        bar.setValue(bar.maximum())
        return not model.canFetchMore(QModelIndex())

    qtbot.waitUntil(at_the_end, timeout=20_000)
    assert [row for row in rows(sidebar) if row.startswith("Number")] == [each.title for each in found]
    assert [row for row in rows(sidebar) if not row.startswith("Number")] == headings
    assert len(headings) == 5


def test_a_conversation_far_down_the_list_is_marked_as_well(sidebar: Sidebar) -> None:
    sidebar.show_entries([ConversationView(str(n), f"Number {n}", NOW - n) for n in range(2000)], "1500")
    assert sidebar.conversations.currentIndex().data() == "Number 1500"


def test_a_preset_that_is_worth_a_mention_is_named(sidebar: Sidebar) -> None:
    sidebar.conversations.name_presets({"coach": "Coach"})
    row = ConversationView("a", "One", NOW, 3, "coach")
    model = model_of(sidebar)
    assert model.subtitle(row).endswith("Coach")
    assert model.subtitle(replace(row, preset="assistant")).endswith("3 turns")
