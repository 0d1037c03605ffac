"""Reasoning before the answer: whether to, the reasoning itself, and how the answer is opened behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from engine.conversation.prompting.chat_template import THINKING_ENDS
from engine.conversation.prompting.reading import PromptReader, Readable, common_length
from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.replying.reply_parser import ReplyParser, ThinkingDone, ThinkingPiece
from engine.events import ThinkingEnded, ThinkingText
from engine.language import Vocabulary


def prefers_thinking(reader: PromptReader, thinking: Readable, plain: Readable, cancelled: Callable[[], bool]) -> bool:
    """Whether the model would rather reason, by the likelier of the first ids in which the two opened prompts differ.

    Where the plain opening ends before it differs, thinking must be the likeliest of all ids.
    """
    same = common_length(thinking.keys, plain.keys)
    other = plain.keys[same] if same < len(plain) else None
    return reader.prefers(thinking.up_to(same), thinking.keys[same], other, cancelled)


def think(
    reply: ReplyInProgress,
    readable: Readable,
    stream: Iterable[int],
    vocabulary: Vocabulary,
    skipped: Callable[[], bool],
) -> Iterator[ThinkingText | ThinkingEnded]:
    """Reason in the ids of `stream`, which follow `readable`, up to the mark, their end, or a wish to skip the rest.

    The reply's answer is then opened behind it.
    """
    parser = ReplyParser(vocabulary, thinking=True)
    ids: list[int] = []
    done = False
    for id in stream:
        if id in vocabulary.end_ids:
            break
        ids.append(id)
        for piece in parser.feed(id):
            done |= isinstance(piece, ThinkingDone)
            if isinstance(piece, ThinkingPiece):
                reply.thinking += piece.text
                yield ThinkingText(piece.text)
        if done or skipped():
            break
    reply.thinking_s = reply.elapsed_s
    reply.opened = opened_behind(vocabulary, readable, ids, reply.thinking, done, reply.turn.spoken_answer)
    yield ThinkingEnded(reply.thinking_s, len(ids), skipped=not done)


def opened_behind(
    vocabulary: Vocabulary, readable: Readable, ids: Sequence[int], thinking: str, done: bool, spoken: bool
) -> Readable:
    """The prompt of the answer: `readable`, the thinking `ids` as they were written, its end mark, and the opening.

    `done` when the model wrote the end mark itself: its own way of writing it is replaced by the exact one.
    """
    kept, rest = len(ids), "" if not thinking or thinking.endswith("\n") else "\n"
    if done:
        end_id = vocabulary.find(THINKING_ENDS)
        written = [THINKING_ENDS.encode() if id == end_id else vocabulary.text_bytes(id) or b"" for id in ids]
        kept, rest = thinking_kept(thinking, written)
    tail = vocabulary.encode(f"{rest}{THINKING_ENDS}\n\n")
    return readable.followed_by([*ids[:kept], *tail, *([vocabulary.tts_start] if spoken else [])])


def thinking_kept(text: str, bytes_of: Sequence[bytes]) -> tuple[int, str]:
    """How many ids write `text` and nothing after it, and the part of `text` they leave over.

    `bytes_of` are the bytes of each id. An id that writes the last of the text and the first of a mark is left out.
    """
    wanted = text.encode()
    length = 0
    for place in range(len(bytes_of)):
        if length + len(bytes_of[place]) > len(wanted):
            return place, wanted[length:].decode(errors="ignore")
        length += len(bytes_of[place])
    return len(bytes_of), ""
