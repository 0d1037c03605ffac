"""Conversations at the real window: listed, named, found, kept over a restart or a change of model."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit

from app.shown.talk import TurnState
from app.widgets.frame.window import TALK
from engine.events import AnswerText
from tests.app.fakes import reply
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit, pick

pytestmark = pytest.mark.slow


def test_a_new_conversation_has_a_name_in_the_list_at_once(sit: Sit) -> None:
    gate = threading.Event()
    user = sit([gate.wait, *reply("One.", 0)])
    user.say()
    user.sees(lambda: user.app.controller.turns)
    listing = user.window.sidebar.conversations
    assert [listing.model().index(row, 0).data() for row in (0, 1)] == ["Today", "New conversation"]
    gate.set()


def test_conversations_are_renamed_found_and_deleted(sit: Sit) -> None:
    user = sit(reply("Plums are purple.", 0), reply("Two.", 0))
    for question in ("What colour are plums?", "And another thing?"):
        user.window.menus.new.trigger()
        user.type(question)
        user.sees(lambda: user.app.controller.turns and user.app.controller.turns[0].state is TurnState.DONE)
    assert user.saved == ["And another thing?", "What colour are plums?"]
    listing = user.window.sidebar.conversations
    user.window.menus.rename.trigger()
    editor = listing.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Something else")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    user.sees(lambda: user.saved == ["Something else", "What colour are plums?"])
    assert user.window.header.title == "Something else"
    QTest.keyClicks(user.window.sidebar.search, "purple plums")
    user.sees(lambda: user.saved == ["What colour are plums?"])
    user.window.sidebar.search.clear()
    user.sees(lambda: len(user.saved) == 2)
    folder = user.app.controller._conversation.folder
    assert folder.exists()
    user.window.menus.delete.trigger()
    assert user.saved == ["What colour are plums?"]
    assert user.window.shows_welcome
    user.app.controller.shutdown()
    assert not folder.exists()


def test_a_name_being_typed_survives_an_answer_that_comes_meanwhile(sit: Sit) -> None:
    gate = threading.Event()
    user = sit([AnswerText("Well", 0), gate.wait, *reply("Well, well.", 0)])
    user.type("Question?")
    user.sees_word("Answering")
    user.window.menus.rename.trigger()
    editor = user.window.sidebar.conversations.findChild(QLineEdit)
    assert editor is not None
    editor.setText("Half a na")
    gate.set()
    user.sees(lambda: user.app.controller.turns[0].state is TurnState.DONE)
    assert user.window.sidebar.conversations.findChild(QLineEdit) is editor
    editor.setText("Half a name")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    user.sees(lambda: user.saved == ["Half a name"])


def test_a_model_is_switched_in_the_middle_of_a_conversation(sit: Sit) -> None:
    user = sit(reply("One."), reply("Two."))
    user.type("First?")
    user.hears_something()
    settings = user.settings
    settings.open_page(settings.models)
    user.sees(lambda: user.app.controller.models)
    user.press(user.word("Use", settings.models))
    user.sees(lambda: user.window.sidebar.status.text.startswith("two"))
    assert user.silence()
    settings.accept()
    user.type("Second?")
    user.sees(lambda: user.app.controller.turns[-1].answer == "Two.")
    assert len(user.app.engine.sessions[1].turns) == 2, "the new model knows what was said before"


def test_a_restart_restores_everything(sit: Sit, recordings: list[Path], steps: Steps) -> None:  # noqa: F811
    user = sit(reply("One.", 1.0))
    user.say()
    user.hears_something()
    user.hears()
    user.sees(lambda: user.app.controller.turns[0].text)
    user.sees(lambda: user.saved == ["what is twelve times seven"])
    user.press(user.window.talk_bar.speak)
    user.drop(*recordings[:2])
    user.sees(lambda: [card.state_words for card in user.cards().values()] == ["", ""])
    user.window.resize(780, 640)
    user.window.close()
    user.app.controller.shutdown()

    again = sit(reply("Two.", 0))
    assert (again.window.width(), again.window.height()) == (780, 640)
    again.window.resize(1120, 760)
    assert again.saved == ["what is twelve times seven"]
    assert not again.window.talk_bar.speak.isChecked()
    again.window.menus.show_transcribe.trigger()
    assert [card.state_words for card in again.cards().values()] == ["", ""]
    again.window.menus.show_talk.trigger()
    listing = again.window.sidebar.conversations
    QTest.mouseClick(
        listing.viewport(), Qt.MouseButton.LeftButton, pos=listing.visualRect(listing.model().index(1, 0)).center()
    )
    assert again.window.page == TALK
    assert again.turn().answer.words == "One."
    again.act("Play")
    again.hears_something()
    assert again.hears() == pytest.approx(1.0, abs=0.05)
    again.type("Second?")
    again.sees(lambda: again.app.controller.turns[-1].answer == "Two.")
    assert len(again.app.engine.sessions[-1].turns) == 2, "the model remembers"


def test_nothing_is_kept_when_the_user_wants_nothing_kept(sit: Sit) -> None:
    user = sit(reply("One.", 0.5))
    page = user.settings.privacy
    user.settings.open_page(page)
    (box,) = page.findChildren(QComboBox)
    pick(box, "Never")
    user.settings.accept()
    user.say()
    user.hears_something()
    user.hears()
    user.sees(lambda: user.app.controller.turns[0].text)
    user.sees(lambda: user.saved == ["what is twelve times seven"])  # while it is in front it is there
    user.app.controller.shutdown()
    assert not list(user.app.paths.recordings.rglob("*.*"))
    assert sit().saved == []
