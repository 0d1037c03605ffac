"""Presets of one's own, made, used, changed and removed at the real window."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtTest import QTest

from app.widgets.frame.preset_sheet import PresetSheet
from tests.app.conftest import Running
from tests.app.fakes import reply, scripted
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def sheet_of(user: User) -> PresetSheet:
    user.sees(lambda: [sheet for sheet in user.window.findChildren(PresetSheet) if sheet.isVisible()])
    return next(sheet for sheet in user.window.findChildren(PresetSheet) if sheet.isVisible())


def fill(user: User, name: str, persona: str) -> None:
    user.press(user.window.preset)
    user.choose("New Preset…")
    sheet = sheet_of(user)
    assert not sheet.done_button.isEnabled(), "it has neither name nor words"
    QTest.keyClicks(sheet.name, name)
    QTest.keyClicks(sheet.persona, persona)
    sheet.tools["calculator"].setChecked(True)
    sheet.tools["set_timer"].setChecked(False)
    user.press(sheet.done_button)


def offered(user: User) -> list[str]:
    return [each.name for each in user.app.controller.presets_offered]


def test_a_preset_of_ones_own_answers_is_changed_and_removed_with_a_way_back(sit: Sit) -> None:
    user = sit(*[reply("Ciao.", 0) for _ in range(4)], spoken_answers=False)
    built_in = offered(user)
    fill(user, "Maestra", "You teach {Italian}.")
    assert offered(user) == [*built_in, "Maestra"]
    assert user.window.preset.text() == "Maestra"
    assert user.app.settings.now.tools[0] == "calculator"
    assert "set_timer" not in user.app.settings.now.tools
    asks(user)
    assert user.app.engine.sessions[-1].settings.persona == "You teach {Italian}."

    user.press(user.window.preset)
    user.choose("Edit “Maestra”…")
    sheet = sheet_of(user)
    assert (sheet.name.text(), sheet.persona.toPlainText()) == ("Maestra", "You teach {Italian}.")
    sheet.persona.setPlainText("You teach Greek.")
    user.press(sheet.done_button)
    asks(user)
    assert user.app.engine.sessions[-1].settings.persona == "You teach Greek.", "it holds in what goes on"
    user.app.controller.undo_history.undo()
    asks(user)
    assert user.app.engine.sessions[-1].settings.persona == "You teach {Italian}."

    user.press(user.window.preset)
    user.choose("Edit “Maestra”…")
    user.press(user.word("Remove", sheet_of(user)))
    assert offered(user) == built_in
    assert user.app.settings.now.preset == "assistant"
    assert user.window.toast.isVisible()
    user.app.controller.undo_history.undo()
    assert offered(user) == [*built_in, "Maestra"]
    assert user.window.preset.text() == "Maestra"


def asks(user: User) -> None:
    turns = len(user.app.controller.turns)
    user.type("Che cosa?")
    user.sees(lambda: len(user.app.controller.turns) == turns + 1)
    user.sees_word("Ready")


def test_two_presets_have_two_names_and_both_are_there_the_next_time(sit: Sit, start: Callable[..., Running]) -> None:
    user = sit()
    fill(user, "Maestra", "You teach Italian.")
    fill(user, "Maestra", "You teach Greek.")
    assert offered(user)[-2:] == ["Maestra", "Maestra 2"]
    chosen = user.app.settings.now.preset
    user.app.controller.shutdown()
    again = start(scripted(), paths=user.app.paths)
    assert [each.name for each in again.controller.presets_offered][-2:] == ["Maestra", "Maestra 2"]
    assert again.settings.now.preset == chosen


def test_a_conversation_whose_preset_is_gone_is_answered_by_the_assistant(sit: Sit) -> None:
    user = sit(reply("One.", 0), reply("Two.", 0), spoken_answers=False)
    fill(user, "Maestra", "You teach Italian.")
    asks(user)
    key = user.app.controller.conversation.key
    gone = user.app.settings.now.preset
    user.app.controller.new_conversation()
    user.app.controller.set_preset("assistant")
    user.app.controller.preset_commands.remove(gone)
    user.app.controller.open_conversation(key)
    assert user.window.preset.text() == "Assistant"
    asks(user)
    assert user.app.controller.turns[-1].answer == "Two."
    assert user.app.engine.sessions[-1].settings.persona == "You are a helpful assistant."
