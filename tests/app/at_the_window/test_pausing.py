"""An answer that sounds is paused and goes on, at the real window. Nothing of it is lost."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.models import models
from app.shown.talk import State, TurnState
from app.widgets.talk.turn_actions import TurnAction
from tests.app.doing import LONG, plays_again, speaks
from tests.app.fakes import reply
from tests.app.user import Sit, User

pytestmark = pytest.mark.slow


def pauses(user: User) -> None:
    user.act("Pause")
    user.sees_word("Paused")


def sounding_s(user: User) -> float:
    """Seconds of sound until it is over."""
    heard: list[float] = []

    def over() -> bool:
        heard.append(np.count_nonzero(np.abs(user.sound.listen(0.2)) > 1e-4) / 48_000)
        return user.app.controller.state is State.IDLE

    user.sees(over)
    return sum(heard)


@pytest.mark.parametrize("begin", [speaks, plays_again])
def test_a_paused_answer_waits_with_its_word_marked_and_goes_on_with_the_next(
    sit: Sit, begin: Callable[[User], None]
) -> None:
    user = sit(reply(LONG, 4.0))
    begin(user)
    user.sees(lambda: user.app.controller.turns[0].answer == LONG)

    def in_its_midst() -> bool:
        user.sound.listen(0.05)
        return (user.turn().turn.spoken or (0, 0))[0] > 3

    user.sees(in_its_midst)
    icon = user.turn().action_row.icon_of(TurnAction.PAUSE)
    assert (icon.accessibleName(), icon.icon_name) == ("Pause", "pause")
    pauses(user)
    assert (icon.accessibleName(), icon.icon_name) == ("Resume", "play")
    assert user.window.talk_bar.hint == "Space interrupts, Esc stops"
    marked = user.turn().turn.spoken
    played = user.app.controller._sound.playback.samples_played
    assert user.silence(120.0), "for two minutes"
    user.qtbot.wait(100)
    assert user.turn().turn.spoken == marked
    user.act("Resume")
    user.sees_word("Speaking")
    assert icon.accessibleName() == "Pause"
    rest = sounding_s(user)
    assert rest + played / 24_000 == pytest.approx(4.0, abs=0.02)
    (turn,) = user.app.controller.turns
    assert (turn.state, turn.answer, turn.unspoken, turn.paused) == (TurnState.DONE, LONG, "", False)


def test_an_answer_goes_on_being_written_while_it_is_paused_and_its_engine_is_not_taken_for_hanging(
    sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sit([*reply("Well, " + LONG, 6.0), *reply(" And so on.", 8.0)])
    speaks(user)
    pauses(user)
    user.sees(lambda: LONG in user.app.controller.turns[0].answer)
    full = user.app.controller._sound.playback._sound
    assert full is not None
    user.sees(lambda: full.ring.free < 48_000)
    monkeypatch.setattr(models, "HANGING_S", 2.0)
    for _ in range(4):  # looks of the watch, which are a second apart
        with user.qtbot.waitSignal(user.app.controller._watch.timeout):
            pass
    assert user.app.controller.model.ready
    assert user.window.talk_bar.notice == ""
    assert user.app.controller._thread.working, "the engine waits for the loudspeaker"
    assert user.silence()
    user.act("Resume")
    assert sounding_s(user) > 13
    assert user.app.controller.turns[0].state is TurnState.DONE


@pytest.mark.parametrize("how", ["escape", "talk", "ask", "again", "stop", "delete"])
def test_a_paused_answer_ends_as_one_that_speaks(sit: Sit, how: str) -> None:
    user = sit(reply(LONG, 4.0), reply("Second.", 0.5))
    speaks(user)
    user.sees(lambda: user.app.controller.turns[0].answer == LONG)
    user.sound.listen(1.0)
    pauses(user)
    first = user.app.controller.turns[0].key
    user.silence(1.0)
    ends: dict[str, Callable[[], object]] = {
        "escape": user.escape,
        "talk": user.say,
        "ask": lambda: user.type("And?"),
        "again": lambda: user.act("Ask again"),
        "stop": lambda: user.act("Stop"),
        "delete": lambda: user.app.controller.delete_turn(first),
    }
    ends[how]()
    user.sees(lambda: not user.app.controller.paused)
    assert user.window.talk_bar.word != "Paused"
    if how not in ("again", "delete"):
        turn = user.app.controller.turns[0]
        assert turn.state is TurnState.INTERRUPTED
        assert turn.answer.startswith("One two")
        assert turn.answer + turn.unspoken == LONG
        user.sees(lambda: user.app.engine.heard)
        assert user.app.engine.heard[-1] < 2.5 * 24_000
    if how in ("talk", "ask", "again"):
        user.sees(lambda: user.app.controller.turns[-1].answer == "Second.")
        assert sounding_s(user) == pytest.approx(0.5, abs=0.05)


def test_a_loudspeaker_that_goes_while_it_is_paused_leaves_it_paused_on_another(sit: Sit) -> None:
    user = sit(reply(LONG, 3.0))
    speaks(user)
    pauses(user)
    first = user.sound.output
    assert first is not None
    first.lost = True
    user.sees(lambda: user.sound.output is not first and user.app.controller._sound.playback.open)
    assert user.silence()
    assert user.window.talk_bar.word == "Paused"
    user.act("Resume")
    assert sounding_s(user) > 2.5
    assert user.app.controller.turns[0].state is TurnState.DONE


def test_quitting_waits_for_no_paused_answer_and_it_is_whole_at_the_next_start(sit: Sit) -> None:
    user = sit(reply(LONG, 3.0))
    speaks(user)
    user.sees(lambda: not user.app.controller._thread.working)
    pauses(user)
    began = time.monotonic()
    user.window.close()
    user.app.controller.shutdown()
    assert time.monotonic() - began < 30, "it waited for the sound"
    assert user.silence()
    again = sit()
    (listed,) = again.app.controller.conversations
    again.app.controller.open_conversation(listed.key)
    (turn,) = again.app.controller.turns
    assert turn.answer + turn.unspoken == LONG
    assert turn.state in (TurnState.DONE, TurnState.INTERRUPTED)
    assert not turn.paused


def test_the_keys_for_the_last_answer_pause_it_while_it_sounds(sit: Sit) -> None:
    user = sit(reply(LONG, 3.0))
    play = user.window.menus.play
    speaks(user)
    assert play.text() == "Pause Answer"
    play.trigger()
    user.sees_word("Paused")
    assert user.silence()
    assert play.text() == "Resume Answer"
    play.trigger()
    user.sees_word("Speaking")
    sounding_s(user)
    assert play.text() == "Play Last Answer"
    play.trigger()
    user.hears_something()
    icon = user.turn().action_row.icon_of(TurnAction.PAUSE)
    icon.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(icon, Qt.Key.Key_Space)
    user.sees_word("Paused")
    assert user.window.focusWidget() is icon, "the keyboard stays where it goes on"
    QTest.keyClick(icon, Qt.Key.Key_Space)
    user.sees_word("Speaking")


def test_the_pause_is_said_in_chinese(chinese: None, sit: Sit) -> None:
    user = sit(reply(LONG, 3.0))
    user.type("Count.")
    user.hears_something()
    user.sees_word("正在说话")
    user.act("暂停")
    user.sees_word("已暂停")
    assert user.turn().action_row.icon_of(TurnAction.PAUSE).accessibleName() == "继续"
    assert user.window.menus.play.text() == "继续回答"
