"""An answer on its way, and what its events do to the turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from app.engine_side.requests import Request
from app.engine_side.turns import Sounded, TurnTask
from app.shown.talk import ToolState, TurnState
from app.talk.confirmations import arguments_in_words
from app.talk.spoken_words import Span
from app.talk.stored_turn import StoredTool, StoredTurn
from app.translations import told
from engine.events import AnswerText, EndReason, ReplyEnded, ThinkingEnded, ThinkingText, ToolCall, ToolResult


@dataclass
class Answer:
    """What was asked of the engine for a turn, and what became of it so far."""

    id: str
    task: TurnTask
    request: Request
    spans: list[Span] = field(default_factory=list)
    tool_ids: list[str] = field(default_factory=list)
    made_24k: int = 0
    over: bool = False  # the engine is done with it
    spoken_again: bool = False  # only its sound is made again
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
                return turn if self.spoken_again else replace(turn, spans=tuple(self.spans))
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
                    first_sound_s=statistics.first_heard_s,
                    real_time_factor=statistics.real_time_factor,
                    context_tokens=event.context_tokens or turn.context_tokens,
                    context_length=event.context_length or turn.context_length,
                )
        return turn

    def _place(self, tools: tuple[StoredTool, ...], call: str) -> int:
        return len(tools) - len(self.tool_ids) + self.tool_ids.index(call)

    def _with_result(self, tools: tuple[StoredTool, ...], result: ToolResult) -> tuple[StoredTool, ...]:
        place = self._place(tools, result.id)
        state = ToolState.FAILED if result.failed else ToolState.DONE
        return (*tools[:place], replace(tools[place], result=told(result.text), state=state), *tools[place + 1 :])

    def with_tool_state(self, turn: StoredTurn, call: str, state: ToolState) -> StoredTurn:
        """The turn with another state of a call that has no result yet."""
        place = self._place(turn.tools, call)
        tool = turn.tools[place]
        if tool.state not in (ToolState.RUNNING, ToolState.ASKING):
            return turn
        return replace(turn, tools=(*turn.tools[:place], replace(tool, state=state), *turn.tools[place + 1 :]))
