"""Splits the one stream of ids that the language model writes into what it thinks, says, speaks and calls.

A pure state machine: ids in, pieces out, one id at a time. It sorts by the kind of each id and assumes nothing about
their order: text and speech may interleave in any pattern, characters and marks may be split over several ids, marks
may be missing. Every speech token and every character of text comes out exactly once, in order.

The marks of thinking count as ids and as text. The `<tool_call>` marks count only as the special ids of that name where
the vocabulary has them, so text that a model merely repeats can never call a tool; a vocabulary without these ids has
them read from the text.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from engine.conversation.replying.tool_syntax import CallSyntaxError, parse_call

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
CALL_OPEN, CALL_CLOSE = "<tool_call>", "</tool_call>"


class Alphabet(Protocol):
    """What the parser needs to know about ids; `engine.language.Vocabulary` provides it."""

    @property
    def speech(self) -> range:
        """Ids of the speech tokens; a token's number is its id minus the start."""

    def text_bytes(self, id: int) -> bytes | None:
        """The UTF-8 bytes of a text id; None for ids that are not text (special tokens, padding codes)."""

    def find(self, name: str) -> int | None:
        """The id of a token by its exact name, None if the vocabulary has none."""


@dataclass(frozen=True)
class ThinkingPiece:
    """More of the reasoning."""

    text: str


@dataclass(frozen=True)
class ThinkingDone:
    """The reasoning is closed; the answer follows."""


@dataclass(frozen=True)
class AnswerPiece:
    """More of the answer; `start` is the position of its first character, `index` that of the id that completed it."""

    text: str
    start: int
    index: int


@dataclass(frozen=True)
class SpeechPiece:
    """One speech token (0 …); `text_position` is how many characters of the answer stand before it in the stream."""

    token: int
    text_position: int
    index: int


@dataclass(frozen=True)
class CallPiece:
    """A well-formed tool call; `index` is that of its last id."""

    name: str
    arguments: dict[str, Any]
    raw: str
    index: int


@dataclass(frozen=True)
class BrokenCallPiece:
    """A tool call that cannot be read; `reason` is a sentence for the model."""

    raw: str
    reason: str
    index: int


Piece = ThinkingPiece | ThinkingDone | AnswerPiece | SpeechPiece | CallPiece | BrokenCallPiece


class _State(Enum):
    ANSWER = "answer"
    THINKING = "thinking"
    CALL = "call"


@dataclass
class _Waiting:
    """A speech token that arrived while the text before it was still undecided; `offset` counts held characters."""

    offset: int
    token: int
    index: int


