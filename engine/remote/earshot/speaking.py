"""Speaks on another machine, for one that has no networks for it: tokens and voices go there, sound comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import Sentence, VoiceError
from engine.events import Samples
from engine.remote.earshot.connection import Connection
from engine.remote.earshot.reader import Line
from engine.remote.earshot.wire import Message, misunderstood, numbers_bytes, samples_bytes, samples_from
from engine.speaking.pieces import Pieces
from engine.speaking.recording import best_part, checked, read_recording
from engine.speaking.synthesizer import SpeechChunk
from engine.speaking.voice import Voice
from engine.speaking.work_thread import WorkThread


class RemoteNetworks:
    """Tells whose networks they are. See `VoiceNetworks`."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint


class RemoteSpeaking:
    """What is used of `Speaking`, on another machine."""

    def __init__(self, line: Line, fingerprint: str, names: Sequence[str]) -> None:
        self.networks = RemoteNetworks(fingerprint)
        self._line, self._names = line, list(names)
        self._thread = WorkThread("speaking elsewhere")
        self._built_in: dict[str, Voice] = {}

    def close(self) -> None:
        """End its thread."""
        self._thread.close()

    def voice_names(self) -> list[str]:
        """Names of the model's own voices."""
        return list(self._names)

    def voices(self) -> tuple[Voice, ...]:
        """The model's own voices. Raises RemoteError."""
        return tuple(self.voice(name) for name in self._names)

    def voice(self, name: str) -> Voice:
        """One of the model's own voices, sent as a file. Raises VoiceError, RemoteError."""
        if name not in self._built_in:
            self._built_in[name] = self._sent("voice", name=name)
        return self._built_in[name]

    def default_voice(self) -> Voice:
        """The model's first voice. Raises VoiceError when it brings none, RemoteError."""
        if not self._names:
            raise VoiceError("This model has no voice of its own. Add one: earshot voice add NAME FILE.")
        return self.voice(self._names[0])

    def analyse_file(self, path: Path, name: str) -> Voice:
        """See `Speaking.analyse_file`. Raises RemoteError too."""
        return self._analysed(best_part(read_recording(path), path), name)

    def analyse(self, samples: Samples, rate_hz: int, name: str) -> Voice:
        """See `Speaking.analyse`. Raises RemoteError too."""
        return self._analysed(best_part(checked(samples, rate_hz), Sentence("The recording")), name)

    def adopted(self, voice: Voice) -> Voice:
        """See `Speaking.adopted`. Raises RemoteError too."""
        if voice.model == self.networks.fingerprint:
            return voice
        if not len(voice.recording_24k):
            raise VoiceError(
                "The voice {name!r} was made with another model: add it again from a recording.", name=voice.name
            )
        return self._analysed(voice.recording_24k, voice.name)

    def synthesizer(
        self, voice: Voice, *, steps: int | None = None, guidance: float | None = None, seed: int = 0
    ) -> RemoteSynthesizer:
        """Something that speaks there with this voice. Raises RemoteError."""
        wanted = {"steps": steps or 0, "seed": seed}
        return RemoteSynthesizer(self._line, self._thread, self.adopted(voice), wanted)

    def _analysed(self, samples_24k: Samples, name: str) -> Voice:
        return self._sent("analyse", samples_bytes(samples_24k), name=name)

    def _sent(self, do: str, data: bytes = b"", **value: Any) -> Voice:
        return voice_from(self._line.connection().call(do, data, **value).answer().data)


class RemoteSynthesizer:
    """One voice speaking on another machine. What it says in pieces is lost with the connection; the next speech opens
    it again.
    """

    def __init__(self, line: Line, thread: WorkThread, voice: Voice, wanted: dict[str, Any]) -> None:
        self.voice, self.thread = voice, thread
        self._line, self._wanted = line, wanted
        self._connection: Connection | None = None
        self._number = 0
        self._waiting: list[int] = []
        self._finished, self._fresh = False, True
        self._about = self._opened()

    def _opened(self) -> Message:
        """Have it made there, again after a connection was lost."""
        connection = self._line.connection()
        about = connection.call("synthesizer", voice_bytes(self.voice), **self._wanted).answer()
        self._connection, self._number = connection, about.get("number", int)
        return about

    @property
    def measured(self) -> list[tuple[int, float]]:
        """Sizes of pieces, in tokens, and the seconds that they took there when it was warmed up."""
        try:
            return [(int(size), float(seconds)) for size, seconds in self._about.get("measured", list)]
        except (TypeError, ValueError) as error:
            raise misunderstood("pieces have a size and seconds") from error

    @property
    def pieces(self) -> Pieces:
        """The sizes that pieces may have."""
        return Pieces(eager=self._about.get("eager", bool), longest=self._about.get("longest", int))

    @property
    def look_ahead(self) -> int:
        """See `Synthesizer`."""
        return self._about.get("look_ahead", int)

    def __call__(self, tokens: Sequence[int] | NDArray[np.integer]) -> Samples:
        """All of the speech at once. Raises RequestError as `Synthesizer`, RemoteError."""
        return samples_from(self._call("speak", np.asarray(tokens)).data)

    def reset(self) -> None:
        """Begin another speech."""
        self._waiting, self._finished, self._fresh = [], False, True

    def push(self, tokens: Sequence[int] | NDArray[np.integer]) -> None:
        """Add speech tokens to the stream."""
        self._waiting += [int(token) for token in tokens]

    def finish(self) -> None:
        """No more tokens will come."""
        self._finished = True

    def step(self, tokens: int) -> SpeechChunk:
        """The next piece of so many tokens. Raises RemoteError."""
        pushed, self._waiting = self._waiting, []
        fresh, self._fresh = self._fresh, False
        made = self._call("piece", pushed, size=tokens, finished=self._finished, fresh=fresh)
        return SpeechChunk(samples_from(made.data), made.get("first_token", int), made.get("tokens", int))

    def warming_up(self) -> Iterator[None]:
        """Have every shape of piece run there. Raises RemoteError."""
        self._reopen_if_lost()
        assert self._connection is not None
        for _ in self._connection.call("warm", synthesizer=self._number).answers_and_waits():
            yield
        self._about = self._opened()

    def _call(self, do: str, tokens: Any, **value: Any) -> Message:
        if value.get("fresh", True):
            self._reopen_if_lost()
        assert self._connection is not None
        return self._connection.call(do, numbers_bytes(tokens), synthesizer=self._number, **value).answer()

    def _reopen_if_lost(self) -> None:
        if self._connection is None or not self._connection.is_open:
            self._about = self._opened()


def voice_bytes(voice: Voice) -> bytes:
    """A voice as its small file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent.voice"
        voice.save(path, private=True)
        return path.read_bytes()


def voice_from(data: bytes) -> Voice:
    """The voice of a file that was sent. Raises VoiceError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent.voice"
        path.write_bytes(data)
        return Voice.load(path)
