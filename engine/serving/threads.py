"""Blocking work beside the event loop, as an asynchronous stream that can be left at any time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import closing
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


class _Feeder:
    """Runs a generator on a thread and hands its events to an event loop, one after the other."""

    def __init__(self, make: Callable[[], Generator[Any]], loop: asyncio.AbstractEventLoop) -> None:
        self._make, self._loop = make, loop
        self.coming: asyncio.Queue[tuple[Any, BaseException | None, bool]] = asyncio.Queue()
        self.wanted = threading.Semaphore(1)
        self.left = threading.Event()

    def run(self) -> None:
        """The thread's work."""
        try:
            with closing(self._make()) as steps:
                for event in steps:
                    if not self._handed_out(event):
                        return
        except BaseException as error:
            self._put(None, error, True)
        else:
            self._put(None, None, True)

    def _handed_out(self, event: Any) -> bool:
        """Whether there is still somebody who wants more."""
        if not self.left.is_set():
            self._put(event, None, False)
            self.wanted.acquire()
        return not self.left.is_set()

    def _put(self, *item: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody reads any more
            self._loop.call_soon_threadsafe(self.coming.put_nowait, item)


async def from_thread(make: Callable[[], Generator[Any]], name: str) -> AsyncGenerator[Any]:
    """What a generator yields that runs on a thread of its own, one step ahead of the reader at most.

    Raises what it raises. Closing the stream closes the generator, on its thread, after the step it is in.
    """
    feeder = _Feeder(make, asyncio.get_running_loop())
    threading.Thread(target=feeder.run, name=name, daemon=True).start()
    try:
        while True:
            event, error, last = await feeder.coming.get()
            if error is not None:
                raise error
            if last:
                return
            yield event
            feeder.wanted.release()
    finally:
        feeder.left.set()
        feeder.wanted.release()


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; it is cancelled when the client goes away. The body must have been read before.

    Raises ClientDisconnect then.
    """

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def first_of(request: Request, stream: AsyncGenerator[T]) -> T | None:
    """The first of a stream, None for an empty one. As `unless_gone`; what goes wrong closes the stream."""

    async def first() -> T | None:
        return await anext(stream, None)

    return await unless_gone(request, first())
