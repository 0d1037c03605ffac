"""A text that is read aloud outside any conversation."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import Request
from app.talk.notices import Notices, explain
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine


class TextReader(QObject):
    """One text at a time, in the voice of the answers. It can be silenced as an answer can; nothing of it is kept."""

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        thread: EngineThread,
        replayer: Replayer,
        voice: Callable[[], str],
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._thread, self._replayer = machine, notices, thread, replayer
        self._voice = voice
        self._request: Request | None = None
        machine.silencing.connect(self._cancel)
        thread.ended.connect(self._on_ended)

    def read(self, text: str) -> None:
        """Read a text aloud, in the place of what sounds now."""
        sink = self._replayer.begin_reading()
        voice = self._voice()
        self._request = Request("read aloud", lambda work, request: work.voices.say(text, voice, sink, request))
        sink.request = self._request
        self._thread.submit(self._request)

    def _cancel(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.cancel()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        self._request = None
        if error is not None:
            self._machine.stop()
            self._notices.say(explain(error), trouble=True)
