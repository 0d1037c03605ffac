"""Has the model read the conversation in front before the next question comes, so that its answer need not wait."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import SERVED, Request
from app.talk.answerer import Answerer
from app.talk.conversation import Conversation
from app.talk.turn_tasks import TurnTasks

_AT_REST_MS = 500  # whoever leafs through conversations has none of them read


class ReadingAhead(QObject):
    """Begins anew whenever another conversation or branch is shown, and after every answer."""

    def __init__(
        self,
        conversation: Conversation,
        tasks: TurnTasks,
        thread: EngineThread,
        answerer: Answerer,
        ready: Callable[[], bool],
    ) -> None:
        """`ready` says whether there is a model."""
        super().__init__()
        self._conversation, self._tasks, self._thread = conversation, tasks, thread
        self._answerer, self._ready = answerer, ready
        self._request: Request | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_AT_REST_MS)
        self._rest.timeout.connect(self._begin)
        for changed in (conversation.turns_reset, conversation.branch_changed, answerer.engine_free):
            changed.connect(self.begin_soon)

    def begin_soon(self) -> None:
        """As soon as everything has been at rest for a moment; what was being read is of no use any more."""
        self.close()
        self._rest.start()

    def close(self) -> None:
        """Read no further."""
        self._rest.stop()
        if self._request is not None:
            self._request.cancel()
            self._request = None

    def _begin(self) -> None:
        branch, manner = self._conversation.branch(), self._tasks.manner()
        if branch.path and self._ready() and not self._answerer.waits_for_engine:
            request = Request("read ahead", lambda work, request: work.turns.read_ahead(branch, manner), SERVED)
            self._request = self._thread.submit(request)
