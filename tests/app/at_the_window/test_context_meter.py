"""How full the model's context is, in the header: by the engine's counts, for the branch in front."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.shown.talk import TurnState
from app.widgets.frame.context_meter import NEARLY_FULL
from app.widgets.frame.window import TALK, TRANSCRIBE
from tests.app.conftest import Running
from tests.app.fakes import reply, scripted
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def asks(user: User) -> float:
    """Type a question; how full the context is after its answer."""
    turns = len(user.app.controller.turns)
    user.type("What?")
    answered(user, turns + 1)
    return user.window.context.share


def answered(user: User, turns: int) -> None:
    user.sees(lambda: len(user.app.controller.turns) == turns)
    user.sees(lambda: user.app.controller.turns[-1].state is TurnState.DONE)
    user.sees_word("Ready")


def test_the_context_fills_and_each_branch_and_conversation_has_its_own(
    sit: Sit, start: Callable[..., Running]
) -> None:
    user = sit(*[reply("One.", 0) for _ in range(3)], spoken_answers=False)
    meter = user.window.context
    assert meter.isHidden(), "nothing was counted yet"
    first, second = asks(user), asks(user)
    assert 0 < first < second < 1
    assert meter.isVisible()
    turn = user.app.controller.turns[-1]
    assert turn.context is not None
    assert meter.accessibleName() == f"The model's context is {round(100 * second)} % full"
    assert f"{turn.context[0]:,} of {turn.context[1]:,} tokens" in meter.toolTip()

    user.app.controller.delete_turn(turn.key)
    assert meter.share == first
    user.app.controller.undo_history.undo()
    assert meter.share == second
    key = user.app.controller.conversation.key
    user.window.menus.new.trigger()
    assert meter.isHidden()
    user.app.controller.open_conversation(key)
    assert (meter.isVisible(), meter.share) == (True, second)
    user.window.show_page(TRANSCRIBE)
    assert meter.isHidden()
    user.window.show_page(TALK)
    assert meter.isVisible()

    user.app.controller.shutdown()
    again = start(scripted(), paths=user.app.paths)
    again.controller.open_conversation(key)
    assert again.controller.turns[-1].context == turn.context


def test_what_falls_out_is_said(sit: Sit) -> None:
    engine = scripted(*[reply("One, and so on, and so forth.", 0) for _ in range(12)])
    engine.context_length = 600
    user = sit(engine=engine, spoken_answers=False, tools=())
    said: list[str] = []
    user.app.controller.notice_changed.connect(lambda notice: said.append(notice.text))
    for number in range(12):
        user.say(4.0)
        answered(user, number + 1)
        if any("from here on, its oldest turns are left out" in words for words in said):
            break
    told = [words for words in said if words]
    assert "it now reads the oldest turns as text only" in told[0]
    assert "from here on, its oldest turns are left out" in told[-1]
    assert 0.5 < user.window.context.share <= 1.0


def test_it_turns_amber_when_the_next_turns_may_not_fit(sit: Sit) -> None:
    meter = sit().window.context
    meter.show()
    pictures = []
    for tokens in (int(1000 * NEARLY_FULL) - 1, int(1000 * NEARLY_FULL), 1200):
        meter.show_use(tokens, 1000)
        pictures.append(meter.grab().toImage().pixelColor(meter.width() // 2 + 3, 6).name())
    assert meter.share == 1.0
    assert pictures[0] != pictures[1] == pictures[2]
