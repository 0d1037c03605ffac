"""POST /v1/audio/speech and GET /v1/audio/voices. Source: OpenAI's API reference, "Audio"."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.events import Speech
from engine.serving.bodies import json_object, number_of, one_of, text_of
from engine.serving.jobs import Host, Priority, events
from engine.serving.problems import ProblemError
from engine.serving.reading import MOST_CHARACTERS, read_aloud_for
from engine.serving.sounds import MEDIA_TYPES, RATE_HZ, Encoder, encoder
from engine.serving.streams import Stream, sse
from engine.serving.stretch import TimeStretch
from engine.serving.threads import first_of
from engine.serving.voices import Voices, voice_name

_SLOWEST, _FASTEST = 0.25, 4.0


class SpeechRoutes:
    """Reads text aloud for others."""

    def __init__(self, host: Host, voices: Voices) -> None:
        self._host, self._voices = host, voices

    async def list_voices(self, request: Request) -> Response:
        """Names that `voice` takes."""
        names = self._voices.names(self._host.about)
        return JSONResponse({"voices": [{"id": name, "name": name} for name in names]})

    async def speak(self, request: Request) -> Response:
        """The speech of a text, sent while it is made."""
        wanted = Wanted.of(await json_object(request))
        if not self._host.about.speaks:
            raise ProblemError(400, "The model in use cannot speak.")
        file = encoder(wanted.form)
        steps = read_aloud_for(self._voices, wanted.text, wanted.voice)
        sounds = _encoded(events(self._host, "speak for others", steps, Priority.SPEAKER), file, wanted.speed)
        # What goes wrong before any sound is told by the status of the answer.
        first = await first_of(request, sounds) or b""
        if wanted.streamed_as == "sse":
            return sse(_as_events(first, sounds, len(wanted.text)), done=False)
        return Stream(_joined(first, sounds), MEDIA_TYPES[wanted.form])


@dataclass(frozen=True)
class Wanted:
    """What a request asks for."""

    text: str
    voice: str
    form: str
    streamed_as: str
    speed: float

    @classmethod
    def of(cls, body: dict[str, Any]) -> Wanted:
        """Raises ProblemError."""
        text = text_of(body, "input")
        if not text.strip():
            raise ProblemError(400, "input is empty, so there is nothing to say.", param="input")
        if len(text) > MOST_CHARACTERS:
            raise ProblemError(400, f"input is longer than {MOST_CHARACTERS:,} characters.", param="input")
        return cls(
            text,
            voice_name(body.get("voice")),
            one_of(body, "response_format", tuple(MEDIA_TYPES), "mp3"),
            one_of(body, "stream_format", ("audio", "sse"), "audio"),
            number_of(body, "speed", 1.0, _SLOWEST, _FASTEST),
        )


async def _encoded(pieces: AsyncGenerator[Speech], file: Encoder, speed: float) -> AsyncGenerator[bytes]:
    """Bytes of the file as they are ready; the first ones come with the first sound."""
    stretch = None if speed == 1.0 else TimeStretch(speed, RATE_HZ)
    said = False
    try:
        async for piece in pieces:
            samples = stretch.push(piece.samples_24k) if stretch else piece.samples_24k
            said = said or len(piece.samples_24k) > 0
            if len(samples) and (ready := file.push(samples)):
                yield ready
        if not said:
            raise ProblemError(400, "The model gave no speech for this text: try another one.", param="input")
        rest = file.push(stretch.finish()) if stretch else b""
        yield rest + file.finish()
    finally:
        await pieces.aclose()


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    try:
        yield first
        async for more in rest:
            yield more
    finally:
        await rest.aclose()


async def _as_events(first: bytes, rest: AsyncGenerator[bytes], characters: int) -> AsyncGenerator[dict[str, Any]]:
    sent = 0
    async for more in _joined(first, rest):
        sent += len(more)
        yield {"type": "speech.audio.delta", "audio": base64.b64encode(more).decode()}
    usage = {"input_tokens": characters, "output_tokens": sent, "total_tokens": characters + sent}
    yield {"type": "speech.audio.done", "usage": usage}
