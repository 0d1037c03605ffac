"""The conversation as a state machine: its states, what can happen, and the table that joins them. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """What the assistant is doing."""

    IDLE = "idle"
    GETTING_READY = "getting_ready"  # talk was pressed, the microphone gives no sound yet
    LISTENING = "listening"
    THINKING = "thinking"  # something was asked, nothing sounds yet
    SPEAKING = "speaking"


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


class ModelState(Enum):
    """How the model stands."""

    NONE = "none"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    HANGING = "hanging"  # it has not answered for a long time


@dataclass(frozen=True)
class ModelStatus:
    """The model in use: how far loading is (0 … 1), what it holds in memory (bytes), what it can do."""

    state: ModelState = ModelState.NONE
    name: str = ""
    folder: str = ""
    share: float = 0.0
    memory: int = 0
    total_memory: int = 0
    problem: str = ""
    thinks: bool = False
    speaks: bool = False
    network_tools: tuple[str, ...] = ()  # switched-on tools that reach beyond this machine


class NoticeAction(Enum):
    """The command that helps with a notice."""

    NONE = "none"
    TRY_AGAIN = "try_again"
    OPEN_PRIVACY = "open_privacy"
    RETRY_MODEL = "retry_model"
    RESTART_ENGINE = "restart_engine"


@dataclass(frozen=True)
class Notice:
    """A sentence of advice or trouble for the line under the talk button; empty when there is nothing to say."""

    text: str = ""
    trouble: bool = False
    action: NoticeAction = NoticeAction.NONE
