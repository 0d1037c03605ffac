"""Turns as a conversation remembers them: read-only records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.events import EndReason, ReplyStatistics, Samples, ToolCall, ToolResult, Turn


@dataclass(frozen=True)
class Passage:
    """One message of the assistant: what it wrote and spoke before it stopped or called tools.

    `ids` are the generated ids as the model wrote them, speech included, without the end id and without thinking.
    `spoken` when the message was opened for speech. `calls` and `results` belong together by their id.
    """

    spoken: bool
    ids: tuple[int, ...] = ()
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ids)


@dataclass(frozen=True)
class SpokenPiece:
    """One piece of sound that was handed out: its samples (24 kHz), and where it ends in the whole answer."""

    samples: int
    token: int
    character: int


@dataclass(frozen=True, eq=False)
class TurnRecord:
    """One turn as it stands in the history: what the user said and what was answered.

    `transcript` is the written form of the sound, once there is one. `pieces` is the sound handed out for it, `speech`
    the vocabulary's ids of speech tokens.
    """

    request: Turn
    transcript: str | None = None
    thinking: str = ""
    thinking_s: float = 0.0
    passages: tuple[Passage, ...] = ()
    reason: EndReason = EndReason.COMPLETE
    statistics: ReplyStatistics = field(default_factory=ReplyStatistics)
    pieces: tuple[SpokenPiece, ...] = ()
    speech: range = range(0)

    @property
    def id(self) -> str:
        """Names the turn; never used for another one."""
        return self.request.id

    @property
    def text(self) -> str:
        """What the user typed."""
        return self.request.text

    @property
    def samples_16k(self) -> Samples | None:
        """What the user said, mono at 16 kHz."""
        return self.request.samples_16k

    @property
    def answer(self) -> str:
        """The text of the whole answer; `AnswerText.start` counts its characters."""
        return PASSAGE_BREAK.join(passage.text for passage in self.passages if passage.text)

    @property
    def speech_tokens(self) -> NDArray[np.int32]:
        """Speech tokens of the whole answer, 25 a second."""
        tokens = [token for passage in self.passages for token in speech_tokens_of(passage.ids, self.speech)]
        return np.array(tokens, dtype=np.int32)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """All calls of the turn, in order."""
        return tuple(call for passage in self.passages for call in passage.calls)

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The results of the calls, in the same order."""
        return tuple(result for passage in self.passages for result in passage.results)


PASSAGE_BREAK = "\n\n"


def speech_tokens_of(ids: Sequence[int], speech: range) -> tuple[int, ...]:
    """The speech tokens among ids of a reply."""
    return tuple(id - speech.start for id in ids if id in speech)
