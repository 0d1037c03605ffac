"""The model of another Earshot, as window and command line use it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checkpoints.catalogue import models_folder
from engine.conversation.model import Capabilities
from engine.errors import RemoteError
from engine.language import Vocabulary
from engine.remote.address import Address
from engine.remote.earshot.connection import Connection
from engine.remote.earshot.reader import EarshotReader
from engine.remote.earshot.recogniser import EarshotRecogniser
from engine.remote.earshot.speaking import EarshotSpeaking
from engine.remote.earshot.wire import Message, misunderstood
from engine.remote.local_speech import fitting
from engine.remote.model import RemoteModel
from engine.storage import make_private_folder, replacing
from engine.transcription.languages import check_known

if TYPE_CHECKING:
    from engine.transcription.results import Options

_TOKENIZER = "tokenizer.json"


def connect_to_earshot(address: Address, token: str, speech_folders: Sequence[Path]) -> EarshotModel | None:
    """The model of an Earshot, None where none answers. Raises RemoteError."""
    connection = Connection.open(address, token)
    return None if connection is None else EarshotModel(address, token, speech_folders, connection)


class EarshotModel(RemoteModel):
    """A model that is read and written by another Earshot."""

    def __init__(self, address: Address, token: str, speech_folders: Sequence[Path], connection: Connection) -> None:
        """Raises RemoteError, and StorageError when its vocabulary cannot be kept."""
        self._address, self._token, self._connection = address, token, connection
        self._lock = threading.Lock()
        self._dropped: deque[str] = deque()  # names of readers that nobody has any more
        hello = connection.hello
        self._fingerprint = hello.get("fingerprint", str)
        super().__init__(address.place, hello.get("about", dict), fitting(speech_folders, self._fingerprint))
        self.name: str = hello.get("name", str)
        self.variant: str = hello.get("variant", str)
        self.context_length: int = hello.get("context_length", int)
        self.capabilities = Capabilities(hello.get("chats", bool), hello.get("thinks", bool), hello.get("speaks", bool))
        self._identity = _identity(hello)
        self._voices = [str(name) for name in hello.get("voices", list)]
        kept = self._keep_tokenizer(hello.get("tokenizer", str))
        self.vocabulary = Vocabulary.load(kept)
        self.folder: Path = self._speech_folder.parent if self._speech_folder else kept

    def _speaking_there(self) -> EarshotSpeaking:
        return EarshotSpeaking(self, self._fingerprint, self._voices)

    def _hang_up(self) -> None:
        self._connection.close()

    def new_reader(self) -> EarshotReader:
        """What reads and writes for one conversation, or one task."""
        return EarshotReader(self)

    def recogniser(self, options: Options) -> EarshotRecogniser:
        """What transcribes windows of recordings as `options` ask. Raises RequestError for an unknown language."""
        check_known(self.name, self._about.get("languages") or (), (options.language, options.translate_to))
        return EarshotRecogniser(self, options)

    def warming_networks(self) -> Iterator[None]:
        """Have the other machine do beforehand what the first sound and the first id would wait for."""
        for _ in self.connection().call("warm", synthesizer=0).answers_and_waits():
            yield

    # The line to the other machine.

    def connection(self) -> Connection:
        """One that is open; opened again when it was lost. Raises RemoteError."""
        with self._lock:
            if not self._connection.is_open:
                self._connection = self._opened_again()
            connection = self._connection
        with contextlib.suppress(IndexError):
            while True:
                connection.send(Message({"call": 0, "do": "drop", "reader": self._dropped.popleft()}))
        return connection

    def drop_reader(self, name: str) -> None:
        """Let it be forgotten there, with the next call. From any thread and in the midst of anything, for it is called
        when a reader is collected: it takes no lock.
        """
        self._dropped.append(name)

    def _opened_again(self) -> Connection:
        connection = Connection.open(self._address, self._token)
        if connection is not None and _identity(connection.hello) == self._identity:
            return connection
        if connection is not None:
            connection.close()
        raise RemoteError(
            "{place} has another model now: choose it again on the models page of the settings.", place=self.place
        )

    def _keep_tokenizer(self, digest: str) -> Path:
        """The folder that holds the tokenizer with this digest, which is fetched once."""
        if not (len(digest) == 64 and digest.isalnum()):
            raise misunderstood("the tokenizer has no digest")
        folder = models_folder().parent / "elsewhere" / digest[:32]
        if not (folder / _TOKENIZER).exists():
            pieces = [answer.data for answer in self._connection.call("tokenizer").answers()]
            if hashlib.sha256(b"".join(pieces)).hexdigest() != digest:
                raise misunderstood("the tokenizer arrived damaged")
            make_private_folder(folder)
            with replacing(folder / _TOKENIZER, private=True) as file:
                file.write(b"".join(pieces))
        return folder


def _identity(hello: Message) -> tuple[str, ...]:
    """What must be the same when a connection is opened again."""
    return tuple(str(hello.value.get(name)) for name in ("name", "variant", "context_length", "tokenizer"))
