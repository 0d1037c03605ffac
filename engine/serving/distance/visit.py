"""What the engine's thread keeps and does for another Earshot that is connected."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from engine.conversation.prompting.reading import Readable, Reader, keys_of
from engine.engine import Engine
from engine.errors import CheckpointError, RequestError
from engine.events import Samples
from engine.remote.earshot.speaking import voice_bytes, voice_from
from engine.remote.earshot.wire import forgotten, misunderstood, samples_bytes
from engine.serving.distance.asked import AskedPiece, AskedPrompt, AskedWriting
from engine.serving.jobs import Job, Steps, ended
from engine.speaking import SAMPLE_RATE_HZ, Synthesizer

SOUND_ROOM = 1.25  # contexts full of embeddings of sounds are kept for each visit
MOST_SYNTHESIZERS = 4

Answer = tuple[dict[str, Any], bytes]


class Readers:
    """Readers of all who are connected, each with a cache: so many are kept, those that were used last."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], Reader] = OrderedDict()

    def of(self, visit: int, name: str, engine: Engine) -> Reader:
        """The reader of this name."""
        with self._lock:
            reader = self._kept.pop((visit, name), None) or engine.new_reader()
            self._kept[visit, name] = reader
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return reader

    def drop(self, visit: int, name: str | None = None) -> None:
        """Forget one reader of somebody, or all of them. From any thread."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == visit and name in (None, key[1])]:
                del self._kept[key]


@dataclass(frozen=True, eq=False)
class _Sound:
    key: int
    embeddings: mx.array  # (n, D)


class Visit:
    """Its methods make steps for jobs, which run on the engine's thread."""

    _numbers = itertools.count(1)

    def __init__(self, readers: Readers) -> None:
        self.number = next(self._numbers)
        self._readers = readers
        self._engine: Engine | None = None
        self._sounds: OrderedDict[str, _Sound] = OrderedDict()
        self._sound_keys = itertools.count(1)
        self._synthesizers: OrderedDict[int, Synthesizer] = OrderedDict()
        self._made = itertools.count(1)

    def greet(self) -> Steps:
        """Say what model there is."""

        def steps(engine: Engine, job: Job) -> Iterator[Answer]:
            self._engine = engine
            able = engine.capabilities
            yield (
                {
                    "name": engine.name,
                    "variant": str(engine.variant),
                    "context_length": engine.context_length,
                    "about": engine.about,
                    "chats": able.chats,
                    "thinks": able.thinks,
                    "speaks": able.speaks,
                    "fingerprint": _fingerprint(engine),
                    "voices": engine.speaking.voice_names() if able.speaks else [],
                },
                b"",
            )

        return steps

    def hear(self, digest: str, samples_16k: Samples) -> Steps:
        """Take in a window of a sound, under its digest."""

        def work(engine: Engine, job: Job) -> Generator[None]:
            if digest in self._sounds:
                return
            embeddings = yield from engine.hearing.encode_in_steps(samples_16k)
            self._sounds[digest] = _Sound(next(self._sound_keys), embeddings)
            self._drop_old_sounds(SOUND_ROOM * engine.context_length)

        return self._steps(work)

    def _drop_old_sounds(self, most: float) -> None:
        """Forget those that were read longest ago, until the others have so many embeddings at most."""
        kept = sum(sound.embeddings.shape[0] for sound in self._sounds.values())
        while kept > most and len(self._sounds) > 1:
            kept -= self._sounds.popitem(last=False)[1].embeddings.shape[0]

    def write(self, asked: AskedPrompt, writing: AskedWriting) -> Steps:
        """Read a prompt and write on, id by id."""

        def work(engine: Engine, job: Job) -> Iterator[Answer]:
            reader, readable = self._opened(engine, asked)
            stream = reader.write(
                readable,
                sampling=writing.sampling,
                end_ids=writing.end_ids,
                max_tokens=min(writing.max_tokens, engine.context_length - len(readable)),
                penalise_prompt=writing.penalise_prompt,
                cancelled=job.cancelled,
            )
            with closing(stream):  # type: ignore[type-var]
                for id in stream:
                    yield {"id": id, "reused": reader.reused}, b""

        return self._steps(work)

    def prefer(self, asked: AskedPrompt, id: int, other: int | None) -> Steps:
        """Say whether an id is likelier to follow a prompt than another one."""

        def work(engine: Engine, job: Job) -> Iterator[Answer]:
            if not all(0 <= each < engine.llm.config.vocab_size for each in (id, other or 0)):
                raise misunderstood("there is no such id")
            reader, readable = self._opened(engine, asked)
            yield {"prefers": reader.prefers(readable, id, other, job.cancelled)}, b""

        return self._steps(work)

    def warm(self, number: int) -> Steps:
        """Do beforehand what a first reply would wait for, or a synthesizer's first speech."""

        def work(engine: Engine, job: Job) -> Iterator[Answer | None]:
            yield from self.synthesizer(number).warming_up() if number else engine.warming_networks()
            if number:
                yield self._described(number)

        return self._steps(work)

    def send_voice(self, name: str) -> Steps:
        """One of the model's own voices."""
        return self._steps(lambda engine, job: iter([({}, voice_bytes(engine.speaking.voice(name)))]))

    def analyse(self, samples_24k: Samples, name: str) -> Steps:
        """A voice of a recording."""

        def work(engine: Engine, job: Job) -> Iterator[Answer]:
            yield {}, voice_bytes(engine.speaking.analyse(samples_24k, SAMPLE_RATE_HZ, name))

        return self._steps(work)

    def make_synthesizer(self, voice: bytes, steps: int | None, seed: int) -> Steps:
        """Something that speaks with a voice that was sent."""

        def work(engine: Engine, job: Job) -> Iterator[Answer]:
            made = engine.speaking.synthesizer(voice_from(voice), steps=steps, seed=seed)
            number = next(self._made)
            self._synthesizers[number] = made
            while len(self._synthesizers) > MOST_SYNTHESIZERS:
                self._synthesizers.popitem(last=False)
            yield self._described(number)

        return self._steps(work)

    def _described(self, number: int) -> Answer:
        """What a synthesizer says of itself."""
        made = self.synthesizer(number)
        pieces = made.pieces
        about = {"look_ahead": made.look_ahead, "eager": pieces.eager, "longest": pieces.longest}
        return {"number": number, "measured": list(made.measured), **about}, b""

    def speak_piece(self, piece: AskedPiece) -> Steps:
        """The next piece of a speech, for a synthesizer without a thread of its own."""
        return self._steps(lambda engine, job: iter([self.made(piece)]))

    def made(self, piece: AskedPiece) -> Answer:
        """The next piece of a speech. Raises RequestError when it cannot be made yet."""
        synthesizer = self.synthesizer(piece.synthesizer)
        if piece.fresh:
            synthesizer.reset()
        if piece.tokens:
            synthesizer.push(piece.tokens)
        if piece.finished:
            synthesizer.finish()
        chunk = synthesizer.step(piece.size)
        if chunk is None:
            raise RequestError("There are too few speech tokens for this piece.")
        return {"first_token": chunk.first_token, "tokens": chunk.tokens}, samples_bytes(chunk.samples_24k)

    def synthesizer(self, number: int) -> Synthesizer:
        """One that was made. Raises ForgottenError for one that is not there."""
        try:
            self._synthesizers.move_to_end(number)
            return self._synthesizers[number]
        except KeyError:
            raise forgotten() from None

    def leave(self) -> None:
        """Forget the readers of this visit. From any thread."""
        self._readers.drop(self.number)

    def drop_reader(self, name: str) -> None:
        """Forget a reader. From any thread."""
        self._readers.drop(self.number, name)

    def _steps(self, work: Callable[[Engine, Job], Iterator[Any]]) -> Steps:
        """The work, as long as the model is the one that was greeted with. Raises HostEndedError when it is not."""

        def steps(engine: Engine, job: Job) -> Iterator[Any]:
            if engine is not self._engine:
                raise ended()
            yield from work(engine, job)

        return steps

    def _opened(self, engine: Engine, asked: AskedPrompt) -> tuple[Reader, Readable]:
        """The reader that was asked for, and what it is to read. Raises WireError, RequestError."""
        asked.check(engine.llm.config.vocab_size, engine.context_length)
        sounds = []
        for where, digest in zip(asked.prompt.sounds, asked.digests, strict=True):
            sound = self._sounds.get(digest)
            if sound is None:
                raise forgotten()
            self._sounds.move_to_end(digest)
            if sound.embeddings.shape[0] != len(where):
                raise misunderstood("a sound has as many places as embeddings")
            sounds.append(sound)
        keys = keys_of(asked.prompt, [sound.key for sound in sounds])
        embeddings = tuple(sound.embeddings for sound in sounds)
        reader = self._readers.of(self.number, asked.reader, engine)
        return reader, Readable(asked.prompt, embeddings, keys, asked.shared)


def _fingerprint(engine: Engine) -> str:
    """Whose speech tokens the model writes; nothing where that cannot be told."""
    try:
        return engine.speaking.networks.fingerprint if engine.capabilities.speaks else ""
    except CheckpointError:
        return ""
