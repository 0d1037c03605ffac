"""The presets that a person made in the window."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.translations import told
from engine.conversation.prompting.own_presets import OwnPresets, own_preset
from engine.errors import StorageError

if TYPE_CHECKING:
    from engine.conversation.prompting.presets import Preset

FALLBACK = "assistant"  # answers where a person's preset is not there any more
_SIGN = "own-"


def is_own(id: str) -> bool:
    """Whether this is the id of a preset that a person made."""
    return id.startswith(_SIGN)


class PresetLibrary(QObject):
    """Those that are there, by id. What cannot be written is told by `trouble`, and holds until Earshot quits."""

    changed = Signal()
    trouble = Signal(str)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = OwnPresets(folder)
        self._own = {each.id: each for each in self._files.list()}

    @property
    def listed(self) -> tuple[Preset, ...]:
        """All of them, by name."""
        return tuple(sorted(self._own.values(), key=lambda each: each.name().casefold()))

    def find(self, id: str) -> Preset | None:
        """One of them."""
        return self._own.get(id)

    def made(self, name: str, persona: str, voice: str, tools: tuple[str, ...], id: str = "") -> Preset:
        """A preset of these choices, not kept yet; a new one unless it has an `id`."""
        return own_preset(id or f"{_SIGN}{uuid.uuid4().hex}", name, persona, voice, tools)

    def keep(self, preset: Preset) -> None:
        """Keep a new preset, or a newer state of one."""
        self._own[preset.id] = preset
        self._write(lambda: self._files.keep(preset))

    def remove(self, id: str) -> None:
        """Forget a preset."""
        self._own.pop(id, None)
        self._write(lambda: self._files.remove(id))

    def _write(self, command: Callable[[], None]) -> None:
        self.changed.emit()
        try:
            command()
        except StorageError as error:
            self.trouble.emit(told(error))
