"""What talking shows: turns with their tools, conversations, timers, notices, and what an empty one says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ToolState(Enum):
    """How a tool call stands."""

    RUNNING = "running"
    ASKING = "asking"  # whether it may be used
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class ToolView:
    """One tool call: its name, its arguments and its result as short text. `title` is what people call the tool."""

    name: str
    arguments: str
    result: str = ""
    state: ToolState = ToolState.RUNNING
    title: str = ""


class TurnState(Enum):
    """How a turn stands."""

    LISTENING = "listening"  # it is being said
    WAITING = "waiting"  # said, nothing came back yet
    THINKING = "thinking"
    ANSWERING = "answering"  # text comes, nothing sounds yet
    SPEAKING = "speaking"
    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class TurnView:
    """One turn: what I said, what it thinks, which tools it used, what it says.

    `key` is the turn's id. `spoken` are the characters of `answer` that sound now; `unspoken` is the rest of an
    answer that was interrupted. `peaks` are the loudness of what I said, 0 to 1. `version` says which it is of the
    `versions` that were asked or answered in its place.
    """

    key: str
    state: TurnState = TurnState.DONE
    text: str = ""
    peaks: tuple[float, ...] = ()
    seconds: float | None = None  # length of my recording; None when typed
    attachment: str = ""  # name of a file that came with it
    thinking: str = ""
    thinking_s: float = 0.0
    tools: tuple[ToolView, ...] = ()
    answer: str = ""
    spoken: tuple[int, int] | None = None
    has_sound: bool = False
    speed: float = 1.0
    first_text_s: float | None = None
    first_sound_s: float | None = None
    real_time_factor: float | None = None
    problem: str = ""  # a sentence when it failed
    version: int = 1
    versions: int = 1
    unspoken: str = ""
    context: tuple[int, int] | None = None  # how many places of the model's context were taken after it, of how many
    paused: bool = False  # its sound is held


@dataclass(frozen=True)
class ConversationView:
    """A saved conversation in the sidebar. `snippet` holds found text, its hits between \\x02 and \\x03."""

    key: str
    title: str
    when: float  # seconds since 1970 of its last turn
    turns: int = 0
    preset: str = ""
    snippet: str = ""


class Hearing(Enum):
    """How the test of the microphone stands."""

    SETTLED = "settled"  # it was heard once, or is not wanted: nothing is shown
    UNASKED = "unasked"
    DENIED = "denied"
    TESTED = "tested"
    SILENT = "silent"
    HEARD = "heard"


@dataclass(frozen=True)
class Welcome:
    """What an empty conversation says: what the model can and cannot do, what to try, and how the microphone stands."""

    about: str = ""
    can: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    hearing: Hearing = Hearing.SETTLED
    demonstration: bool = False  # a small model that shows how Earshot works


class State(Enum):
    """What the conversation is doing."""

    IDLE = "idle"
    GETTING_READY = "getting ready"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class NoticeAction(Enum):
    """What can be done about a notice."""

    NONE = "none"
    RETRY = "retry"
    PRIVACY = "privacy"
    USE = "use"
    DEVICE = "device"  # to be chosen
    TIMER = "timer"  # it rings: stop, or one more minute


@dataclass(frozen=True)
class Notice:
    """Advice or trouble, for the lane over the message field."""

    text: str = ""
    trouble: bool = False
    action: NoticeAction = NoticeAction.NONE
    of_settings: bool = False  # told there, not where one talks


@dataclass(frozen=True)
class TimerView:
    """A timer that runs; `rings_at` is in seconds since 1970."""

    number: int
    label: str
    rings_at: float
