"""Checks by ear: how many of its own words the model in use understands. Findings are kept, by the model's files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.by_ear import CheckedByEar
from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import SERVED, Interrupted, Request
from app.shown.models import EarView, ModelView
from app.translations import told
from engine.errors import EngineError, StorageError
from engine.events import Progress
from engine.regular_files import read_regular
from engine.storage import json_bytes, replacing

log = logging.getLogger(__name__)

_VERSION = 1
_LARGEST_FILE = 1_000_000
_MOST_KEPT = 100


@dataclass(frozen=True)
class KeptCheck:
    """What a check found: of which model, on which day (ISO), by which version of Earshot."""

    model: str
    language: str
    words: int
    understood: int
    speed: float
    day: str
    earshot: str


class EarCheckFile:
    """The checks that are kept, by the fingerprints of the models' files. A file that cannot be read holds none; one of
    a newer version of Earshot is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._may_write = path, True

    def of(self, fingerprint: str) -> KeptCheck | None:
        """The newest check of these files."""
        return self._checks.get(fingerprint)

    def keep(self, fingerprint: str, check: KeptCheck) -> None:
        """Keep it in the place of the one before. One that cannot be written still holds until the app is closed."""
        self._checks.pop(fingerprint, None)
        self._checks[fingerprint] = check
        for oldest in list(self._checks)[:-_MOST_KEPT]:
            del self._checks[oldest]
        if not self._may_write:
            return
        checks = {fingerprint: asdict(check) for fingerprint, check in self._checks.items()}
        try:
            with replacing(self._path, private=True) as file:
                file.write(json_bytes({"version": _VERSION, "checks": checks}, indent=1))
        except StorageError as error:
            log.warning("a check by ear was not written: %s", error)

    @cached_property
    def _checks(self) -> dict[str, KeptCheck]:
        try:
            stored = json.loads(read_regular(self._path, _LARGEST_FILE))
            self._may_write = int(stored["version"]) <= _VERSION
            return {fingerprint: _checked(check) for fingerprint, check in stored["checks"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("%s cannot be read, so no check by ear is known: %s", self._path.name, error)
            return {}


def _checked(stored: dict[str, Any]) -> KeptCheck:
    """Raises KeyError, TypeError or ValueError for what is no check."""
    values = {field.name: stored[field.name] for field in fields(KeptCheck)}
    check = KeptCheck(**values)
    if any(type(value).__name__ != field.type for field, value in zip(fields(KeptCheck), values.values(), strict=True)):
        raise TypeError(stored)
    if not (0 <= check.understood <= check.words and 0 <= check.speed < 10_000):
        raise ValueError(stored)
    return check


class EarChecks(QObject):
    """Checks the model in use, after what a person asks for and before files; one check at a time."""

    changed = Signal()

    def __init__(self, thread: EngineThread, file: EarCheckFile, language: Callable[[], str]) -> None:
        """`language` is the window's, as a code such as "en"."""
        super().__init__()
        self._thread, self._file, self._language = thread, file, language
        self._request: Request | None = None
        self._model = ModelView("", "")
        self._progress = (0, 0)
        self._failed: tuple[str, str] = ("", "")  # fingerprint, and the sentence
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    def view(self, model: ModelView, ready: bool) -> EarView | None:
        """What there is to say of a model; `ready` when it is the one in memory. None for nothing."""
        kept = self._file.of(model.fingerprint)
        if (model.problem and not model.memory) or not (model.current or kept):
            return None
        done, total = self._progress if self._request is not None and model.key == self._model.key else (0, 0)
        problem = self._failed[1] if self._failed[0] == model.fingerprint else ""
        found = EarView(model.speaks, ready and self._request is None, done=done, total=total, problem=problem)
        if kept is None:
            return found
        return replace(
            found, words=kept.words, understood=kept.understood, language=kept.language, speed=kept.speed,
            day=kept.day, earshot=kept.earshot,
        )  # fmt: skip

    def check(self, model: ModelView) -> None:
        """Check the model in use; does nothing while one is being checked."""
        if self._request is not None:
            return
        language = self._language()
        self._model, self._progress, self._failed = model, (0, 1), ("", "")
        self._request = self._thread.submit(
            Request("ear check", lambda work, _request: work.check_by_ear(language), SERVED)
        )
        self.changed.emit()

    def stop(self) -> None:
        """End the check; what was found before stays."""
        if self._request is not None:
            self._request.cancel()
            self._end()

    def _end(self) -> None:
        self._request = None
        self.changed.emit()

    def _on_event(self, request: Request, event: Any) -> None:
        if request is not self._request:
            return
        if isinstance(event, Progress):
            self._progress = int(event.done), int(event.total)
            self.changed.emit()
        elif isinstance(event, CheckedByEar):
            from engine.commands.console import version

            kept = KeptCheck(
                self._model.name, event.language, event.words, event.understood, round(event.speed, 3),
                date.today().isoformat(), version(),
            )  # fmt: skip
            self._file.keep(self._model.fingerprint, kept)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        if error is not None and not isinstance(error, Interrupted):  # another model was chosen meanwhile
            sentence = told(error) if isinstance(error, EngineError) else self.tr("The check could not be finished.")
            self._failed = self._model.fingerprint, sentence
        self._end()
