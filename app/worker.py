"""A thread for what may block: devices that hang while they open, disks that are slow."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

log = logging.getLogger(__name__)

Task = Callable[[], Any]
Done = Callable[[Any, Exception | None], None]
LONGEST_S = 5.0


class Worker(QObject):
    """Runs tasks in order; `done(result, error)` is called on the GUI thread. A task that hangs loses its thread:
    the next one gets a new one.
    """

    _finished = Signal(object, object, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._finished.connect(lambda done, result, error: done(result, error))
        self._start()

    def _start(self) -> None:
        self._tasks: queue.Queue[tuple[Task, Done] | None] = queue.Queue()
        self._since: float | None = None
        self._thread = threading.Thread(target=self._loop, args=(self._tasks,), name=self._name, daemon=True)
        self._thread.start()

    def run(self, task: Task, done: Done = lambda result, error: None) -> None:
        """Do `task` on the worker's thread."""
        if self._since is not None and time.monotonic() - self._since > LONGEST_S:
            log.error("%s hangs since over %.0f s: going on without it", self._name, LONGEST_S)
            self._start()
        self._tasks.put((task, done))

    def close(self, timeout_s: float) -> None:
        """Finish what is queued, at most this long."""
        self._tasks.put(None)
        self._thread.join(timeout_s)

    def _loop(self, tasks: queue.Queue[tuple[Task, Done] | None]) -> None:
        while (item := tasks.get()) is not None:
            task, done = item
            self._since = time.monotonic()
            result, error = None, None
            try:
                result = task()
            except Exception as raised:
                error = raised
            if tasks is not self._tasks:
                return  # given up on meanwhile
            self._since = None
            self._finished.emit(done, result, error)
