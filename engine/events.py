"""What goes into the engine and what comes out of it: small frozen values, the same for command line, app and tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


class Thinking(StrEnum):
    """Whether the model reasons before it answers."""

    OFF = "off"
    AUTO = "auto"
    ALWAYS = "always"


class EndReason(StrEnum):
    """Why a reply ended."""

    COMPLETE = "complete"
    LENGTH = "length"  # the token budget of the reply was used up
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Progress:
    """How far a long task is. `total` is 0 while it is unknown; `unit` names what is counted ("bytes", "seconds")."""

    stage: str
    done: float
    total: float
    unit: str = ""


@dataclass(frozen=True)
class Pause:
    """Nothing new: a moment in the midst of patient work at which other work may pass, or this may be ended."""


def new_turn_id() -> str:
    """An id for a turn that no other turn has: 32 characters."""
    return uuid4().hex


@dataclass(frozen=True, eq=False)
class Turn:
    """What the user says: 16 kHz mono samples, text, or both.

    `id` names the turn wherever it is kept or shown and is never used again; whoever makes the turn has it first.
    `allow_tools` lists the tools offered for this turn by name; `max_tokens` bounds thinking and answer together.
    """

    samples_16k: Samples | None = None
    text: str = ""
    spoken_answer: bool = True
    thinking: Thinking = Thinking.OFF
    thinking_budget: int = 512
    allow_tools: tuple[str, ...] = ()
    max_tokens: int = 2048
    transcribe: bool = False  # transcribe what was said right after the reply, as part of the same stream
    id: str = field(default_factory=new_turn_id)


@dataclass(frozen=True)
class Heard:
    """The written form of what the user said in the turn with this id."""

    turn: str
    text: str


@dataclass(frozen=True)
class ThinkingText:
    """More of the model's reasoning."""

    text: str


@dataclass(frozen=True)
class ThinkingEnded:
    """The reasoning is over. `skipped` when the user asked to speak now or the budget was used up."""

    seconds: float
    tokens: int
    skipped: bool = False


@dataclass(frozen=True)
class AnswerText:
    """More of the answer. `start` is the position of its first character in the whole answer."""

    text: str
    start: int


@dataclass(frozen=True, eq=False)
class Speech:
    """A piece of the spoken answer: 24 kHz mono float32 samples.

    `text_start` and `text_end` are the characters of the answer that are spoken while this piece sounds;
    `first_token` and `tokens` say which speech tokens of the reply it covers. `wait_s` is how many seconds
    the player should wait from now on, unless it plays already, so that the rest arrives in time (0 when the machine
    is fast enough); the next piece says it anew.
    """

    samples_24k: Samples
    text_start: int
    text_end: int
    first_token: int
    tokens: int
    wait_s: float = 0.0


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool. `id` joins it with its `ToolResult`."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave back, as the model will read it. `failed` when `text` is an error sentence."""

    id: str
    name: str
    text: str
    failed: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class ContextTrimmed:
    """Older turns had to make room: their sound was replaced by its transcript, or they were left out."""

    sounds_dropped: int
    turns_dropped: int
    tokens_freed: int


@dataclass(frozen=True)
class ReplyStatistics:
    """Times in seconds from the start of the reply; None for what did not happen."""

    prompt_tokens: int = 0
    reused_tokens: int = 0
    generated_tokens: int = 0
    speech_tokens: int = 0
    prefill_s: float = 0.0
    first_text_s: float | None = None
    first_sound_s: float | None = None  # was made
    first_heard_s: float | None = None  # could be played without a gap to come
    total_s: float = 0.0
    speech_s: float = 0.0
    decode_tokens_per_s: float = 0.0

    @property
    def real_time_factor(self) -> float | None:
        """Time the whole reply took over the length of its speech; None without speech."""
        return self.total_s / self.speech_s if self.speech_s > 0 else None


@dataclass(frozen=True)
class ReplyEnded:
    """The last event of a reply; `turn` is the id of the turn that it answers. Of the `context_length` places that the
    model takes at once, prompt and answer had `context_tokens`.
    """

    turn: str
    reason: EndReason
    statistics: ReplyStatistics = field(default_factory=ReplyStatistics)
    context_tokens: int = 0
    context_length: int = 0


SessionEvent = (
    Heard
    | ThinkingText
    | ThinkingEnded
    | AnswerText
    | Speech
    | ToolCall
    | ToolResult
    | ContextTrimmed
    | Pause
    | ReplyEnded
)
