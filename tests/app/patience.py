"""How long tests of the app wait for what must come: far longer than it takes on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytestqt.qtbot import QtBot

HANGS_MS = 60_000


class PatientQtBot(QtBot):
    """A QtBot that gives up what hangs, not what is slow. Where a test names a time-out, that one counts."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = HANGS_MS) -> None:  # noqa: N802
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = HANGS_MS, **options: Any) -> Any:  # noqa: N802
        return super().waitSignal(signal, timeout=timeout, **options)
