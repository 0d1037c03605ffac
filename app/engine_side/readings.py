"""Questions about a transcript, answered from its text, and its summary. Plain generators that know no Qt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from app.engine_side.loading import LoadedModel
from app.engine_side.requests import Request
from engine.events import AnswerText, Turn

if TYPE_CHECKING:
    from engine.session import Session

_ROOM_FOR_ANSWER = 900  # ids: the instructions and what is written
_LONGEST_ANSWER, _LONGEST_NOTES = 500, 300


class ReadingWork:
    """Reads transcripts with the loaded model, in sessions that nobody keeps."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model

    def answer(self, lines: Sequence[str], question: str, request: Request) -> Iterator[AnswerText]:
        """Answer from the lines that fit, those first that have to do with the question. Raises RequestError."""
        chosen = _about(lines, self._sizes(lines), self._room, question)
        yield from self._ask("\n".join(chosen), question, _LONGEST_ANSWER, request)

    def summarise(self, lines: Sequence[str], request: Request) -> Iterator[AnswerText]:
        """Summarise all lines; of more than fit at once, notes are taken part by part. Raises RequestError."""
        from engine.conversation.prompting.tasks import SUMMARISE_TRANSCRIPT

        parts = _parts(lines, self._sizes(lines), self._room)
        while len(parts) > 1:
            notes = [self._notes(part, request) for part in parts]
            shorter = _parts(notes, self._sizes(notes), self._room)
            if len(shorter) >= len(parts):
                shorter = shorter[:1]  # notes as long as what they are of: a model that does not take notes
            parts = shorter
        yield from self._ask("\n".join(parts[0]), SUMMARISE_TRANSCRIPT, _LONGEST_ANSWER, request)

    def _notes(self, part: Sequence[str], request: Request) -> str:
        from engine.conversation.prompting.tasks import NOTE_TRANSCRIPT

        return "".join(event.text for event in self._ask("\n".join(part), NOTE_TRANSCRIPT, _LONGEST_NOTES, request))

    def _ask(self, text: str, task: str, longest: int, request: Request) -> Iterator[AnswerText]:
        session = self._session()
        request.on_cancel = session.interrupt
        turn = Turn(text=f"{text}\n\n{task}", spoken_answer=False, max_tokens=longest)
        try:
            with closing(session.ask(turn)) as events:
                yield from (event for event in events if isinstance(event, AnswerText))
        finally:
            request.on_cancel = None

    def _session(self) -> Session:
        from engine.conversation.prompting.tasks import READ_TRANSCRIPT
        from engine.conversation.replying.settings import SessionSettings

        session: Session = self._model.engine.session(settings=SessionSettings(persona=READ_TRANSCRIPT))
        return session

    @property
    def _room(self) -> int:
        return max(int(self._model.engine.context_length) - _ROOM_FOR_ANSWER, 200)

    def _sizes(self, lines: Sequence[str]) -> list[int]:
        vocabulary: Any = self._model.engine.vocabulary
        return [len(vocabulary.encode(line)) + 1 for line in lines]


def _parts(lines: Sequence[str], sizes: Sequence[int], room: int) -> list[list[str]]:
    """The lines in as many parts as are needed for each to fit."""
    parts: list[list[str]] = [[]]
    filled = 0
    for line, size in zip(lines, sizes, strict=True):
        if parts[-1] and filled + size > room:
            parts.append([])
            filled = 0
        parts[-1].append(line)
        filled += size
    return parts


def _about(lines: Sequence[str], sizes: Sequence[int], room: int, question: str) -> list[str]:
    """The lines that have most words of the question, with those beside them, as many as fit, in their order."""
    wanted = set(re.findall(r"\w{3,}|[\u3040-\u9fff]", question.lower()))
    scores = [sum(word in line.lower() for word in wanted) for line in lines]
    near = [max(scores[max(0, n - 1) : n + 2]) + scores[n] for n in range(len(lines))]
    chosen: set[int] = set()
    for number in sorted(range(len(lines)), key=lambda n: (-near[n], n)):
        if sizes[number] <= room:
            chosen.add(number)
            room -= sizes[number]
    return [lines[number] for number in sorted(chosen)]
