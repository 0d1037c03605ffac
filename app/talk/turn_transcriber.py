"""Has spoken turns transcribed, the newest first, whenever the engine has time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import SOON, Request
from app.engine_side.sinks import SilentSink
from app.shown.talk import TurnState
from app.talk.answerer import Answerer
from app.talk.conversation import Conversation
from app.talk.stored_turn import StoredTurn
from app.talk.turn_tasks import TurnTasks
from engine.events import Heard


@dataclass(frozen=True)
class _UnderWay:
    id: str
    request: Request


class TurnTranscriber(QObject):
    """One turn at a time. One in which no words were found is not tried again."""

    def __init__(self, conversation: Conversation, tasks: TurnTasks, thread: EngineThread, answerer: Answerer) -> None:
        super().__init__()
        self._conversation, self._tasks, self._thread = conversation, tasks, thread
        self._answerer = answerer
        self._under_way: _UnderWay | None = None
        self._done: set[str] = set()  # ids of turns
        answerer.beginning.connect(self._on_answer)
        answerer.engine_free.connect(self.start_next)
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    def start_next(self) -> None:
        """Take the newest spoken turn without a transcript, unless an answer needs the engine."""
        if self._under_way is not None or self._answerer.waits_for_engine:
            return
        stored = next(filter(self._lacks_transcript, reversed(self._conversation.stored)), None)
        if stored is not None:
            task = self._tasks.task(stored, SilentSink())
            request = Request("transcribe turn", lambda work, request: work.turns.transcribe(task, request), SOON)
            self._under_way = _UnderWay(stored.id, self._thread.submit(request))

    def _on_answer(self, id: str) -> None:
        self._done.discard(id)
        self.pause()

    def pause(self) -> None:
        """Leave the engine to something else."""
        if self._under_way is not None:
            self._under_way.request.cancel()
            self._under_way = None

    def _lacks_transcript(self, stored: StoredTurn) -> bool:
        """Whether it was spoken, can be transcribed and was not."""
        asked = stored.state in (TurnState.DONE, TurnState.INTERRUPTED, TurnState.SPEAKING)
        return asked and bool(stored.recording) and not stored.text and stored.id not in self._done

    def _on_event(self, request: Request, event: Any) -> None:
        mine = self._under_way
        if mine is not None and request is mine.request and isinstance(event, Heard):
            self._conversation.take_transcript(event.turn, event.text)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        mine = self._under_way
        if mine is not None and request is mine.request:
            self._under_way = None
            if error is None:
                self._done.add(mine.id)
                self.start_next()
