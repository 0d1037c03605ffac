"""Presets that a person made: files like those of the built-in ones, in a folder of theirs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.conversation.prompting.presets import Preset, preset, preset_of
from engine.errors import RequestError
from engine.regular_files import read_regular
from engine.storage import json_bytes, replacing, storage_error

log = logging.getLogger(__name__)

VERSION = 1
_LARGEST_FILE = 1_000_000


def own_preset(id: str, name: str, persona: str, voice: str, tools: tuple[str, ...]) -> Preset:
    """A preset of a person's. What they wrote is the system prompt, word for word."""
    return Preset(id, {"en": name}, {"en": ""}, {"en": _escaped(persona)}, tools=tools, voice=voice)


def _escaped(persona: str) -> str:
    """Braces stay braces where the built-in ones name languages."""
    return persona.replace("{", "{{").replace("}", "}}")


class OwnPresets:
    """One file for each, named by its id. A file that cannot be read is left alone, and its preset is not offered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[Preset]:
        """All that can be read, by name."""
        found = []
        for file in sorted(self._folder.glob("*.json")):
            try:
                value = json.loads(read_regular(file, _LARGEST_FILE).decode())
                if value["version"] > VERSION or value["id"] != file.stem:
                    raise ValueError("a newer version, or another preset")
                found.append(preset_of(value))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
                log.warning("the preset %s cannot be read: %s", file.name, error)
        return sorted(found, key=lambda each: each.name().casefold())

    def keep(self, preset: Preset) -> None:
        """Write a new preset, or a newer state of one. Raises StorageError."""
        with replacing(self._file(preset.id), private=True) as file:
            file.write(json_bytes(_encoded(preset), indent=1))

    def remove(self, id: str) -> None:
        """Forget a preset. Raises StorageError."""
        try:
            self._file(id).unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(self._file(id), error) from error

    def _file(self, id: str) -> Path:
        return self._folder / f"{id}.json"


def _encoded(preset: Preset) -> dict[str, Any]:
    settings = {"spoken_answer": preset.spoken_answer, "thinking": preset.thinking.value, "tools": list(preset.tools)}
    texts: Mapping[str, Any] = {"name": preset.names, "about": preset.abouts, "persona": preset.personas}
    return {"version": VERSION, "id": preset.id, **texts, "settings": settings | {"voice": preset.voice}}


def find_preset(wanted: str, folder: Path, about: Mapping[str, Any] | None = None) -> Preset:
    """The preset of this name or id: one of the person's own, else a built-in one that a model can do. Raises
    RequestError naming those there are.
    """
    own = OwnPresets(folder).list()
    for each in own:
        if wanted == each.id or wanted.casefold() == each.name().casefold():
            return each
    try:
        return preset(wanted, about)
    except RequestError as error:
        if not own:
            raise
        raise RequestError("{reason} Your own: {own}.", reason=error, own=", ".join(e.name() for e in own)) from error
