"""ws /v1/realtime/translations: an interpreter, which says in another language what it hears."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket

from engine.events import Samples, Speech
from engine.samples import pcm
from engine.serving.jobs import Host, Priority, events
from engine.serving.problems import problem_of
from engine.serving.reading import read_aloud_for
from engine.serving.realtime.config import TurnDetection
from engine.serving.realtime.fields import Fields
from engine.serving.realtime.ids import new_id
from engine.serving.realtime.input_buffer import InputBuffer, SpeechStopped
from engine.serving.realtime.input_transcripts import steps
from engine.serving.realtime.outbox import Outbox
from engine.serving.realtime.socket import LONGEST_S, accept, converse, no_such_event
from engine.serving.realtime.sound_forms import SPOKEN_HZ, Incoming, bytes_of
from engine.serving.threads import from_thread
from engine.serving.transcribing import Transcribing
from engine.serving.voices import Voices
from engine.transcription.languages import language_code
from engine.transcription.results import Options, SegmentDone

_DETECTION = TurnDetection()
_LONGEST_UTTERANCE_S = 20.0  # the speech of somebody who never pauses is interpreted in parts
_SHORTEST_S = 0.3
_MOST_WAITING = 64  # utterances
_FORM = "audio/pcm"


class Interpreter:
    """Interprets for clients."""

    def __init__(self, host: Host, voices: Voices, transcribing: Transcribing) -> None:
        self._host, self._voices, self._transcribing = host, voices, transcribing

    async def interpret(self, websocket: WebSocket) -> None:
        """One client, from its beginning to its end."""
        await accept(websocket)
        outbox, ended = Outbox(websocket), asyncio.Event()
        model = websocket.query_params.get("model", "earshot")[:200]
        work = _Interpreting(self._host, self._voices, self._transcribing, outbox)
        session = _Session(self._host, model, outbox, work, ended)
        session.open()
        working = asyncio.ensure_future(work.run())
        try:
            await converse(websocket, outbox, session.take, ended)
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


@dataclass(frozen=True)
class _Utterance:
    """What somebody said, and when it ended."""

    samples_16k: Samples
    ends_ms: int


class _Interpreting:
    """Says one utterance after the other in another language."""

    def __init__(self, host: Host, voices: Voices, transcribing: Transcribing, outbox: Outbox) -> None:
        self._host, self._voices, self._transcribing, self._outbox = host, voices, transcribing, outbox
        self._waiting: asyncio.Queue[_Utterance] = asyncio.Queue(_MOST_WAITING)
        self.language = "en"
        self.transcribes = ""  # the model that a client names for the words of what is heard; "" without them

    async def add(self, utterance: _Utterance) -> None:
        """Interpret this after what waits; no more is taken in while too much does."""
        await self._waiting.put(utterance)

    async def done(self) -> None:
        """Wait until all is interpreted."""
        await self._waiting.join()

    async def run(self) -> None:
        """Interpret what comes, for ever."""
        while True:
            utterance = await self._waiting.get()
            try:
                await self._interpret(utterance)
            except Exception as error:
                self._outbox.put_error(problem_of(error))
            finally:
                self._waiting.task_done()

    async def _interpret(self, said: _Utterance) -> None:
        at = {"elapsed_ms": said.ends_ms}
        if self.transcribes:
            async for text in self._texts(said, Options()):
                self._outbox.put("session.input_transcript.delta", at | {"delta": f"{text} "})
        words = []
        async for text in self._texts(said, self._options()):
            words.append(text)
            self._outbox.put("session.output_transcript.delta", at | {"delta": f"{text} "})
        if words and self._host.about.speaks:
            await self._speak(" ".join(words), at)

    def _options(self) -> Options:
        """A model that knows one language has nothing to translate."""
        alone = self._host.about.languages == (self.language,)
        return Options() if alone else Options(translate_to=self.language)

    async def _texts(self, said: _Utterance, options: Options) -> AsyncGenerator[str]:
        segments = from_thread(lambda: steps(self._transcribing, said.samples_16k, options), "interpreting")
        async with aclosing(segments):
            async for event in segments:
                if isinstance(event, SegmentDone) and event.segment.text:
                    yield event.segment.text

    async def _speak(self, text: str, at: dict[str, Any]) -> None:
        form = {"sample_rate": SPOKEN_HZ, "channels": 1, "format": "pcm16"}
        spoken = events(self._host, "interpret for others", read_aloud_for(self._voices, text, ""), Priority.SPEAKER)
        async with aclosing(spoken):
            async for event in spoken:
                if isinstance(event, Speech) and len(event.samples_24k):
                    delta = base64.b64encode(pcm(event.samples_24k)).decode()
                    self._outbox.put("session.output_audio.delta", at | form | {"delta": delta})
                await self._outbox.room()


class _Session:
    """Does what a client asks."""

    def __init__(self, host: Host, model: str, outbox: Outbox, work: _Interpreting, ended: asyncio.Event) -> None:
        self._host, self._model, self._outbox, self._work, self._ended = host, model, outbox, work, ended
        self._id, self._ends_at = new_id("sess"), int(time.time() + LONGEST_S)
        self._incoming, self._buffer = Incoming(_FORM), InputBuffer()
        self._buffer.detect(_DETECTION)

    def open(self) -> None:
        """Tell the client what it has."""
        self._outbox.put("session.created", {"session": self._described()})

    async def take(self, kind: str, event: Fields) -> None:
        """An event of the client's. Raises ProblemError, and RequestError for an unknown language."""
        if kind == "session.update":
            self._update(event.inside("session").inside("audio"))
        elif kind == "session.input_audio_buffer.append":
            await self._hear(self._incoming.push(bytes_of(event.text("audio"), event.path("audio"))))
        elif kind == "session.close":
            await self._close()
        else:
            raise no_such_event()

    def _update(self, audio: Fields) -> None:
        output, heard = audio.inside("output"), audio.inside("input")
        if output.raw("language") is not None:
            self._work.language = self._known(language_code(output.id("language")), output)
        if "transcription" in heard:
            wanted = heard.raw("transcription") is not None
            self._work.transcribes = heard.inside("transcription").id("model", "whisper-1") if wanted else ""
        self._outbox.put("session.updated", {"session": self._described()})

    def _known(self, language: str, output: Fields) -> str:
        known = self._host.about.languages
        if known and language not in known:
            raise output.wrong("language", f"can only be {', '.join(known)} with the model in use")
        return language

    async def _hear(self, samples: Samples) -> None:
        for each in await self._buffer.search(samples):
            if isinstance(each, SpeechStopped):
                await self._work.add(_Utterance(each.samples_16k, each.at_ms))
        if self._buffer.speaking and self._buffer.seconds > _LONGEST_UTTERANCE_S:
            await self._work.add(_Utterance(self._buffer.take(), self._buffer.heard_ms))

    async def _close(self) -> None:
        await self._hear(self._incoming.finish())
        if self._buffer.speaking and self._buffer.seconds >= _SHORTEST_S:
            await self._work.add(_Utterance(self._buffer.take(), self._buffer.heard_ms))
        await self._work.done()
        self._outbox.put("session.closed", {})
        self._ended.set()

    def _described(self) -> dict[str, Any]:
        wanted = {"model": self._work.transcribes} if self._work.transcribes else None
        return {
            "id": self._id,
            "type": "translation",
            "model": self._model,
            "expires_at": self._ends_at,
            "audio": {
                "input": {"transcription": wanted, "noise_reduction": None},
                "output": {"language": self._work.language},
            },
        }
