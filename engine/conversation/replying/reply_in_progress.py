"""One reply in the making: what was thought, written, spoken and called so far, and how long it took."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.conversation.prompting.reading import Readable
from engine.conversation.remembering.records import PASSAGE_BREAK, Passage, SpokenPiece, TurnRecord
from engine.conversation.replying.reply_parser import BrokenCallPiece, CallPiece
from engine.conversation.speaking_along.voicing import RATE_HZ, Place
from engine.events import AnswerText, EndReason, ReplyStatistics, Speech, ToolCall, ToolResult


@dataclass
class _OpenPassage:
    spoken: bool
    ids: list[int] = field(default_factory=list)
    text: str = ""
    began_late: bool = False
    wanted: list[CallPiece | BrokenCallPiece] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether tools were called whose results are still to come."""
        return len(self.results) < len(self.calls)

    def drop_thinking(self) -> None:
        """Forget the ids so far: they were thoughts, which the history does not keep."""
        self.ids.clear()
        self.began_late = True

    def add_text(self, text: str) -> None:
        """More of the text; white space between thoughts and the first word goes."""
        if self.began_late and not self.text:
            del self.ids[:-1]
        self.text += text

    @classmethod
    def of(cls, passage: Passage) -> _OpenPassage:
        """A passage that was written before."""
        calls, results = list(passage.calls), list(passage.results)
        return cls(passage.spoken, list(passage.ids), passage.text, calls=calls, results=results)

    def frozen(self) -> Passage:
        return Passage(self.spoken, tuple(self.ids), self.text, tuple(self.calls), tuple(self.results))


class ReplyInProgress:
    """Collects a reply; `record` is at any moment what the history should hold.

    A record with passages is that of a reply which goes on.
    """

    def __init__(self, record: TurnRecord) -> None:
        self._record = record
        self._passages = [_OpenPassage.of(passage) for passage in record.passages]
        self._pieces = list(record.pieces)
        self._began = time.perf_counter()
        self._total_s: float | None = None
        self._first_text_s: float | None = None
        self._first_sound_s: float | None = None
        self._first_heard_s: float | None = None
        self._calls = len(record.tool_calls)
        self.turn = record.request
        self.reason = EndReason.COMPLETE
        self.thinking = record.thinking
        self.thinking_s = record.thinking_s
        self.transcript = record.transcript
        self.opened: Readable | None = None  # the prompt of the next passage, where thinking went before it
        self.generated = 0
        self.context_tokens = 0  # what was read and written for the passage that was written last
        self._statistics = ReplyStatistics()
        self._writing_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the reply began."""
        return time.perf_counter() - self._began

    @property
    def record(self) -> TurnRecord:
        """The turn as far as it has come."""
        return dataclasses.replace(
            self._record,
            transcript=self.transcript,
            thinking=self.thinking,
            thinking_s=self.thinking_s,
            passages=self.passages,
            pieces=tuple(self._pieces),
            reason=self.reason,
            statistics=self.statistics(),
        )

    def stop_clock(self) -> None:
        """The reply is complete; what follows does not count."""
        self._total_s = self.elapsed_s

    def next_call(self) -> int:
        """A new number for a tool call."""
        self._calls += 1
        return self._calls

    @property
    def passage(self) -> _OpenPassage:
        """The passage that is being written."""
        return self._passages[-1]

    @property
    def passages(self) -> tuple[Passage, ...]:
        """What was written so far."""
        return tuple(passage.frozen() for passage in self._passages)

    def begin_passage(self, spoken: bool) -> Place:
        """Open the next passage; returns where it begins in the whole answer."""
        text = PASSAGE_BREAK.join(passage.text for passage in self._passages if passage.text)
        self._passages.append(_OpenPassage(spoken))
        speech = self._record.speech
        tokens = sum(id in speech for passage in self._passages for id in passage.ids)
        return Place(len(text) + len(PASSAGE_BREAK) if text else 0, tokens)

    def add_text(self, text: str, start: int) -> list[AnswerText]:
        """More of the answer: the events for it, with the break before a new passage's first words."""
        events = [AnswerText(text, start)]
        if not self.passage.text and start:
            events.insert(0, AnswerText(PASSAGE_BREAK, start - len(PASSAGE_BREAK)))
        self.passage.add_text(text)
        if self._first_text_s is None:
            self._first_text_s = self.elapsed_s
        return events

    def sounding(self, speeches: Iterable[Speech]) -> Iterator[Speech]:
        """Hand out pieces of sound, each noted before."""
        for speech in speeches:
            end = speech.first_token + speech.tokens
            self._pieces.append(SpokenPiece(len(speech.samples_24k), end, speech.text_end))
            now = self.elapsed_s
            if self._first_sound_s is None:
                self._first_sound_s = now
            if self._first_heard_s is None or now < self._first_heard_s:  # nothing was played yet
                self._first_heard_s = now + speech.wait_s
            yield speech

    def read(self, prompt_tokens: int, reused: int, seconds: float) -> None:
        """A prompt was read; only the first of a reply is counted."""
        self.context_tokens = prompt_tokens
        if not self._statistics.prompt_tokens:
            self._statistics = dataclasses.replace(
                self._statistics, prompt_tokens=prompt_tokens, reused_tokens=reused, prefill_s=seconds
            )

    def wrote(self, seconds: float) -> None:
        """An id was written."""
        self.generated += 1
        self.context_tokens += 1
        self._writing_s += seconds

    def statistics(self) -> ReplyStatistics:
        """The figures so far."""
        total_s = self.elapsed_s if self._total_s is None else self._total_s
        heard_s = self._first_heard_s
        return dataclasses.replace(
            self._statistics,
            generated_tokens=self.generated,
            first_text_s=self._first_text_s,
            first_sound_s=self._first_sound_s,
            first_heard_s=None if heard_s is None else min(heard_s, total_s),
            speech_tokens=sum(id in self._record.speech for passage in self._passages for id in passage.ids),
            total_s=total_s,
            speech_s=sum(piece.samples for piece in self._pieces) / RATE_HZ,
            decode_tokens_per_s=self.generated / self._writing_s if self._writing_s else 0.0,
        )
