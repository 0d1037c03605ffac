"""Where the pieces of a reply go: into its text, its voice, its thoughts, or the calls that it wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.replying.reply_parser import (
    AnswerPiece,
    BrokenCallPiece,
    CallPiece,
    Piece,
    SpeechPiece,
    ThinkingDone,
    ThinkingPiece,
)
from engine.conversation.speaking_along.voicing import Voicing
from engine.events import AnswerText, ThinkingEnded, ThinkingText


def sort_out(
    reply: ReplyInProgress, pieces: Iterable[Piece], voicing: Voicing | None
) -> Iterator[AnswerText | ThinkingText | ThinkingEnded]:
    """Put pieces where they belong, and hand out those that are shown."""
    for piece in pieces:
        match piece:
            case AnswerPiece(text, start):
                if voicing:
                    voicing.add_text(text)
                yield from reply.add_text(text, start)
            case SpeechPiece(token):
                if voicing:
                    voicing.add_token(token)
            case CallPiece() | BrokenCallPiece():
                reply.passage.wanted.append(piece)
            case ThinkingPiece(text):
                reply.passage.drop_thinking()  # at once, for it may never be done
                reply.thinking += text
                yield ThinkingText(text)
            case ThinkingDone():
                reply.passage.drop_thinking()
                yield ThinkingEnded(reply.elapsed_s, reply.generated)
