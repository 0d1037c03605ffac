"""Has the model read transcripts: answers questions about one, and summarises it."""

from __future__ import annotations

import logging
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import SOON, Request
from app.transcribe.job import Job
from app.translations import sentence, told
from engine.errors import EngineError
from engine.events import AnswerText
from engine.samples import clock

log = logging.getLogger(__name__)


class TranscriptReader(QObject):
    """One question or summary at a time; a new one ends the one before."""

    answered = Signal(str, str, bool)  # which recording, the answer so far, whether it is whole
    summarised = Signal(str, str, bool)

    def __init__(self, thread: EngineThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._request: Request | None = None
        self._key, self._text, self._told = "", "", self.answered
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    def ask(self, job: Job, question: str) -> None:
        """Answer a question from what was said."""
        lines = lines_of(job)
        self._told = self.answered
        self._begin(job.key, lambda work, request: work.readings.answer(lines, question, request))

    def summarise(self, job: Job) -> None:
        """Say in a few lines what was said."""
        lines = lines_of(job)
        self._told = self.summarised
        self._begin(job.key, lambda work, request: work.readings.summarise(lines, request))

    def _begin(self, key: str, work: Any) -> None:
        if self._request is not None:
            self._request.cancel()
        self._key, self._text = key, ""
        self._request = self._thread.submit(Request("read a transcript", work, SOON))

    def _on_event(self, request: Request, event: Any) -> None:
        if request is self._request and isinstance(event, AnswerText):
            self._text += event.text
            self._told.emit(self._key, self._text, False)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        self._request = None
        if isinstance(error, EngineError):
            self._text = told(error)
        elif error is not None:
            log.error("reading a transcript failed", exc_info=error)
            self._text = sentence("Something went wrong; the log says more.")
        self._told.emit(self._key, self._text, error is None)


def lines_of(job: Job) -> tuple[str, ...]:
    """A line for each segment: when, who, what."""
    names = dict(job.names)
    return tuple(
        f"{clock(each.start_s)} {names.get(each.speaker, each.speaker) + ': ' if each.speaker else ''}{each.text}"
        for each in job.segments
    )
