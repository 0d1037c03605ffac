from __future__ import annotations

import pytest

from app.shown.talk import State
from app.talk.states import TRANSITIONS, Happening, after


@pytest.mark.parametrize("state", State)
def test_stopping_and_failing_lead_back_from_everywhere(state: State) -> None:
    assert after(state, Happening.STOPPED) is State.IDLE
    assert after(state, Happening.FAILED) is State.IDLE


def test_a_spoken_turn_goes_once_round() -> None:
    state = State.IDLE
    seen = []
    for happening in (
        Happening.TALK_PRESSED, Happening.SOUND_ARRIVED, Happening.ASKED, Happening.SOUNDING, Happening.QUIET,
    ):  # fmt: skip
        state = after(state, happening)
        seen.append(state)
    assert seen == [State.GETTING_READY, State.LISTENING, State.THINKING, State.SPEAKING, State.IDLE]


@pytest.mark.parametrize("state", [State.THINKING, State.SPEAKING])
def test_talking_interrupts_a_reply(state: State) -> None:
    assert after(state, Happening.TALK_PRESSED) is State.GETTING_READY


@pytest.mark.parametrize("state", [State.GETTING_READY, State.LISTENING])
@pytest.mark.parametrize("happening", [Happening.SOUNDING, Happening.QUIET, Happening.REPLAYED, Happening.TALK_PRESSED])
def test_late_news_of_a_reply_never_ends_listening(state: State, happening: Happening) -> None:
    assert after(state, happening) is state


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    assert {state for (state, _), target in TRANSITIONS.items() if target is not state} >= set(State) - {State.IDLE}
