"""Versions of a turn, and removing with a way back: at the real window, session, store and database file."""

from __future__ import annotations

import shlex

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit

from app.shown.talk import TurnState
from app.talk.store import Store
from app.widgets.controls.floating import SHADOW
from app.widgets.controls.sheets import TextSheet
from engine.errors import StorageError
from tests.app.fakes import reply
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow

CONTROL = Qt.KeyboardModifier.ControlModifier


def ask(user: User, question: str) -> None:
    """Type a question and wait for its answer."""
    user.type(question)
    settled(user)


def settled(user: User) -> None:
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[-1].state is TurnState.DONE)
    user.sees_word("Ready")


def answers(user: User) -> list[str]:
    """What the page shows."""
    shown = [turn.answer for turn in user.window.conversation.turns]
    assert shown == [turn.answer for turn in user.app.controller.turns]
    return shown


def stored(user: User) -> list[str]:
    """The branch in the database file, read anew."""
    store = Store(user.app.paths.store, user.app.paths.recordings)
    try:
        return [turn.answer for turn in store.path(user.app.controller.conversation.key)]
    finally:
        store.close()


def remembers(user: User, *answers: str) -> None:
    """Wait until the model's memory follows the branch that is shown."""
    ids = tuple(turn.key for turn in user.app.controller.turns)
    user.sees(lambda: user.app.engine.sessions[-1].path == ids)


def all_three_are(user: User, *wanted: str) -> None:
    """Window, database and memory, by id."""
    assert answers(user) == list(wanted)
    assert stored(user) == list(wanted)
    remembers(user)


def no_question_is_asked(user: User) -> bool:
    return not any(sheet.isVisible() for sheet in user.window.findChildren(QDialog))


def all_bytes(user: User) -> bytes:
    """Of all files that Earshot has written."""
    return b"".join(file.read_bytes() for file in user.app.paths.data.rglob("*") if file.is_file())


# Versions.


def test_asking_again_while_it_speaks_keeps_what_was_heard(sit: Sit) -> None:
    user = sit(reply("One potato, two potatoes.", 3.0), reply("Three.", 0))
    user.type("Count.")
    user.hears_something()
    user.sees(lambda: user.app.controller.turns[0].state is TurnState.SPEAKING)
    user.sees(lambda: user.app.controller.turns[0].answer.endswith("potatoes."))
    assert user.window.menus.again.isEnabled()
    user.act("Ask again")
    user.sees(lambda: [turn.answer for turn in user.app.controller.turns] == ["Three."])
    user.sees_word("Ready")
    user.app.controller.show_version(user.app.controller.turns[0].key, -1)
    (first,) = user.app.controller.turns
    assert (first.state, first.version, first.versions) == (TurnState.INTERRUPTED, 1, 2)
    assert first.answer + first.unspoken == "One potato, two potatoes."