class ReplyParser:
    """State of one reply. `thinking` when the prompt already opened the reasoning; `text_start` continues an answer."""

    def __init__(self, alphabet: Alphabet, *, thinking: bool = False, text_start: int = 0) -> None:
        self._alphabet = alphabet
        self._call_open_id = alphabet.find(CALL_OPEN)
        self._call_close_id = alphabet.find(CALL_CLOSE)
        self._think_ids = {alphabet.find(mark): mark for mark in (THINK_OPEN, THINK_CLOSE)}
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._state = _State.THINKING if thinking else _State.ANSWER
        self._may_think = not thinking
        self._strip_answer = True  # white space before the first word is not part of the answer
        self._position = text_start
        self._index = -1
        self._held = ""
        self._waiting: list[_Waiting] = []
        self._call = ""
        self._out: list[Piece] = []

    @property
    def thinking(self) -> bool:
        """Whether the ids that come next belong to the reasoning."""
        return self._state is _State.THINKING

    @property
    def position(self) -> int:
        """Characters of the answer handed out so far, counted from `text_start` on."""
        return self._position

    @property
    def in_call(self) -> bool:
        """Whether a tool call has begun and not ended."""
        return self._state is _State.CALL

    def feed(self, id: int) -> list[Piece]:
        """The pieces that become certain with the next id of the reply; end ids give none."""
        self._index += 1
        speech = self._alphabet.speech
        if id in speech:
            self._on_speech(id - speech.start)
        elif self._call_open_id is not None and id == self._call_open_id:
            self._settle()
            self._open_call()
        elif self._call_close_id is not None and id == self._call_close_id:
            self._settle()
            self._close_call()
        elif id in self._think_ids:
            self._settle()
            if self._think_ids[id] in self._marks():
                self._on_mark(self._think_ids[id])
        elif data := self._alphabet.text_bytes(id):
            self._held += self._utf8.decode(data)
            self._scan()
        return self._take_out()

    def finish(self) -> list[Piece]:
        """The pieces still undecided when the reply is over: half marks are text, an open call ends here."""
        self._settle()
        if self._state is _State.CALL:
            self._close_call()
        return self._take_out()

    def _take_out(self) -> list[Piece]:
        out, self._out = self._out, []
        return out

    def _on_speech(self, token: int) -> None:
        if self._held and self._state is _State.ANSWER:
            self._waiting.append(_Waiting(len(self._held), token, self._index))
        else:
            self._out.append(SpeechPiece(token, self._position, self._index))

    def _settle(self) -> None:
        """Nothing can complete a half character or a half mark any more: they are text."""
        self._held += self._utf8.decode(b"", final=True)
        self._utf8.reset()
        self._scan()
        self._emit(len(self._held))

    def _marks(self) -> tuple[str, ...]:
        if self._state is _State.THINKING:
            return (THINK_CLOSE,)
        if self._state is _State.CALL:
            return (CALL_CLOSE,) if self._call_open_id is not None else (CALL_CLOSE, CALL_OPEN)
        marks = (THINK_OPEN,) if self._may_think else ()
        return marks if self._call_open_id is not None else (*marks, CALL_OPEN)

    def _scan(self) -> None:
        while found := _first_mark(self._held, self._marks()):
            place, mark = found
            self._emit(place)
            if mark == THINK_OPEN and not self._may_think:  # text came before it: no longer a mark
                continue
            self._drop(len(mark))
            self._on_mark(mark)
        self._emit(len(self._held) - _half_mark(self._held, self._marks()))

    def _on_mark(self, mark: str) -> None:
        if mark == THINK_OPEN:
            self._state, self._may_think = _State.THINKING, False
        elif mark == THINK_CLOSE:
            self._state, self._strip_answer = _State.ANSWER, True
            self._out.append(ThinkingDone())
        elif mark == CALL_OPEN:
            self._open_call()
        else:
            self._close_call()

    def _open_call(self) -> None:
        if self._state is _State.CALL:
            self._close_call()
        elif self._state is _State.THINKING:
            self._out.append(ThinkingDone())
        self._state, self._call, self._may_think = _State.CALL, "", False

    def _close_call(self) -> None:
        if self._state is not _State.CALL:
            return
        raw, self._call, self._state = self._call, "", _State.ANSWER
        self._strip_answer = True
        try:
            name, arguments = parse_call(raw)
        except CallSyntaxError as error:
            self._out.append(BrokenCallPiece(raw, str(error), self._index))
        else:
            self._out.append(CallPiece(name, arguments, raw, self._index))

    def _emit(self, characters: int) -> None:
        """Hand out the first held characters, and the speech that waited among them."""
        done = 0
        while self._waiting and self._waiting[0].offset <= characters:
            speech = self._waiting.pop(0)
            self._emit_text(self._held[done : speech.offset])
            done = max(done, speech.offset)
            self._out.append(SpeechPiece(speech.token, self._position, speech.index))
        self._emit_text(self._held[done:characters])
        self._forget(characters)

    def _drop(self, characters: int) -> None:
        """Leave out the held characters of a mark; speech that waited among them goes out."""
        while self._waiting and self._waiting[0].offset < characters:
            speech = self._waiting.pop(0)
            self._out.append(SpeechPiece(speech.token, self._position, speech.index))
        self._forget(characters)

    def _forget(self, characters: int) -> None:
        self._held = self._held[characters:]
        for speech in self._waiting:
            speech.offset -= characters

    def _emit_text(self, text: str) -> None:
        if self._state is _State.CALL:
            self._call += text
            return
        if self._state is _State.THINKING:
            if text:
                self._out.append(ThinkingPiece(text))
            return
        if self._strip_answer:
            text = text.lstrip()
        if not text:
            return
        self._strip_answer = False
        if text.strip():
            self._may_think = False
        self._out.append(AnswerPiece(text, self._position, self._index))
        self._position += len(text)


def _first_mark(text: str, marks: tuple[str, ...]) -> tuple[int, str] | None:
    places = [(place, mark) for mark in marks if (place := text.find(mark)) >= 0]
    return min(places, default=None)


def _half_mark(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of a mark."""
    for length in range(max(map(len, marks), default=1) - 1, 0, -1):
        if any(text.endswith(mark[:length]) for mark in marks if length < len(mark)):
            return length
    return 0
