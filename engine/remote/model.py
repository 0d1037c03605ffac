"""What all models on other machines have in common; what window and command line use of an `Engine`, they have too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from engine.checkpoints.load_speaking import load_speaking
from engine.conversation.model import Capabilities
from engine.conversation.prompting.reading import PromptReader
from engine.errors import CheckpointError
from engine.events import Progress
from engine.language import Vocabulary
from engine.remote.listener import RemoteListener

if TYPE_CHECKING:
    from engine.conversation.replying.settings import SessionSettings
    from engine.session import Session
    from engine.transcription.results import Options
    from engine.transcription.transcriber import Recognise


class RemoteModel(ABC):
    """A model that is read and written elsewhere. Memory, prompts and tools stay here, and so does the making
    of sound where a token2wav folder here fits it. Belongs to one thread, as an `Engine` does.
    """

    name: str
    variant: str
    context_length: int
    vocabulary: Vocabulary
    folder: Path
    capabilities: Capabilities

    def __init__(self, place: str, about: dict[str, Any], speech_folder: Path | None) -> None:
        """`about` as `Engine.about`; `speech_folder` is the token2wav folder of this machine that fits, if any."""
        self.place = place
        self.hearing = RemoteListener()
        self._about, self._speech_folder = about, speech_folder
        self._speaking: Any = None

    @abstractmethod
    def _speaking_there(self) -> Any:
        """What stands for `Speaking` where the sound is made on the other machine."""

    @abstractmethod
    def _hang_up(self) -> None:
        """End the connection."""

    @abstractmethod
    def new_reader(self) -> PromptReader:
        """What reads and writes for one conversation, or one task."""

    @abstractmethod
    def recogniser(self, options: Options) -> Recognise:
        """What transcribes windows of recordings as `options` ask. Raises RequestError for an unknown language."""

    @abstractmethod
    def warming_networks(self) -> Iterator[None]:
        """Have done beforehand what the first sound and the first id would wait for."""

    @property
    def speaks_here(self) -> bool:
        """Whether its speech tokens become sound on this machine."""
        return self._speech_folder is not None

    @property
    def speaking(self) -> Any:
        """What makes sound: `Speaking` here, else what stands for it. Raises CheckpointError."""
        if self._speaking is None:
            if not self.capabilities.speaks:
                raise CheckpointError("{model} at {place} cannot speak.", model=self.name, place=self.place)
            if self._speech_folder is not None:
                self._speaking = load_speaking(self._speech_folder, self._about.get("flow_steps"))
            else:
                self._speaking = self._speaking_there()
        return self._speaking

    @property
    def about(self) -> dict[str, Any]:
        """See `Engine.about`."""
        return dict(self._about)

    @property
    def memory_bytes(self) -> int:
        """Bytes that MLX holds for this process at the moment."""
        return int(mx.get_active_memory())

    def session(self, **options: Any) -> Session:
        """A new conversation; the options are those of `Session`."""
        from engine.session import Session

        return Session(self, **options)

    def warming_up(self, settings: SessionSettings | None = None, tools: tuple[str, ...] = ()) -> Generator[Progress]:
        """See `warming.warming_up`."""
        from engine.warming import warming_up

        return warming_up(self, settings, tools)

    def close(self) -> None:
        """Hang up, and end its threads."""
        if self._speaking is not None:
            self._speaking.close()
        self._hang_up()
        mx.clear_cache()
