"""Makes smaller copies of models, step by step while nobody asks anything. Each is read back before it is used."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import PATIENT, Request
from app.translations import told
from app.worker import Worker
from engine.errors import EngineError
from engine.events import Progress

log = logging.getLogger(__name__)

_MAKING_SHARE = 0.7  # of the time; the rest is for reading it back


class Copies(QObject):
    """At most one is made at a time."""

    changed = Signal()
    made = Signal(Path, Path)  # the original, and its copy; the original is gone by then unless it was to be kept

    def __init__(self, thread: EngineThread, worker: Worker) -> None:
        super().__init__()
        self._thread, self._worker = thread, worker
        self._request: Request | None = None
        self._source, self._target, self._keeps = Path(), Path(), True
        self.share = 0.0
        self._failed: tuple[str, str] = ("", "")  # folder, and the sentence
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    @property
    def source(self) -> str:
        """The folder that is being copied; "" for none."""
        return str(self._source) if self._request is not None else ""

    def problem_of(self, folder: str) -> str:
        """Why no copy of this folder could be made; "" when none failed."""
        return self._failed[1] if self._failed[0] == folder else ""

    def make(self, source: Path, target: Path, bits: int, *, keep_original: bool = True) -> None:
        """Make a copy; does nothing while another one is made."""
        if self._request is not None:
            return

        def work(_work: Any, _request: Request) -> Generator[Progress, None, None]:
            from engine.checkpoints.convert import converting, verifying

            yield from converting(source, target, bits=bits)
            verified = False
            try:
                yield from verifying(source, target)
                verified = True
            finally:
                if not verified:
                    shutil.rmtree(target, ignore_errors=True)

        self._source, self._target, self._keeps, self.share, self._failed = source, target, keep_original, 0.0, ("", "")
        self._request = self._thread.submit(Request("make a copy", work, PATIENT, needs_engine=False))
        self.changed.emit()

    def stop(self) -> None:
        """Stop making the copy; what was made of it is removed."""
        if self._request is not None:
            self._request.cancel()

    def give_up(self) -> None:
        """The thread that made it is gone."""
        self._request = None

    def _on_event(self, request: Request, event: Any) -> None:
        if request is self._request and isinstance(event, Progress):
            share = min(event.done / event.total, 1.0) if event.total else 0.0
            verifies = event.stage == "verifying"
            self.share = _MAKING_SHARE + (1 - _MAKING_SHARE) * share if verifies else _MAKING_SHARE * share
            self.changed.emit()

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        self._request = None
        if error is not None or request.cancelled:
            self._fail(error)
        elif self._keeps:
            self.made.emit(self._source, self._target)
        else:
            source, target = self._source, self._target
            self._worker.run(
                lambda: shutil.rmtree(source), lambda _done, wrong: self._on_removed(source, target, wrong)
            )
        self.changed.emit()

    def _fail(self, error: BaseException | None) -> None:
        if error is not None:
            words = told(error) if isinstance(error, EngineError) else self.tr("The copy could not be made.")
            self._failed = str(self._source), words

    def _on_removed(self, source: Path, target: Path, error: Exception | None) -> None:
        if error is not None:
            log.warning("the original of a copy could not be removed", exc_info=error)
        self.made.emit(source, target)
