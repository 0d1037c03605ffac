"""Tools at the real window: each use may be asked about, and a person decides."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QCheckBox

from app.talk import confirmations
from app.widgets.talk.tool_card import ToolCard
from tests.app.tool_calls import results, using
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def asks(user: User) -> bool:
    """Whether a card in sight asks whether its tool may be used."""
    return any(card.allow.isVisible() for card in user.window.conversation.findChildren(ToolCard))


@pytest.mark.parametrize(
    ("word", "result", "asked_again"),
    [
        ("Allow", "84", True),
        ("Always Allow", "84", False),
        ("Don't Allow", "The user did not allow this call.", True),
    ],
)
def test_a_card_asks_whether_its_tool_may_be_used(sit: Sit, word: str, result: str, asked_again: bool) -> None:
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    assert user.turn().cards[0].words == "Earshot wants to use Calculator"
    assert "12*7" in user.turn().cards[0].accessibleDescription()
    assert not results(user)
    user.press(user.word(word))
    user.sees(lambda: user.app.controller.turns[0].answer == "Well.")
    assert results(user) == [result]
    assert not asks(user)
    assert user.turn().cards[0].words == ("12*7 = 84" if result == "84" else f"Calculator: {result}")
    assert ("calculator" in user.app.settings.now.ask_first) == asked_again


@pytest.mark.parametrize("way", ["escape", "space"])
def test_whoever_goes_on_without_answering_does_not_allow(sit: Sit, way: str) -> None:
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    user.escape() if way == "escape" else user.hold_space()
    user.sees(lambda: results(user) == ["The user did not allow this call."])
    assert not asks(user)
    if way == "space":
        user.speak()
        user.sees_word("Listening")
        user.let_go()
        user.sees(lambda: user.app.controller.turns[-1].answer == "Next.")


def test_a_question_nobody_answers_goes_away(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmations, "LONGEST_S", 0.3)
    user = sit(ask_first=("calculator",))
    using("calculator", {"expression": "12*7"})(user)
    user.type("What is 12*7?")
    user.sees(lambda: asks(user))
    user.sees(lambda: results(user) == ["The user did not allow this call."])
    user.sees(lambda: not asks(user))


def test_what_a_tool_may_do_is_set_in_the_settings(sit: Sit) -> None:
    user = sit()
    user.settings.open_page(user.settings.tools)
    boxes = {box.accessibleName(): box for box in user.settings.tools.findChildren(QCheckBox)}
    asking = boxes["Ask before each use of Web search"]
    assert not asking.isEnabled(), "it is off"
    boxes["Offer the tool Web search"].click()
    asking.click()
    boxes["Offer the tool Calculator"].click()
    now = user.app.settings.now
    assert now.ask_first == ("web_search",)
    assert "web_search" in now.tools
    assert "calculator" not in now.tools
    assert "Web search may reach the network" in user.window.sidebar.status.text
