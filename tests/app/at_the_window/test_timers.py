"""Timers at the real window: set by a tool, counted down, cancelled, and rung."""

from __future__ import annotations

import re

import pytest

from app.shown.talk import TurnState
from app.widgets.frame.window import TALK, TRANSCRIBE
from tests.app.doing import speaks
from tests.app.fakes import reply
from tests.app.tool_calls import results, using
from tests.app.transcribe.test_transcriber import Steps, recordings, steps  # noqa: F401
from tests.app.user import Sit

pytestmark = pytest.mark.slow


def test_a_timer_rings(sit: Sit) -> None:
    user = sit()
    using("set_timer", {"seconds": 1, "label": "tea"})(user)
    user.type("Set a timer.")
    user.sees(lambda: results(user) and "Timer 1 (tea) set for 1 second" in results(user)[0])
    user.sees_notice("tea: time is up")
    user.hears_something()
    user.escape()
    assert user.silence()


def test_a_timer_counts_down_where_it_is_seen_and_its_cross_is_undone(sit: Sit) -> None:
    user = sit()
    using("set_timer", {"minutes": 50, "label": "tea"})(user)
    user.type("Set a timer.")
    user.sees(lambda: user.turn().cards and user.turn().cards[0].chip.isVisible())
    card, header = user.turn().cards[0], user.window.header.timer
    assert card.words.startswith("tea · 50 min · rings ")
    assert re.fullmatch(r"(50:00|49:\d\d)", card.chip.text())
    user.sees(header.isHidden)  # one countdown is enough
    user.window.show_page(TRANSCRIBE)
    user.sees(header.isVisible)
    assert header.text().startswith(("49:", "50:"))
    user.window.show_page(TALK)
    user.sees(header.isHidden)
    user.press(card.chip)
    user.sees(lambda: not user.app.controller.timers)
    assert card.chip.isHidden()
    assert user.window.toast.words == "Cancelled “tea”"
    user.press(user.window.toast.undo_button)
    user.sees(lambda: card.chip.isVisible())
    user.window.menus.new.trigger()
    user.sees(header.isVisible)
    user.window.close()
    assert [timer.label for timer in user.app.controller.timers] == ["tea"], "it goes on without a window"


def test_a_timer_that_rings_gives_one_more_minute(sit: Sit) -> None:
    user = sit()
    user.app.controller._talk.timers.ring("tea")
    user.sees_notice("tea: time is up")
    user.hears_something()
    user.press(user.window.talk_bar.lane.other)
    assert user.silence()
    assert [timer.label for timer in user.app.controller.timers] == ["tea"]
    assert user.window.talk_bar.notice == ""


def test_a_timer_that_is_due_while_it_speaks_rings_afterwards(sit: Sit) -> None:
    user = sit(reply(speech_s=1.0))
    speaks(user)
    user.app.controller._talk.timers.ring("")
    user.sees_notice("Timer: time is up")
    over = ["Thinking", "Speaking", "Ready", "Playing"]
    user.sees(lambda: user.sound.listen(0.02) is not None and user.words[-4:] == over)
    user.hears_something()
    assert user.app.controller.turns[0].state is TurnState.DONE
