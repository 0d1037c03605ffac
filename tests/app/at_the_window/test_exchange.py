"""Conversations exported and imported at the real window, with the real database and recordings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QMenu

from app.shown.talk import TurnState
from app.widgets.frame.conversation_list import ConversationListModel
from app.widgets.frame.window import TRANSCRIBE
from tests.app.fakes import reply
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def talk(user: User) -> None:
    """A spoken turn with two versions, and a typed one that is deleted."""
    user.say()
    done(user)
    user.act("Ask again")
    done(user)
    user.type("Forget this potato.")
    done(user)
    user.app.controller.delete_turn(user.app.controller.turns[-1].key)
    user.sees(lambda: len(user.app.controller.turns) == 1)


def done(user: User) -> None:
    if user.app.settings.now.spoken_answers:
        user.hears_something()
        user.hears()
    user.sees(lambda: user.app.controller.turns and user.app.controller.turns[-1].state is TurnState.DONE)
    user.sees_word("Ready")


def answers_with(monkeypatch: pytest.MonkeyPatch, dialog: str, path: Path, begins: list[str]) -> None:
    def answer(_parent: object, _title: str, start: str, *_kinds: str) -> object:
        begins.append(start)
        return str(path) if dialog == "getExistingDirectory" else (str(path), "")

    monkeypatch.setattr(QFileDialog, dialog, answer)


def test_a_conversation_goes_out_with_its_sound_and_comes_back(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit(reply("Older.", 0.3), reply("Newer.", 0.3), reply("Potato.", 0.3))
    assert not user.window.menus.export.isEnabled(), "there is nothing yet"
    talk(user)
    key, before = user.app.controller.conversation.key, user.app.controller.turns
    out, begins = tmp_path / "out", list[str]()
    out.mkdir()
    answers_with(monkeypatch, "getExistingDirectory", out, begins)
    user.window.menus.export.trigger()
    user.choose("Folder with Sound…")
    user.sees_notice("Exported as ")
    (place,) = out.iterdir()
    assert "otato" not in (place / "conversation.json").read_text(encoding="utf-8")

    user.app.controller.delete_conversation(key)
    user.sees(lambda: user.saved == [])
    answers_with(monkeypatch, "getExistingDirectory", place, begins)
    user.window.menus.import_folder.trigger()
    user.sees(lambda: user.window.toast.words.startswith("Imported “"))
    assert begins[-1] == str(out), "it begins where the last one went"
    assert user.app.controller.conversation.key != key, "what was deleted can still be brought back"
    (turn,) = user.app.controller.turns
    assert (turn.text, turn.answer, turn.version, turn.versions) == (before[0].text, "Newer.", 2, 2)
    user.press(user.turn().bubble.play_button)
    user.hears_something()
    user.hears()
    user.act("Play")
    user.hears_something()
    user.hears()
    user.app.controller.undo_history.undo()
    assert user.saved == [], "the import is undone first"
    assert user.window.shows_welcome
    user.app.controller.undo_history.redo()
    assert user.app.controller.turns[0].answer == "Newer."
    user.app.controller.undo_history.undo()
    user.app.controller.undo_history.undo()
    user.sees(lambda: len(user.saved) == 1)
    assert user.app.controller.conversation.key == key


def test_a_row_is_exported_from_its_menu_and_a_damaged_file_is_refused_in_a_sentence(
    sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit(reply("One.", 0.3), spoken_answers=False)
    user.type("What?")
    done(user)
    begins = list[str]()
    answers_with(monkeypatch, "getSaveFileName", tmp_path / "What", begins)
    listing = user.window.sidebar.conversations
    model = listing.model()
    assert isinstance(model, ConversationListModel)
    at = listing.visualRect(model.index_of(user.app.controller.conversation.key)).center()
    listing.customContextMenuRequested.emit(at)
    menu = next(menu for menu in listing.findChildren(QMenu) if menu.isVisible())
    exports = next(action.menu() for action in menu.actions() if action.text() == "Export")
    next(action for action in exports.actions() if action.text() == "JSON…").trigger()  # type: ignore[attr-defined]
    menu.close()
    user.sees_notice("Exported as What.json")
    assert begins[-1].endswith("What?.json") is False, "a name that any system takes"

    value = json.loads((tmp_path / "What.json").read_text(encoding="utf-8"))
    (tmp_path / "What.json").write_text(json.dumps(value | {"shown": "nowhere"}), encoding="utf-8")
    answers_with(monkeypatch, "getOpenFileName", tmp_path / "What.json", begins)
    user.window.menus.import_file.trigger()
    user.sees_notice("What.json is damaged, so nothing was imported")
    assert user.saved == ["What?"]


def test_export_means_what_is_in_front(sit: Sit) -> None:
    user = sit(reply("One.", 0.3), spoken_answers=False)
    user.type("What?")
    done(user)
    assert user.window.menus.export.isEnabled()
    user.window.show_page(TRANSCRIBE)
    assert not user.window.menus.export.isEnabled(), "no text is complete"
    user.window.show_page(0)
    user.window.menus.new.trigger()
    assert not user.window.menus.export.isEnabled()
