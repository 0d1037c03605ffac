"""The model of a vLLM-Omni server, as window and command line use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.checkpoints import catalogue
from engine.checkpoints.config import read_config
from engine.conversation.model import Capabilities
from engine.conversation.prompting.chat_template import Variant
from engine.errors import RemoteError
from engine.language import Vocabulary
from engine.remote.address import Address
from engine.remote.model import RemoteModel
from engine.remote.vllm.folder import folder_of
from engine.remote.vllm.reader import VllmReader
from engine.remote.vllm.recogniser import VllmRecogniser
from engine.remote.vllm.server import VllmServer
from engine.remote.vllm.sound import ReceivedSound
from engine.remote.vllm.speaking import VllmSpeaking

if TYPE_CHECKING:
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


class VllmModel(RemoteModel):
    """A model that is read and written by vLLM-Omni. Where this machine has speech networks for Step-Audio 2, it makes
    the sound, in any voice; else sound comes from the server.
    """

    def __init__(self, server: VllmServer, about: dict[str, Any], speech_folders: Sequence[Path]) -> None:
        """`about` is what the server says of the model. Raises RemoteError, CheckpointError."""
        self.server = server
        self.name = str(about.get("id", ""))
        known = folder_of(str(about.get("root") or self.name), server.place)
        config = read_config(known)
        super().__init__(server.place, dict(config.earshot), next(filter(_speaks_step_audio, speech_folders), None))
        self.variant: str = config.variant
        self.context_length = int(about.get("max_model_len") or config.context_length)
        self.vocabulary = Vocabulary.load(known)
        if self.variant == Variant.BASE:
            raise RemoteError("{place} serves a base model, which has no conversations.", place=self.place)
        supported = server.modalities(self.name)
        self.modalities = tuple(each for each in ("text", "audio") if each in supported)
        speaks = self.speaks_here or "audio" in self.modalities
        self.capabilities = Capabilities(chats=True, thinks=self.variant == Variant.THINK, speaks=speaks)
        self.folder = self._speech_folder.parent if self._speech_folder else known
        self._sound = ReceivedSound()

    def _speaking_there(self) -> VllmSpeaking:
        return VllmSpeaking(self.place, lambda: self._sound)

    def _hang_up(self) -> None:
        self.server.close()

    def begin_sound(self) -> ReceivedSound | None:
        """Where the sound of a new answer goes, None where it is made here or there is none."""
        if self.speaks_here or "audio" not in self.modalities:
            return None
        self._sound = ReceivedSound()
        return self._sound

    def new_reader(self) -> VllmReader:
        """What reads and writes for one conversation, or one task."""
        return VllmReader(self)

    def recogniser(self, options: Options) -> VllmRecogniser:
        """What transcribes windows of recordings as `options` ask. Raises RequestError for an unknown language."""
        return VllmRecogniser(self, options)

    def warming_networks(self) -> Iterator[None]:
        """A server is warm, or becomes so with the first request."""
        return iter(())


def _speaks_step_audio(token2wav: Path) -> bool:
    """Whether a token2wav folder takes Step-Audio 2's speech tokens: every published model has the same, the model that
    comes with Earshot has others.
    """
    return not catalogue.describe(token2wav.parent).demonstration
