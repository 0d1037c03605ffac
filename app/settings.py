"""The user's choices: declared once, typed, kept as JSON."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.errors import StorageError
from engine.events import Thinking
from engine.storage import replacing

log = logging.getLogger(__name__)


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
    tool_servers: tuple[str, ...] = ()  # commands
    trusted_servers: tuple[str, ...] = ()  # those of them that are not asked about
    model: str = ""
    input_device: str = ""
    output_device: str = ""
    keep_warm: bool = True
    pre_roll_ms: int = 500
    prefer_built_in: bool = True
    language: str = ""
    retention: Retention = Retention.ALL
    retention_days: int = 30
    microphone_explained: bool = False
    window_geometry: str = ""
    models_folder: str = ""


class Settings(QObject):
    """Holds the preferences, says which one changed, writes them at once. An unreadable file means the defaults."""

    changed = Signal(str)  # name of the field

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._now = _read(path)

    @property
    def now(self) -> Preferences:
        """The preferences as they stand."""
        return self._now

    def change(self, **values: Any) -> None:
        """Set some fields. A choice that cannot be written still holds until the app is closed.

        Raises AttributeError, TypeError or ValueError for what is no setting (a mistake in the program).
        """
        before = self._now
        typed = {name: _typed(value, getattr(Preferences(), name)) for name, value in values.items()}
        self._now = replace(before, **typed)
        if self._now == before:
            return
        try:
            with replacing(self._path) as file:
                file.write(json.dumps(_plain(self._now), ensure_ascii=False, indent=1).encode())
        except StorageError as error:
            log.warning("settings were not written: %s", error)
        for name in values:
            if getattr(before, name) != getattr(self._now, name):
                self.changed.emit(name)


def _plain(preferences: Preferences) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in asdict(preferences).items()}


def _read(path: Path) -> Preferences:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError) as error:
        log.warning("settings in %s cannot be read (%s): the defaults hold", path.name, error)
        return Preferences()
    values: dict[str, Any] = {}
    for field in fields(Preferences):
        if isinstance(stored, dict) and field.name in stored:
            try:
                values[field.name] = _typed(stored[field.name], field.default)
            except (TypeError, ValueError):
                log.warning("setting %s has an unusable value", field.name)
    return Preferences(**values)


def _typed(value: Any, default: Any) -> Any:
    if isinstance(default, Enum):
        return type(default)(value)
    if isinstance(default, tuple):
        return tuple(str(each) for each in value)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise TypeError
    return value
