"""What the window shows, as small frozen values. Whoever drives the window makes these; widgets only read them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ToolState(Enum):
    """How a tool call stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class ToolView:
    """One tool call: its name, its arguments and its result as short text."""

    name: str
    arguments: str
    result: str = ""
    state: ToolState = ToolState.RUNNING


class TurnState(Enum):
    """How a turn stands."""

    RECORDING = "recording"  # the user is still talking
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

    `spoken` are the characters of `answer` that sound now. `peaks` are the loudness of what I said, 0 to 1.
    """

    key: int
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


@dataclass(frozen=True)
class ConversationView:
    """A saved conversation in the sidebar. `snippet` holds found text, its hits between \\x02 and \\x03."""

    key: str
    title: str
    when: float  # seconds since 1970 of its last turn
    turns: int = 0
    preset: str = ""
    snippet: str = ""


class JobState(Enum):
    """How the transcription of a file stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class SegmentView:
    """One stretch of a recording and what was said in it; times in seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True)
class JobView:
    """One dropped file on the transcribe page. `playing` is the number of the segment that sounds now."""

    key: str
    name: str
    state: JobState = JobState.WAITING
    seconds: float | None = None
    share: float = 0.0
    left_s: float | None = None
    segments: tuple[SegmentView, ...] = ()
    playing: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class Welcome:
    """What an empty conversation says: what the model can do, what to try, and whether the microphone was allowed."""

    about: str = ""
    phrases: tuple[str, ...] = ()
    explain_microphone: bool = False  # the system has not asked yet
