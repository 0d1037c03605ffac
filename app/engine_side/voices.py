"""Voices: the model's own and those of the user's library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.engine_side.loading import LoadedModel
from app.engine_side.requests import Request
from app.engine_side.sinks import Sink
from engine.events import Pause

_SAMPLE_TOKENS = 100  # four seconds


@dataclass(frozen=True)
class VoicesKnown:
    """Names of the model's own voices and of the library's."""

    built_in: tuple[str, ...]
    library: tuple[str, ...]


class VoiceWork:
    """What can be asked about voices. The generators raise VoiceError, SoundError, StorageError."""

    def __init__(self, model: LoadedModel, folder: Path) -> None:
        self._model, self._folder = model, folder

    def find(self, name: str) -> Any:
        """A voice for the loaded model; "" is the model's usual one. Raises VoiceError."""
        speaking = self._model.engine.speaking
        return self._library.find(speaking, name) if name else speaking.default_voice()

    def known(self) -> VoicesKnown:
        """All voices there are."""
        engine = self._model.engine
        built_in = engine.speaking.voice_names() if engine.capabilities.speaks else ()
        return VoicesKnown(tuple(built_in), tuple(self._library.list()))

    def hear(self, name: str, sink: Sink) -> Iterator[VoicesKnown]:
        """Speak a few seconds: the voice's own words, as this model speaks them."""
        voice = self.find(name)
        samples = self._model.engine.speaking.synthesizer(voice)(voice.speech_tokens[:_SAMPLE_TOKENS])
        if sink.write(samples, 0.0):
            sink.finish()
        yield from ()

    def say(self, text: str, name: str, sink: Sink, request: Request) -> Iterator[Any]:
        """Read a text aloud. Raises RequestError for one that this model cannot read."""
        from engine.conversation.replying.single_tasks import read_aloud
        from engine.conversation.speaking_along.voicing import voiced

        engine = self._model.engine
        synthesizer = engine.speaking.synthesizer(self.find(name))
        for piece in voiced(synthesizer, read_aloud(engine, text, None, lambda: request.cancelled)):
            if piece is not None and not sink.write(piece.samples_24k, piece.wait_s):
                return
            yield Pause()
        sink.finish()

    def add(self, recording: Path, name: str) -> Iterator[VoicesKnown]:
        """Make a voice from a recording, or import an exported one."""
        if recording.suffix == ".voice":
            self._library.import_(recording, name or None)
        else:
            self._library.add(self._library.from_recording(self._model.engine.speaking, recording, name))
        yield self.known()

    def move_out(self, name: str, folder: Path) -> Iterator[VoicesKnown]:
        """Take a voice out of the library, into a folder."""
        self._library.move_out(name, folder)
        yield self.known()

    def move_in(self, name: str, folder: Path) -> Iterator[VoicesKnown]:
        """Put back a voice that was moved out."""
        self._library.move_in(name, folder)
        yield self.known()

    def rename(self, name: str, new_name: str) -> Iterator[VoicesKnown]:
        """Give a voice of the library another name."""
        self._library.rename(name, new_name)
        yield self.known()

    @property
    def _library(self) -> Any:
        from engine.speaking import VoiceLibrary

        return VoiceLibrary(self._folder)
