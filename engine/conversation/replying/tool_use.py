"""Carries out the calls of one message and tells about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.replying.reply_parser import BrokenCallPiece, CallPiece
from engine.conversation.replying.settings import SessionSettings
from engine.errors import Sentence
from engine.events import ToolCall, ToolResult

_MOST_CALLS = 8  # of one message
_UNREADABLE = "unreadable"


def use_tools(
    reply: ReplyInProgress,
    wanted: Sequence[CallPiece | BrokenCallPiece],
    settings: SessionSettings,
    may_run: bool,
    cancelled: Callable[[], bool],
    fitted: Callable[[], ToolResult],
) -> Iterator[ToolCall | ToolResult]:
    """Carry out the calls the passage asked for, one after the other; what cannot be done is a result that says so.

    Calls of tools that are answered outside are only told: the passage then `waits` for their results. `may_run` False
    answers every call with a refusal: the limit of chained calls is reached. `fitted` cuts the last result where the
    model has no room for it.
    """
    for piece in wanted[:_MOST_CALLS]:
        name = piece.name if isinstance(piece, CallPiece) else _UNREADABLE
        arguments = piece.arguments if isinstance(piece, CallPiece) else {"text": piece.raw[:500]}
        call = ToolCall(f"{reply.turn.id}.{reply.next_call()}", name, arguments)
        reply.passage.calls.append(call)
        yield call
        if isinstance(piece, BrokenCallPiece):
            result = ToolResult(call.id, name, piece.reason, failed=True)
        elif not may_run:
            result = ToolResult(call.id, name, Sentence("No more tools may be called in this turn."), failed=True)
        elif settings.tools.answered_outside(name) and name in reply.turn.allow_tools:
            continue
        else:
            result = settings.tools.run(
                call, allowed=reply.turn.allow_tools, confirm=settings.confirm, cancelled=cancelled
            )
        reply.passage.results.append(result)
        yield fitted()
