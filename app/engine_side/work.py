"""Everything that runs on the engine's thread, by subject. Plain synchronous generators; they know no Qt."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.engine_side.by_ear import CheckedByEar, check_by_ear
from app.engine_side.describing import describe
from app.engine_side.loading import Loaded, LoadedModel, Loader, Place
from app.engine_side.readings import ReadingWork
from app.engine_side.requests import Request
from app.engine_side.sessions import Manner, Sessions
from app.engine_side.turns import TurnWork
from app.engine_side.voices import VoicesKnown, VoiceWork
from engine.events import Pause, Progress, ToolCall

if TYPE_CHECKING:
    from engine.transcription import Options


class EngineWork:
    """Owns the model and the session. Lives on one thread."""

    def __init__(
        self, loader: Loader, voices: Path, timers: Callable[[], Any], confirm: Callable[[ToolCall, Request], bool]
    ) -> None:
        self.model = LoadedModel(loader)
        self.voices = VoiceWork(self.model, voices)
        self.sessions = Sessions(self.model, self.voices, timers)
        self.readings = ReadingWork(self.model)
        self.turns = TurnWork(self.sessions, self.voices, confirm)

    def close(self) -> None:
        """Give the memory back."""
        self.sessions.close()
        self.model.close()

    def leave_behind(self) -> None:
        """A new one works instead: whatever this one still does, it writes nothing. From any thread."""
        self.sessions.left_behind = True

    def load(self, place: Place, insist: bool = False) -> Iterator[Progress | Loaded | VoicesKnown]:
        """Replace the model. If the new one cannot be loaded there is none afterwards. Raises CheckpointError,
        RemoteError.
        """
        self.close()
        gc.collect()  # before the next one is read, for both may not fit
        yield from self.model.load(place, insist)
        yield self.voices.known()  # first, so that not even a turn asked at once goes without its voice
        yield self.model.facts

    def warm_up(self, manner: Manner) -> Iterator[Progress]:
        """Do what the first answer in this manner would wait for, as long as this model is the one in use."""
        engine = self.model.engine
        with closing(engine.warming_up(self.sessions.settings(manner), manner.offered)) as steps:
            while self.model.holds(engine) and (step := next(steps, None)) is not None:
                yield step

    def check_by_ear(self, language: str) -> Iterator[Progress | Pause | CheckedByEar]:
        """Let the model read aloud and hear itself, step by step. Raises RequestError, CheckpointError."""
        return check_by_ear(self.model, language)

    def transcribe(self, path: Path, journal: Path, resume: bool, options: Options | None = None) -> Iterator[Any]:
        """Transcribe a sound file as `options` ask, step by step. Raises SoundError, StorageError, RequestError, and
        CheckpointError when speakers are asked of a model that cannot tell them apart.
        """
        from engine.transcription import transcribe

        return transcribe(self.model.engine, path, options=options, journal=journal, resume=resume)

    def describe(self, path: Path, request: Request) -> Iterator[Any]:
        """Say what is heard in a sound file, in the steps of a transcription. Raises SoundError, RequestError."""
        return describe(self.model, path, request)
