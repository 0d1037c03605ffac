"""The conversation as a state machine: what can happen, and the table that says what follows. No Qt here."""

from __future__ import annotations

from enum import Enum, auto

from app.shown.talk import State


class Happening(Enum):
    """What moves the conversation from one state to another."""

    TALK_PRESSED = auto()
    SOUND_ARRIVED = auto()  # the microphone's first non-zero samples
    REFUSED = auto()  # nothing was said, or the microphone went away
    ASKED = auto()  # an utterance or a text was handed to the engine
    SOUNDING = auto()  # the loudspeaker plays the first samples of a reply
    REPLAYED = auto()  # something already said is played once more
    QUIET = auto()  # the reply is over and everything was played
    STOPPED = auto()
    FAILED = auto()


_FROM_ANYWHERE = {Happening.STOPPED: State.IDLE, Happening.FAILED: State.IDLE, Happening.ASKED: State.THINKING}
_ONLY_FROM = {
    (State.IDLE, Happening.TALK_PRESSED): State.GETTING_READY,
    (State.THINKING, Happening.TALK_PRESSED): State.GETTING_READY,  # barge-in
    (State.SPEAKING, Happening.TALK_PRESSED): State.GETTING_READY,  # barge-in
    (State.GETTING_READY, Happening.SOUND_ARRIVED): State.LISTENING,
    (State.GETTING_READY, Happening.REFUSED): State.IDLE,
    (State.LISTENING, Happening.REFUSED): State.IDLE,
    (State.THINKING, Happening.REFUSED): State.IDLE,  # written once more after the disk was full
    (State.THINKING, Happening.SOUNDING): State.SPEAKING,
    (State.IDLE, Happening.REPLAYED): State.SPEAKING,
    (State.SPEAKING, Happening.REPLAYED): State.SPEAKING,
    (State.THINKING, Happening.QUIET): State.IDLE,
    (State.SPEAKING, Happening.QUIET): State.IDLE,
}
TRANSITIONS: dict[tuple[State, Happening], State] = {
    **{(state, happening): target for state in State for happening, target in _FROM_ANYWHERE.items()},
    **_ONLY_FROM,
}


def after(state: State, happening: Happening) -> State:
    """The state after something happened; where the table has no entry it changes nothing."""
    return TRANSITIONS.get((state, happening), state)
