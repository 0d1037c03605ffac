"""What a client says, transcribed for its page. The model itself hears the sound."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from engine.errors import SoundError
from engine.events import Samples
from engine.samples import write_wav
from engine.serving.problems import error_value, problem_of
from engine.serving.realtime.config import Transcribed
from engine.serving.realtime.items import Item, Part
from engine.serving.realtime.outbox import Outbox
from engine.serving.realtime.sound_forms import HEARD_HZ
from engine.serving.threads import from_thread
from engine.serving.transcribing import Transcribing
from engine.transcription.results import Options, SegmentDone, TranscriptionEvent

_KIND = "conversation.item.input_audio_transcription"


class InputTranscripts:
    """Transcribes items beside the conversation; windows of all clients are decoded together."""

    def __init__(self, transcribing: Transcribing, outbox: Outbox) -> None:
        self._transcribing, self._outbox = transcribing, outbox
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, item: Item, wanted: Transcribed) -> None:
        """Transcribe what was said in an item."""
        for index, part in enumerate(item.parts):
            if part.samples_16k is not None and part.transcript is None:
                task = asyncio.ensure_future(self._transcribe(item, index, part, wanted))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Nobody is interested any more."""
        for task in list(self._tasks):
            task.cancel()

    async def _transcribe(self, item: Item, index: int, part: Part, wanted: Transcribed) -> None:
        place = {"item_id": item.id, "content_index": index}
        assert part.samples_16k is not None
        samples = part.samples_16k
        segments = from_thread(lambda: steps(self._transcribing, samples, Options(wanted.code)), "transcribing")
        text = ""
        try:
            async for event in segments:
                if isinstance(event, SegmentDone):
                    delta = f" {event.segment.text}" if text else event.segment.text
                    text += delta
                    self._outbox.put(f"{_KIND}.delta", place | {"delta": delta})
        except Exception as error:
            self._outbox.put(f"{_KIND}.failed", place | {"error": _told(error)})
            return
        finally:
            await segments.aclose()
        part.transcript = text
        self._outbox.put(f"{_KIND}.completed", place | {"transcript": text, "usage": _usage(samples)})


def steps(transcribing: Transcribing, samples_16k: Samples, options: Options) -> Generator[TranscriptionEvent]:
    """Events of the transcription of a sound (n,), for a thread that may wait. None for one in which nobody speaks."""
    with tempfile.TemporaryDirectory(prefix="earshot-served-") as folder:
        path = Path(folder) / "said.wav"
        write_wav(path, samples_16k, HEARD_HZ)
        with contextlib.suppress(SoundError):
            yield from transcribing.steps(path, options)


def _told(error: Exception) -> dict[str, Any]:
    problem = problem_of(error)
    return error_value(problem.status_code, problem.detail, problem.param, problem.code)


def _usage(samples_16k: Samples) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(len(samples_16k) / HEARD_HZ, 2)}
