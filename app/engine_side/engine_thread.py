"""The one thread that owns the engine and all its arrays, from load to quit."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing

from PySide6.QtCore import QObject, Signal

from app.engine_side.deliveries import Deliveries
from app.engine_side.requests import FIRST, PATIENT, SERVED, Interrupted, Request
from app.engine_side.work import EngineWork
from engine.errors import EngineError
from engine.events import Pause

log = logging.getLogger(__name__)

_Queue = queue.PriorityQueue[tuple[int, int, Request | None]]  # priority, order of arrival, None ends the thread


class EngineThread(QObject):
    """Takes requests, most urgent first, and says what they yield. A served or patient request is a row of short steps:
    more urgent ones are carried out between them. The signals are emitted on the thread that this object lives on.
    """

    happened = Signal(object, object)  # request, event
    ended = Signal(object, object)  # request, exception or None

    def __init__(self, make_work: Callable[[], EngineWork], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._make_work = make_work
        self._deliveries = Deliveries(self)
        self._order = itertools.count()
        self._start()

    def _start(self) -> None:
        self._queue: _Queue = queue.PriorityQueue()
        self._running: list[Request] = []
        self._work: EngineWork | None = None
        self._alive_at = time.monotonic()
        self._thread = threading.Thread(target=self._loop, args=(self._queue,), name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> Request:
        """Queue a request."""
        self._queue.put((request.priority, next(self._order), request))
        return request

    def beat(self) -> None:
        """Say that work goes on, from within a request that waits for something else than the engine."""
        self._alive_at = time.monotonic()

    def catch_up(self) -> None:
        """Say what happened so far, all of it; on the thread that this object lives on."""
        self._deliveries.deliver()

    @property
    def working(self) -> bool:
        """Whether a request is under way."""
        return bool(self._running)

    @property
    def hanging_s(self) -> float:
        """Seconds since the running request gave a sign of life; 0 while idle."""
        return time.monotonic() - self._alive_at if self._running else 0.0

    @property
    def dead(self) -> bool:
        """Whether the thread ended by itself."""
        return not self._thread.is_alive()

    def restart(self) -> None:
        """Abandon a thread that hangs or died; a new one begins without an engine and does what waits."""
        running, left, work = list(self._running), self._queue, self._work
        if work is not None:
            work.leave_behind()
        for request in running:
            request.cancel()
        self._start()
        for request in running:
            self._deliveries.send(self.ended.emit, request, Interrupted())
        self.catch_up()
        while not left.empty():
            self._queue.put(left.get_nowait())
        left.put((FIRST - 1, next(self._order), None))

    def end(self) -> None:
        """Cancel everything but what settles and let the thread end; `join` waits for it."""
        with self._queue.mutex:
            waiting = [request for _, _, request in self._queue.queue if request is not None]
        for request in [*self._running, *waiting]:
            if not request.settles:
                request.cancel()
        self._queue.put((PATIENT + 1, next(self._order), None))

    def join(self, timeout_s: float) -> bool:
        """Whether the thread ended in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _loop(self, requests: _Queue) -> None:
        work = self._work = self._make_work()
        while True:
            request = requests.get()[2]
            if request is None:
                work.close()
                return
            try:
                self._run(work, request, requests)
            except BaseException:  # only what is meant to end a thread gets here; it was logged and told
                return

    def _run(self, work: EngineWork, request: Request, requests: _Queue) -> None:
        running = self._running
        error: Exception | None = None
        running.append(request)
        self._alive_at = time.monotonic()
        try:
            if not request.cancelled:
                self._carry_out(work, request, requests)
        except Interrupted as interrupted:
            error = interrupted
        except EngineError as sentence:
            error = sentence
        except Exception as bug:
            log.exception("request %s failed", request.name)
            error = bug
        except BaseException as end:
            log.exception("the engine thread dies in request %s", request.name)
            self._say_ended(request, end, requests)
            raise
        finally:
            running.remove(request)
        self._say_ended(request, error, requests)

    def _say_ended(self, request: Request, error: BaseException | None, requests: _Queue) -> None:
        if requests is self._queue:  # else the thread was left behind, and the request ended then
            self._deliveries.send(self.ended.emit, request, error)

    def _carry_out(self, work: EngineWork, request: Request, requests: _Queue) -> None:
        with closing(request.work(work, request)) as events:  # type: ignore[type-var]
            for event in events:
                self._alive_at = time.monotonic()
                if request.cancelled:
                    return
                if not isinstance(event, Pause):
                    self._deliveries.send(self.happened.emit, request, event)
                if request.priority >= SERVED:
                    self._let_urgent_pass(work, request, requests)

    def _let_urgent_pass(self, work: EngineWork, patient: Request, requests: _Queue) -> None:
        """Raises Interrupted when one of them replaces the engine that the patient one needs."""
        while True:
            try:
                priority, order, waiting = requests.get_nowait()
            except queue.Empty:
                return
            if waiting is None or priority >= patient.priority:
                requests.put((priority, order, waiting))
                return
            if waiting.alone and patient.needs_engine and not waiting.cancelled:
                requests.put((priority, order, waiting))
                raise Interrupted
            self._run(work, waiting, requests)