def test_asking_again_keeps_the_older_answer_and_all_that_followed_it(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Three.", 0), reply("Uno.", 0), reply("Dos.", 0))
    for question in ("First?", "Second?", "Third?"):
        ask(user, question)
    user.act("Ask again", 0)
    user.sees(lambda: answers(user) == ["Uno."])
    settled(user)
    ask(user, "And then?")
    all_three_are(user, "Uno.", "Dos.")
    switch = user.turn(0).action_row.versions
    assert switch.words == "2/2"
    assert user.turn(1).action_row.versions.isHidden(), "it has one version only"
    user.press(switch.back_button)
    all_three_are(user, "One.", "Two.", "Three.")
    assert user.turn(0).action_row.versions.words == "1/2"
    assert not user.turn(0).action_row.versions.back_button.isEnabled()
    user.press(user.turn(0).action_row.versions.next_button)
    all_three_are(user, "Uno.", "Dos.")


def test_an_edited_question_is_a_version_beside_the_older_one(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Changed.", 0))
    ask(user, "First?")
    ask(user, "Second?")
    user.act("Edit question", 0)
    sheet = user.window.findChild(TextSheet)
    assert sheet is not None
    sheet.editor.setPlainText("Another?")
    user.press(sheet.done_button)
    user.sees(lambda: answers(user) == ["Changed."])
    settled(user)
    user.press(user.turn().action_row.versions.back_button)
    assert [turn.text for turn in user.app.controller.turns] == ["First?", "Second?"]
    all_three_are(user, "One.", "Two.")


def test_arrow_keys_go_from_version_to_version_and_the_keyboard_stays_there(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Uno.", 0), reply("Ichi.", 0))
    ask(user, "First?")
    for _ in range(2):
        user.act("Ask again")
        settled(user)
    user.turn().setFocus()
    for key, seen in ((Qt.Key.Key_Left, "Uno."), (Qt.Key.Key_Left, "One."), (Qt.Key.Key_Left, "One.")):
        QTest.keyClick(user.window.focusWidget(), key)
        assert answers(user) == [seen]
        assert user.turn().hasFocus()
    QTest.keyClick(user.window.focusWidget(), Qt.Key.Key_Right)
    all_three_are(user, "Uno.")


def test_switching_leaves_the_switch_under_the_pointer_and_what_is_above_where_it_was(sit: Sit) -> None:
    long = "\n\n".join(["A paragraph of an answer, long enough to fill a line of the page."] * 12)
    user = sit(*[reply(f"{n}.", 0) for n in range(12)], reply(long, 0), reply("More.", 0))
    for n in range(12):
        ask(user, f"Question {n}?")
    page = user.window.conversation
    page.show_index(5)
    user.act("Ask again", 5)
    settled(user)
    ask(user, "More?")
    page.show_index(5)
    switch = user.turn(5).action_row.versions
    pressed = switch.back_button
    before = pressed.mapTo(user.window, pressed.rect().center())
    user.press(pressed)
    assert answers(user)[5] == "5."
    other = user.turn(5).action_row.versions.back_button
    assert other.mapTo(user.window, other.rect().center()) == before
    assert not page.follows_end


def test_a_version_in_the_making_can_be_left(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Uno, dos, tres, cuatro.", 4.0))
    ask(user, "First?")
    user.act("Ask again")
    user.hears_something()
    user.sees_word("Speaking")
    user.press(user.turn().action_row.versions.back_button)
    assert answers(user) == ["One."]
    assert user.silence()
    user.sees_word("Ready")
    user.press(user.turn().action_row.versions.next_button)
    assert user.app.controller.turns[0].state is TurnState.INTERRUPTED


# Removing and undoing.


def test_a_removed_turn_comes_back_by_the_toast_and_goes_again_by_the_menu(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Three.", 0))
    for question in ("First?", "Second?", "Third?"):
        ask(user, question)
    assert not user.window.menus.undo.isEnabled()
    user.turn(1).setFocus()
    QTest.keyClick(user.turn(1), Qt.Key.Key_Backspace, CONTROL)
    assert no_question_is_asked(user)
    all_three_are(user, "One.", "Three.")
    assert user.window.toast.words == "Removed the turn"
    user.window.talk_bar.button.setFocus()
    assert user.window.menus.undo.text() == "Undo Remove Turn"
    user.press(user.window.toast.undo_button)
    all_three_are(user, "One.", "Two.", "Three.")
    assert user.window.toast.words == ""
    assert user.window.menus.redo.text() == "Redo Remove Turn"
    user.window.menus.redo.trigger()
    all_three_are(user, "One.", "Three.")
    user.window.menus.undo.trigger()
    all_three_are(user, "One.", "Two.", "Three.")


def test_the_keys_of_undoing_belong_to_the_text_that_is_typed(sit: Sit) -> None:
    user = sit(reply("One.", 0))
    ask(user, "First?")
    user.app.controller.delete_turn(user.app.controller.turns[0].key)
    field = user.window.talk_bar.field
    field.setFocus()
    QTest.keyClicks(field, "Hello")
    assert user.window.menus.undo.text() == "Undo"
    QTest.keyClick(field, Qt.Key.Key_Z, CONTROL)
    assert "Hello" not in field.text()
    user.window.menus.redo.trigger()
    assert "Hello" in field.text()
    user.window.menus.undo.trigger()
    assert "Hello" not in field.text()
    assert answers(user) == [], "what is typed is undone, not the removal"
    user.window.talk_bar.button.setFocus()
    QTest.keyClick(user.window.talk_bar.button, Qt.Key.Key_Z, CONTROL)
    user.sees(lambda: answers(user) == ["One."])


def test_a_removed_version_gives_way_to_the_one_beside_it_and_comes_back_with_what_followed(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Uno.", 0), reply("Dos.", 0))
    ask(user, "First?")
    ask(user, "Second?")
    user.act("Ask again", 0)
    settled(user)
    ask(user, "Then?")
    user.app.controller.delete_turn(user.app.controller.turns[0].key)
    all_three_are(user, "One.", "Two.")
    assert user.turn(0).action_row.versions.isHidden()
    user.window.menus.undo.trigger()
    all_three_are(user, "Uno.", "Dos.")
    assert user.turn(0).action_row.versions.words == "2/2"


def test_undoing_goes_back_to_the_conversation_it_is_about(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Other.", 0), reply("Three.", 0))
    ask(user, "First?")
    ask(user, "Second?")
    key = user.app.controller.conversation.key
    user.app.controller.delete_turn(user.app.controller.turns[0].key)
    user.window.menus.new.trigger()
    ask(user, "Something else?")
    user.window.menus.undo.trigger()
    assert user.app.controller.conversation.key == key
    assert answers(user) == ["One.", "Two."]
    ask(user, "Third?")
    all_three_are(user, "One.", "Two.", "Three.")


def test_the_conversation_in_front_is_removed_and_comes_back_as_it_was(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Uno.", 0), reply("Two.", 0))
    ask(user, "First?")
    user.act("Ask again")
    settled(user)
    ask(user, "Second?")
    user.press(user.turn(0).action_row.versions.back_button)
    key, folder = user.app.controller.conversation.key, user.app.controller._conversation.folder
    user.window.menus.delete.trigger()
    assert no_question_is_asked(user)
    assert user.saved == []
    assert user.window.shows_welcome
    assert user.window.toast.words == "Removed “First?”"
    user.press(user.window.toast.undo_button)
    assert user.saved == ["First?"]
    assert user.app.controller.conversation.key == key
    all_three_are(user, "One.")
    assert user.turn(0).action_row.versions.words == "1/2"
    user.window.menus.redo.trigger()
    assert user.window.shows_welcome
    assert folder.is_dir()
    user.app.controller.shutdown()
    assert not folder.exists(), "what was not brought back is erased"
    assert b"Uno." not in all_bytes(user)


def test_another_conversation_is_removed_and_the_one_in_front_stays(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0))
    ask(user, "First?")
    first = user.app.controller.conversation.key
    user.window.menus.new.trigger()
    ask(user, "Second?")
    user.window.sidebar.conversations.delete_requested.emit(first)
    assert user.saved == ["Second?"]
    assert answers(user) == ["Two."]
    user.window.menus.undo.trigger()
    assert user.saved == ["Second?", "First?"]
    assert answers(user) == ["Two."]


def test_the_key_that_deletes_a_conversation_does_so_in_the_list_alone(sit: Sit) -> None:
    user = sit(reply("One.", 0))
    ask(user, "First?")
    for widget in (user.window.talk_bar.button, user.window.talk_bar.field, user.window.sidebar.search):
        widget.setFocus()
        if isinstance(widget, QLineEdit):
            QTest.keyClicks(widget, "Hello there")
        QTest.keyClick(widget, Qt.Key.Key_Backspace, CONTROL)
        assert no_question_is_asked(user)
        assert answers(user) == ["One."]
    assert user.window.talk_bar.field.text() != "Hello there", "there it deletes text"
    user.window.sidebar.search.clear()
    listing = user.window.sidebar.conversations
    user.sees(lambda: user.saved == ["First?"])
    listing.setFocus()
    QTest.keyClick(listing, Qt.Key.Key_Backspace, CONTROL)
    assert user.saved == []


def test_a_new_name_is_undone(sit: Sit) -> None:
    user = sit(reply("One.", 0))
    ask(user, "First?")
    user.app.controller.rename(user.app.controller.conversation.key, "Other")
    assert user.saved == ["Other"]
    assert user.window.toast.words == "", "it is seen without words"
    assert user.window.menus.undo.text() == "Undo Rename Conversation"
    user.window.menus.undo.trigger()
    assert user.saved == ["First?"]
    assert user.window.header.title == "First?"


def test_a_turn_that_could_not_be_saved_is_removed_and_comes_back(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), reply("Three.", 0))
    ask(user, "First?")

    def broken(*_: object) -> None:
        raise StorageError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "add", broken)
        patch.setattr(Store, "save", broken)
        ask(user, "Second?")
        ask(user, "Third?")
        user.app.controller.delete_turn(user.app.controller.turns[1].key)
        assert answers(user) == ["One.", "Three."]
    user.window.menus.undo.trigger()
    assert answers(user) == ["One.", "Two.", "Three."]


def test_what_was_removed_before_a_crash_is_erased_at_the_next_start(sit: Sit) -> None:
    user = sit(reply("One riddle.", 0), reply("Two.", 0))
    ask(user, "First?")
    ask(user, "Second?")
    user.app.controller.delete_turn(user.app.controller.turns[0].key)
    user.app.controller._conversation._closed = True  # it ends as when it is killed: nothing is tidied
    user.app.controller.shutdown()
    assert b"riddle" in all_bytes(user)
    again = sit()
    assert again.saved
    again.app.controller.shutdown()
    assert b"riddle" not in all_bytes(again)


# The toast.


def test_the_toast_stands_above_the_talk_bar_and_moves_nothing(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0))
    ask(user, "First?")
    ask(user, "Second?")
    bar, toast = user.window.talk_bar, user.window.toast
    before = bar.geometry(), bar.button.geometry(), user.window.conversation.geometry()
    user.app.controller.delete_turn(user.app.controller.turns[1].key)
    user.qtbot.wait(250)  # it has risen
    assert (bar.geometry(), bar.button.geometry(), user.window.conversation.geometry()) == before
    foot = toast.mapTo(user.window, toast.rect().bottomLeft()).y()
    assert foot - SHADOW < bar.box.mapTo(user.window, bar.box.rect().topLeft()).y()
    user.window.resize(user.window.width(), user.window.height() - 100)
    assert toast.mapTo(user.window, toast.rect().bottomLeft()).y() == foot - 100
    user.window.menus.show_transcribe.trigger()
    assert toast.mapTo(user.window, toast.rect().bottomLeft()).y() > foot - 100


# Tool servers.


def test_a_removed_server_comes_back_where_it_was_and_as_trusted(sit: Sit) -> None:
    typed = tuple(shlex.join([f"/nowhere/{name}", "TOKEN=secret"]) for name in ("one", "two", "three"))
    user = sit(tool_servers=typed, trusted_servers=(typed[1],))
    user.sees(lambda: user.app.settings.now.tool_servers != typed)  # its secrets are in the keychain
    commands = user.app.settings.now.tool_servers
    user.settings.open_page(user.settings.tools)
    row = user.settings.tools.servers.rows[1]
    row.removed.emit(commands[1])
    assert user.app.settings.now.tool_servers == (commands[0], commands[2])
    assert user.app.settings.now.trusted_servers == ()
    assert user.settings.toast.words == "Removed “two”"
    assert user.window.toast.words == "", "it is told where the person is"
    user.sees(user.settings.isActiveWindow)
    QTest.keyClick(QApplication.focusWidget() or user.settings, Qt.Key.Key_Z, CONTROL)
    user.sees(lambda: user.app.settings.now.tool_servers == commands)
    assert user.app.settings.now.trusted_servers == (commands[1],)
    assert user.settings.toast.words == ""
