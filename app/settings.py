"""The user's choices: declared once, typed, kept as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.translations import sentence
from engine.errors import StorageError
from engine.events import Thinking
from engine.regular_files import read_regular
from engine.storage import json_bytes, replacing

log = logging.getLogger(__name__)

VERSION = 1  # version 0.1.0 of Earshot wrote none
_LARGEST_FILE = 1_000_000
_LARGEST_NUMBER = 10**9


class Retention(StrEnum):
    """How long conversations are kept."""

    NONE = "none"
    DAYS = "days"
    ALL = "all"


@dataclass(frozen=True)
class Preferences:
    """Every setting with its default. Devices are names; "" follows the system."""

    thinking: Thinking = Thinking.AUTO  # as the preset below has it
    thinking_budget: int = 512
    spoken_answers: bool = True
    voice: str = ""
    preset: str = "assistant"
    tools: tuple[str, ...] = (
        "calculator",
        "date_and_time",
        "convert_units",
        "set_timer",
        "list_timers",
        "cancel_timer",
    )
    ask_first: tuple[str, ...] = ()  # tools of which each call has to be allowed
    tool_servers: tuple[str, ...] = ()  # commands and addresses, without their secrets
    trusted_servers: tuple[str, ...] = ()  # those of them that are not asked about
    tool_permissions: tuple[str, ...] = ()  # of single tools: "always tool", a tab, and the server
    kept_secrets: tuple[str, ...] = ()  # names of the servers' secrets in the keychain
    model: str = ""
    input_device: str = ""
    output_device: str = ""
    keep_warm: bool = True
    pre_roll_ms: int = 500
    prefer_built_in: bool = True
    language: str = ""
    appearance: str = ""  # "light", "dark", or as the system
    text_size: float = 1.0
    notifications: bool = True  # of the system, while the window is not in front
    look_for_updates: bool = False  # on the network, so only if asked to
    retention: Retention = Retention.ALL
    retention_days: int = 30
    microphone_explained: bool = False
    microphone_heard: bool = False  # something was said to it
    microphone_postponed: bool = False  # not to be explained again until somebody talks
    window_geometry: str = ""
    models_folder: str = ""
    job_language: str = ""  # of new recordings
    job_translation: str = ""
    job_speakers: int = -1  # how many; 0 finds out, -1 asks for no labels
    export_folder: str = ""
    other_programs: bool = False  # may use the loaded model
    other_machine: str = ""  # address of the one whose model was used, or tried, last
    voice_folder: str = ""  # where a recording of a voice was found last
    secrets_in_file: bool = False  # may be kept in a file of the user's, where there is no keychain
    wanted_copies: tuple[str, ...] = ()  # models to be shrunk once they are here: "name bits" or "name bits keep"


class Settings(QObject):
    """Holds the preferences, says which one changed, writes them at once.

    What somebody else wrote into the file meanwhile is taken over with the next change. A damaged file is kept aside
    and means the defaults; one of a newer version is left alone. `take_troubles` says so.
    """

    changed = Signal(str)  # name of the field

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._troubles: list[Callable[[], str]] = []  # in the language that is set by then
        self._may_write = True
        self._others: dict[str, Any] = {}  # what is in the file beside the preferences
        self._seen = b""  # the file as it was read or written last
        self._now = self._read() or Preferences()

    @property
    def now(self) -> Preferences:
        """The preferences as they stand."""
        return self._now

    def take_troubles(self) -> list[str]:
        """Sentences about the file that were not told yet."""
        told, self._troubles = self._troubles, []
        return [trouble() for trouble in told]

    def change(self, **values: Any) -> None:
        """Set some fields. A choice that cannot be written still holds until the app is closed.

        Raises AttributeError, TypeError or ValueError for what is no setting (a mistake in the program).
        """
        before = self._now
        typed = {name: _typed(value, getattr(Preferences(), name)) for name, value in values.items()}
        if replace(before, **typed) == before:
            return
        self._now = replace(self._read_anew() or before, **typed)
        self._write()
        for field in fields(Preferences):
            if getattr(before, field.name) != getattr(self._now, field.name):
                self.changed.emit(field.name)

    def _write(self) -> None:
        if not self._may_write:
            return
        content = json_bytes(self._others | {"version": VERSION} | _plain(self._now), indent=1)
        try:
            with replacing(self._path, private=True) as file:
                file.write(content)
            self._seen = content
        except StorageError as error:
            log.warning("settings were not written: %s", error)

    def _read_anew(self) -> Preferences | None:
        """What the file says, if somebody else has written it."""
        try:
            changed = read_regular(self._path, _LARGEST_FILE) != self._seen
        except OSError:
            return None
        return self._read() if changed else None

    def _read(self) -> Preferences | None:
        """What the file says; None where there is none or it makes no sense."""
        try:
            self._seen = read_regular(self._path, _LARGEST_FILE)
            stored = json.loads(self._seen.decode())
            if not isinstance(stored, dict):
                raise ValueError("no settings")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            self._put_aside(error)
            return None
        version = stored.pop("version", VERSION)
        self._may_write = isinstance(version, int) and version <= VERSION
        if not self._may_write:
            self._troubles.append(self._newer)
        return self._understood(stored)

    def _understood(self, stored: dict[str, Any]) -> Preferences:
        values: dict[str, Any] = {}
        for field in fields(Preferences):
            if field.name in stored:
                try:
                    values[field.name] = _typed(stored.pop(field.name), field.default)
                except (TypeError, ValueError):
                    log.warning("setting %s has an unusable value", field.name)
        self._others = stored
        return Preferences(**values)

    def _put_aside(self, error: Exception) -> None:
        copy = self._path.with_name(f"{self._path.stem}.damaged{self._path.suffix}")
        try:
            with replacing(copy, private=True) as file:
                file.write(read_regular(self._path, _LARGEST_FILE))
        except (OSError, StorageError):
            copy = self._path
        log.warning("settings in %s cannot be read (%s): the defaults hold", self._path.name, error)
        self._troubles.append(lambda: self._damaged(copy))

    def _newer(self) -> str:
        words = sentence(
            "{path} was written by a newer version of Earshot: it is left as it is, and your changes are lost."
        )
        return words.format(path=self._path.name)

    def _damaged(self, copy: Path) -> str:
        words = sentence("The settings were damaged and have been reset. The old file is kept as {copy}.")
        return words.format(copy=copy.name)


def _plain(preferences: Preferences) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in asdict(preferences).items()}


def _typed(value: Any, default: Any) -> Any:
    if isinstance(default, Enum):
        return type(default)(value)
    if isinstance(default, tuple):
        if not isinstance(value, (list, tuple)):
            raise TypeError
        return tuple(_typed(each, "") for each in value)
    if isinstance(default, float) and type(value) is int:
        value = float(value) if abs(value) <= _LARGEST_NUMBER else value
    if type(value) is not type(default) or (isinstance(value, str) and "\0" in value):
        raise TypeError
    if isinstance(value, (int, float)) and not abs(value) <= _LARGEST_NUMBER:
        raise ValueError
    return value
