"""What is asked of the engine's thread: each request is a generator of events with a flag that ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

# The person at the window, then other programs' speakers (first what is a short step of theirs), then files and
# background work. From SERVED on, work is a row of short steps: whatever is more urgent is carried out between them.
FIRST, URGENT, SOON, SERVED_AT_ONCE, SERVED, PATIENT = range(6)

Work = Callable[[Any, "Request"], Iterator[Any]]  # given the EngineWork, and the request itself


class Interrupted(Exception):  # noqa: N818 (nothing went wrong)
    """A restart of the engine or another model ended the request, not the user: it may be asked once more."""


class Request:
    """Something for the engine to do: a generator of events, and a flag that ends it.

    One that `settles` makes what is saved agree with what is shown, and is also carried out when everything else ends.
    One that wants to be `alone` replaces the engine: patient work that `needs_engine` is ended before.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        priority: int = URGENT,
        *,
        settles: bool = False,
        alone: bool = False,
        needs_engine: bool = True,
    ) -> None:
        self.name, self.work, self.priority, self.settles = name, work, priority, settles
        self.alone, self.needs_engine = alone, needs_engine
        self._cancelled = threading.Event()
        self.on_cancel: Callable[[], None] | None = None  # how to end it sooner than between two events
        self.on_skip: Callable[[], None] | None = None  # how to end the reasoning

    def cancel(self) -> None:
        """End it; events of it that are still on their way are not to be looked at."""
        self._cancelled.set()
        if self.on_cancel is not None:
            self.on_cancel()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()
