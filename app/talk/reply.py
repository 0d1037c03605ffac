"""A reply on its way: what its events do to the turn, and which words sound at a moment."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.audio.playback import Playback, Sound
from app.engine_side.desk import Job, Sounded
from app.engine_side.engine_thread import Request
from app.shown import ToolState, TurnState
from app.talk.stored_turn import StoredTool, StoredTurn
from engine.events import (
    AnswerText,
    EndReason,
    ReplyEnded,
    Samples,
    ThinkingEnded,
    ThinkingText,
    ToolCall,
    ToolResult,
)

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


class PlaySink:
    """Leads an answer's sound to the loudspeaker; a full buffer holds the engine back, which is no hanging."""

    def __init__(self, playback: Playback, sound: Sound, beat: Callable[[], None]) -> None:
        self._playback, self._sound, self._beat = playback, sound, beat
        self.request: Request | None = None

    def _cancelled(self) -> bool:
        self._beat()
        return self.request is not None and self.request.cancelled

    def write(self, samples_24k: Samples, hold_s: float) -> bool:
        """Queue samples; False when the sound was stopped."""
        return self._playback.write(self._sound, samples_24k, self._cancelled, hold_s)

    def finish(self) -> None:
        """Nothing more comes."""
        self._playback.finish(self._sound, self._cancelled)


class Silence:
    """A sink for what is not played."""

    def write(self, samples_24k: Samples, hold_s: float) -> bool:
        """Take anything."""
        return True

    def finish(self) -> None:
        """Nothing to do."""


@dataclass
class Reply:
    """A request for an answer and what became of it. `spans` are (first sample at 24 kHz, first, last character)."""

    key: str
    job: Job
    request: Request
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    tool_ids: list[str] = field(default_factory=list)
    made_24k: int = 0
    over: bool = False  # the engine is done with it
    revoice: bool = False
    spoken: bool = True  # else what was written was read
    began_s: float = 0.0

    def take(self, turn: StoredTurn, event: Any, now_s: float) -> StoredTurn:
        """The turn after one more event."""
        match event:
            case ThinkingText(text):
                return replace(
                    turn, state=TurnState.THINKING, thinking=turn.thinking + text, thinking_s=now_s - self.began_s
                )
            case ThinkingEnded(seconds):
                return replace(turn, state=TurnState.WAITING, thinking_s=seconds)
            case AnswerText(text, start):
                state = turn.state if turn.state is TurnState.SPEAKING else TurnState.ANSWERING
                return replace(turn, state=state, answer=turn.answer[:start] + text)
            case Sounded(start, samples, first, last):
                self.spans.append((start, first, last))
                self.made_24k = start + samples
                return turn if self.revoice else replace(turn, spans=tuple(self.spans))
            case ToolCall():
                self.tool_ids.append(event.id)
                return replace(turn, tools=(*turn.tools, StoredTool(event.name, arguments_in_words(event.arguments))))
            case ToolResult():
                return replace(turn, tools=self._with_result(turn.tools, event))
            case ReplyEnded(_, reason, statistics):
                return replace(
                    turn,
                    problem="" if reason is not EndReason.LENGTH else turn.problem,
                    first_text_s=statistics.first_text_s,
                    first_sound_s=statistics.first_sound_s,
                    real_time_factor=statistics.real_time_factor,
                )
        return turn

    def _with_result(self, tools: tuple[StoredTool, ...], result: ToolResult) -> tuple[StoredTool, ...]:
        place = len(tools) - len(self.tool_ids) + self.tool_ids.index(result.id)
        state = ToolState.FAILED if result.failed else ToolState.DONE
        return (*tools[:place], replace(tools[place], result=result.text, state=state), *tools[place + 1 :])


def arguments_in_words(arguments: dict[str, Any]) -> str:
    """One argument as it is, several as name: value."""
    words = {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
             for name, value in arguments.items()}  # fmt: skip
    if len(words) == 1:
        return next(iter(words.values()))
    return ", ".join(f"{name}: {value}" for name, value in words.items())


def character_at(spans: list[tuple[int, int, int]], made_24k: int, played_24k: int) -> int:
    """How many characters of the answer have been spoken after so many samples."""
    spoken = 0
    for index, (start, first, last) in enumerate(spans):
        if start > played_24k:
            break
        end = spans[index + 1][0] if index + 1 < len(spans) else made_24k
        share = min((played_24k - start) / max(end - start, 1), 1.0)
        spoken = round(first + share * (last - first))
    return spoken


def word_at(text: str, character: int) -> tuple[int, int] | None:
    """The word that holds a character, or the next one."""
    found = next((word for word in _WORD.finditer(text) if word.end() > character), None)
    return found.span() if found else None


def heard_part(text: str, character: int) -> str:
    """The text up to the last word that was heard whole."""
    if character >= len(text):
        return text
    ends = [word.end() for word in _WORD.finditer(text) if word.end() <= character]
    return text[: ends[-1]] if ends else ""
