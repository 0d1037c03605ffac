"""POST /v1/audio/transcriptions and /v1/audio/translations.

Source: OpenAI's API reference, "Audio". Any model name is taken; fields that mean nothing here are left alone.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from engine.serving.forms import MOST_SOUND_S, Upload, uploaded
from engine.serving.jobs import Host, ended
from engine.serving.problems import ProblemError
from engine.serving.streams import sse
from engine.serving.threads import from_thread, unless_gone
from engine.serving.transcribing import Transcribing
from engine.transcription.exports import to_srt, to_vtt
from engine.transcription.languages import LANGUAGES, language_code
from engine.transcription.results import (
    Finished,
    Opened,
    Options,
    Segment,
    SegmentDone,
    Transcript,
    TranscriptionEvent,
)

_FRAMES_PER_S = 100  # in which `seek` counts
FORMATS = ("json", "text", "srt", "vtt", "verbose_json", "diarized_json")


class Transcriptions:
    """The two routes. Windows of all requests are decoded together."""

    def __init__(self, host: Host, transcribing: Transcribing) -> None:
        self._host, self._transcribing = host, transcribing

    async def transcribe(self, request: Request) -> Response:
        """Transcribe what is said."""
        return await self._answer(request, translated=False)

    async def translate(self, request: Request) -> Response:
        """Transcribe it in English."""
        return await self._answer(request, translated=True)

    async def _answer(self, request: Request, *, translated: bool) -> Response:
        async with contextlib.AsyncExitStack() as kept:
            upload = await kept.enter_async_context(uploaded(request))
            wanted = _Wanted.of(upload, translated)
            events = from_thread(lambda: self._steps(upload.path, wanted), "transcribing")
            kept.push_async_callback(events.aclose)
            await _opened(events)
            if not wanted.streamed:
                return self._whole(await unless_gone(request, _transcript(events)), wanted)
            return sse(_deltas(events, wanted, kept.pop_all()))

    def _steps(self, path: Path, wanted: _Wanted) -> Generator[TranscriptionEvent]:
        details = wanted.form == "verbose_json"
        return self._transcribing.steps(path, wanted.options, details=details, longest_s=MOST_SOUND_S)

    def _whole(self, transcript: Transcript, wanted: _Wanted) -> Response:
        text = _text(transcript)
        match wanted.form:
            case "text":
                return PlainTextResponse(text + "\n")
            case "srt":
                return PlainTextResponse(to_srt(transcript), media_type="application/x-subrip")
            case "vtt":
                return PlainTextResponse(to_vtt(transcript), media_type="text/vtt")
            case "verbose_json":
                value = self._verbose(transcript, text)
            case "diarized_json":
                segments = [_spoken_by(index, segment) for index, segment in enumerate(transcript.segments)]
                value = {"task": "transcribe", "duration": _seconds(transcript.duration_s), "text": text}
                value["segments"] = segments
            case _:
                value = {"text": text}
        return JSONResponse(value | {"usage": _usage(transcript)})

    def _verbose(self, transcript: Transcript, text: str) -> dict[str, Any]:
        options, known = transcript.options, self._host.about.languages
        language = options.translate_to or options.language or (known[0] if len(known) == 1 else "")
        return {
            "task": "translate" if options.translate_to else "transcribe",
            "language": LANGUAGES.get(language, "unknown").lower(),
            "duration": _seconds(transcript.duration_s),
            "text": text,
            "segments": [_with_details(index, segment) for index, segment in enumerate(transcript.segments)],
        }


@dataclass(frozen=True)
class _Wanted:
    """What a request asks for."""

    options: Options
    form: str
    streamed: bool

    @classmethod
    def of(cls, upload: Upload, translated: bool) -> _Wanted:
        """Raises ProblemError, and RequestError for an unknown language."""
        form, language = upload.one("response_format", "json"), upload.one("language")
        if form not in FORMATS:
            raise ProblemError(400, f"response_format is one of {', '.join(FORMATS)}.", param="response_format")
        if "word" in upload.many("timestamp_granularities"):
            raise ProblemError(400, "Times are known of segments, not of words.", param="timestamp_granularities")
        options = Options(
            language_code(language) if language else "",
            "en" if translated else "",
            speakers=0 if form == "diarized_json" else None,
        )
        return cls(options, form, upload.one("stream").lower() in ("true", "1"))


async def _opened(events: AsyncGenerator[TranscriptionEvent]) -> None:
    """Until the file proved readable: what is wrong up to there is told by the status of the answer."""
    async for event in events:
        if isinstance(event, Opened):
            return


async def _transcript(events: AsyncGenerator[TranscriptionEvent]) -> Transcript:
    async for event in events:
        if isinstance(event, Finished):
            return event.transcript
    raise ended()


async def _deltas(
    events: AsyncGenerator[TranscriptionEvent], wanted: _Wanted, kept: contextlib.AsyncExitStack
) -> AsyncGenerator[dict[str, Any]]:
    async with kept:
        first = True
        async for event in events:
            if isinstance(event, SegmentDone):
                text = event.segment.text
                yield {"type": "transcript.text.delta", "delta": text if first else f" {text}"}
                first = False
                if wanted.form == "diarized_json":
                    yield _spoken_by(event.index, event.segment)
            elif isinstance(event, Finished):
                transcript = event.transcript
                yield {"type": "transcript.text.done", "text": _text(transcript), "usage": _usage(transcript)}


def _text(transcript: Transcript) -> str:
    return " ".join(segment.text for segment in transcript.segments)


def _seconds(exact: float) -> float:
    return round(exact, 3)


def _usage(transcript: Transcript) -> dict[str, object]:
    return {"type": "duration", "seconds": round(transcript.duration_s)}


def _spoken_by(index: int, segment: Segment) -> dict[str, Any]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{index:03}",
        "start": _seconds(segment.start_s),
        "end": _seconds(segment.end_s),
        "text": segment.text,
        "speaker": segment.speaker or "",
    }


def _with_details(index: int, segment: Segment) -> dict[str, Any]:
    details, data = segment.details, segment.text.encode()
    assert details is not None  # they were asked for
    return {
        "id": index,
        "seek": round(segment.start_s * _FRAMES_PER_S),
        "start": _seconds(segment.start_s),
        "end": _seconds(segment.end_s),
        "text": segment.text,
        "tokens": list(details.ids),
        "temperature": 0.0,
        "avg_logprob": details.log_probability,
        "compression_ratio": len(data) / len(zlib.compress(data)),
        "no_speech_prob": details.no_speech_probability,
    }
