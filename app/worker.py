"""A thread for work that may block: devices that hang while they open, disks that are slow."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

log = logging.getLogger(__name__)

Task = Callable[[], Any]
Done = Callable[[Any, Exception | None], None]
_Tasks = queue.Queue[tuple[Task, Done] | None]


class Worker(QObject):
    """Runs tasks in order, on a thread that begins with the first of them; `done(result, error)` is called once for
    each, on the GUI thread. A task that takes longer than `longest_s` loses its thread as soon as another one is given:
    its `done` gets a TimeoutError, the tasks after it get a new thread.
    """

    _finished = Signal(object, object, object)

    def __init__(self, name: str, longest_s: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name, self._longest_s = name, longest_s
        self._finished.connect(self._answer, Qt.ConnectionType.QueuedConnection)
        self._lock = threading.Lock()  # over what follows
        self._under_way: Done | None = None
        self._since = 0.0
        self._tasks: _Tasks = queue.Queue()
        self._thread: threading.Thread | None = None  # until there is something to do

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._loop, args=(self._tasks,), name=self._name, daemon=True)
        self._thread.start()

    def run(self, task: Task, done: Done | None = None) -> None:
        """Do `task` on the worker's thread. Without `done`, an error goes to the log."""
        with self._lock:
            if self._under_way is not None and time.monotonic() - self._since > self._longest_s:
                self._leave_behind(self._under_way)
            self._tasks.put((task, done or self._log))
            if self._thread is None:
                self._start()

    def _leave_behind(self, hanging: Done) -> None:
        log.error("%s hangs since over %.0f s: going on without it", self._name, self._longest_s)
        left, self._tasks = self._tasks, queue.Queue()
        self._under_way = self._thread = None
        while not left.empty():  # its thread takes no more of them
            self._tasks.put(left.get_nowait())
        self._finished.emit(hanging, None, TimeoutError(f"{self._name} took over {self._longest_s:.0f} s"))

    def close(self, timeout_s: float) -> None:
        """Finish what is queued, at most this long."""
        self._tasks.put(None)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _loop(self, tasks: _Tasks) -> None:
        while (item := tasks.get()) is not None:
            task, done = item
            with self._lock:
                self._under_way, self._since = done, time.monotonic()
            result, error = None, None
            try:
                result = task()
            except Exception as raised:
                error = raised
            with self._lock:
                if tasks is not self._tasks:
                    return  # given up on meanwhile
                self._under_way = None
            self._finished.emit(done, result, error)

    def _log(self, _result: Any, error: Exception | None) -> None:
        if error is not None:
            log.error("%s: a task failed", self._name, exc_info=error)

    def _answer(self, done: Done, result: Any, error: Exception | None) -> None:
        done(result, error)
