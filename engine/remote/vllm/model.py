"""The model of a vLLM-Omni server, as window and command line use it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from engine.checkpoints import catalogue
from engine.checkpoints.config import read_config
from engine.checkpoints.load_speaking import load_speaking
from engine.conversation.model import Capabilities
from engine.conversation.prompting.chat_template import Variant
from engine.errors import CheckpointError, RemoteError
from engine.events import Progress
from engine.language import Vocabulary
from engine.remote.address import Address
from engine.remote.listener import RemoteListener
from engine.remote.vllm.folder import folder_of
from engine.remote.vllm.reader import VllmReader
from engine.remote.vllm.recogniser import VllmRecogniser
from engine.remote.vllm.server import VllmServer
from engine.remote.vllm.sound import ReceivedSound
from engine.remote.vllm.speaking import ServerSpeaking

if TYPE_CHECKING:
    from engine.conversation.replying.settings import SessionSettings
    from engine.session import Session
    from engine.speaking import Speaking
    from engine.transcription.results import Options


def connect_to_vllm(address: Address, token: str, speech_folders: Sequence[Path]) -> VllmModel | None:
    """The model of a vLLM-Omni, None where none answers. Raises RemoteError, CheckpointError."""
    server = VllmServer(address, token)
    try:
        if (models := server.models()) is not None:
            return VllmModel(server, models[0], speech_folders)
    except BaseException:
        server.close()
        raise
    server.close()
    return None


class VllmModel:
    """A model that is read and written by vLLM-Omni. Prompts, memory and tools stay on this machine, and where it has
    speech networks for Step-Audio 2, the making of sound in any voice; else sound comes from the server.
    """

    def __init__(self, server: VllmServer, about: dict[str, Any], speech_folders: Sequence[Path]) -> None:
        """`about` is what the server says of the model. Raises RemoteError, CheckpointError."""
        self.server = server
        self.place = server.place
        self.name = str(about.get("id", ""))
        known = folder_of(str(about.get("root") or self.name), self.place)
        config = read_config(known)
        self.variant: str = config.variant
        self.context_length = int(about.get("max_model_len") or config.context_length)
        self.vocabulary = Vocabulary.load(known)
        self._about = dict(config.earshot)
        if self.variant == Variant.BASE:
            raise RemoteError("{place} serves a base model, which has no conversations.", place=self.place)
        supported = server.modalities(self.name)
        self.modalities = tuple(each for each in ("text", "audio") if each in supported)
        self._speech_folder = next(filter(_speaks_step_audio, speech_folders), None)
        speaks = self.speaks_here or "audio" in self.modalities
        self.capabilities = Capabilities(chats=True, thinks=self.variant == Variant.THINK, speaks=speaks)
        self.hearing = RemoteListener()
        self.folder = self._speech_folder.parent if self._speech_folder else known
        self._sound = ReceivedSound()
        self._speaking: Speaking | ServerSpeaking | None = None

    @property
    def speaks_here(self) -> bool:
        """Whether its speech tokens become sound on this machine."""
        return self._speech_folder is not None

    @property
    def speaking(self) -> Any:
        """What makes sound: `Speaking` here, else what hands out the server's. Raises CheckpointError."""
        if self._speaking is None:
            if self._speech_folder is not None:
                self._speaking = load_speaking(self._speech_folder, self._about.get("flow_steps"))
            elif self.capabilities.speaks:
                self._speaking = ServerSpeaking(self.place, lambda: self._sound)
            else:
                raise CheckpointError("{model} at {place} cannot speak.", model=self.name, place=self.place)
        return self._speaking

    def begin_sound(self) -> ReceivedSound | None:
        """Where the sound of a new answer goes, None where it is made here or there is none."""
        if self.speaks_here or "audio" not in self.modalities:
            return None
        self._sound = ReceivedSound()
        return self._sound

    @property
    def about(self) -> dict[str, Any]:
        """See `Engine.about`."""
        return dict(self._about)

    @property
    def memory_bytes(self) -> int:
        """Bytes that MLX holds for this process at the moment."""
        return int(mx.get_active_memory())

    def new_reader(self) -> VllmReader:
        """What reads and writes for one conversation, or one task."""
        return VllmReader(self)

    def recogniser(self, options: Options) -> VllmRecogniser:
        """What writes down windows of recordings as `options` ask. Raises RequestError for an unknown language."""
        return VllmRecogniser(self, options)

    def session(self, **options: Any) -> Session:
        """A new conversation; the options are those of `Session`."""
        from engine.session import Session

        return Session(self, **options)

    def warming_networks(self) -> Iterator[None]:
        """A server is warm, or becomes so with the first request."""
        return iter(())

    def warming_up(self, settings: SessionSettings | None = None, tools: tuple[str, ...] = ()) -> Generator[Progress]:
        """See `warming.warming_up`."""
        from engine.warming import warming_up

        return warming_up(self, settings, tools)

    def close(self) -> None:
        """Hang up, and end its threads."""
        if self._speaking is not None:
            self._speaking.close()
        self.server.close()
        mx.clear_cache()


def _speaks_step_audio(token2wav: Path) -> bool:
    """Whether a token2wav folder takes Step-Audio 2's speech tokens: every published model has the same, the model that
    comes with Earshot has others.
    """
    return not catalogue.describe(token2wav.parent).demonstration
