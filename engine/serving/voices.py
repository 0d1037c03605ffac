"""Which voice is meant by a name that a client sends: never a file of this machine."""

from __future__ import annotations

from typing import Any

from engine.engine import Engine
from engine.serving.jobs import About
from engine.speaking import Voice
from engine.speaking.speaking import built_in_voices
from engine.speaking.voice_library import VoiceLibrary


class Voices:
    """The person's own voices and those of the model."""

    def __init__(self, library: VoiceLibrary) -> None:
        self._library = library

    def names(self, about: About) -> list[str]:
        """What can be asked for, own voices first."""
        built_in = built_in_voices(about.folder / "token2wav") if about.speaks else ()
        return list(dict.fromkeys([*self._library.list(), *built_in]))

    def find(self, engine: Engine, name: str) -> Voice:
        """The voice of this name; any other name is the model's first voice. Raises VoiceError, CheckpointError."""
        known = self._library.list() + engine.speaking.voice_names()
        return self._library.find(engine.speaking, name if name in known else None)


def voice_name(said: Any) -> str:
    """The name in a client's field, which is a text or {"id": text}."""
    if isinstance(said, dict):
        said = said.get("id")
    return said if isinstance(said, str) else ""
