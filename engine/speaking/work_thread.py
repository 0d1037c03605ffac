"""A thread that does one thing after the other. MLX's streams belong to it and must be gone before the program ends."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

import mlx.core as mx

T = TypeVar("T")

_END_S = 5.0  # that whoever ends it waits for what it does

_Queue = SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]


class WorkThread:
    """Starts with the first work, and ends when it is closed, forgotten, or the program ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: _Queue = SimpleQueue()
        self._end: weakref.finalize | None = None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have something done after all that was submitted before."""
        if self._end is None:
            thread = threading.Thread(target=_run, args=(self._work,), name=self._name, daemon=True)
            thread.start()
            self._end = weakref.finalize(self, _finish, self._work, thread)
        promised: Future[T] = Future()
        self._work.put((work, promised))
        return promised

    def close(self) -> None:
        """Do what was submitted and end. A later `submit` starts another thread."""
        if self._end is not None:
            self._end()
            self._end = None


def _run(items: _Queue) -> None:
    while (item := items.get()) is not None:
        work, promised = item
        if not promised.set_running_or_notify_cancel():
            continue  # nobody waits for it any more; from here on it cannot be cancelled
        try:
            promised.set_result(work())
        except BaseException as error:  # handed to whoever waits for the result
            promised.set_exception(error)
        del work, promised, item
    mx.synchronize()
    mx.clear_streams()


def _finish(items: _Queue, thread: threading.Thread) -> None:
    items.put(None)
    if thread is not threading.current_thread():  # which may be the one that forgets it
        thread.join(_END_S)
