"""Whether there is a newer Earshot: looked for at a start, and only if the user turned that on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Signal

from app.settings import Settings
from app.translations import sentence
from app.worker import Worker
from engine.resources import resource

log = logging.getLogger(__name__)

SETTING = "look_for_updates"
_FILE = "latest.json"  # beside the releases: see packaging/release_files.py
_MOST_BYTES = 64_000
_PATIENCE_S = 10.0


class OddAnswerError(Exception):
    """What came is no file that names a release."""


def releases() -> str:
    """Where releases lie, as a copy that was built for release knows; "" for any other, which cannot look."""
    path = resource("releases.txt")
    address = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return address if urlsplit(address).scheme == "https" else ""


def own_version() -> str:
    """Earshot's version."""
    from engine.commands.console import version

    return version()


def fetch(address: str) -> bytes:
    """The file that names the newest release; nothing else is sent. Raises httpx.HTTPError, OddAnswerError."""
    import httpx

    told_of_us = {"User-Agent": "Earshot"}
    # Code hosts lead from "the latest release" to where its files lie.
    asked = httpx.stream("GET", f"{address}/{_FILE}", timeout=_PATIENCE_S, headers=told_of_us, follow_redirects=True)
    with asked as answer:
        answer.raise_for_status()
        told = b""
        for piece in answer.iter_bytes():
            told += piece
            if len(told) > _MOST_BYTES:
                raise OddAnswerError
    return told


def newer(told: bytes, have: str) -> str:
    """The version that the file names, if it is newer than `have`, else "". Raises OddAnswerError for another file."""
    try:
        version = str(json.loads(told)["version"])
        return version if _numbers(version) > _numbers(have) else ""
    except (ValueError, KeyError, TypeError) as error:
        raise OddAnswerError from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


class Updates(QObject):
    """Looks once at a start, and when it is turned on. Says so when there is something; being offline is no trouble."""

    told = Signal(str)  # a sentence

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        address: str,
        *,
        version: Callable[[], str] = own_version,
        fetch: Callable[[str], bytes] = fetch,
    ) -> None:
        super().__init__()
        self._settings, self._worker, self._version = settings, worker, version
        self._address, self._fetch = address, fetch
        settings.changed.connect(self._on_setting)

    @property
    def offered(self) -> bool:
        """Whether this copy knows where to look."""
        return bool(self._address)

    def look(self) -> None:
        """Look, if that is wanted."""
        if self.offered and self._settings.now.look_for_updates:
            self._worker.run(lambda: newer(self._fetch(self._address), self._version()), self._on_answer)

    def _on_setting(self, name: str) -> None:
        if name == SETTING:
            self.look()

    def _on_answer(self, version: str, error: Exception | None) -> None:
        if error is not None:
            log.info("newer versions cannot be looked for: %s", type(error).__name__)
        elif version:
            words = sentence("Earshot {version} is available at {place}.")
            self.told.emit(words.format(version=version, place=urlsplit(self._address).netloc))
