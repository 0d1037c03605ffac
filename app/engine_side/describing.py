"""What is heard in a recording in which nobody speaks, minute by minute. A plain generator that knows no Qt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.engine_side.loading import LoadedModel
from app.engine_side.requests import Request
from engine import samples
from engine.events import AnswerText, Pause, Progress, Turn
from engine.samples import BrokenOffError

if TYPE_CHECKING:
    from engine.events import Samples

STRETCH_S = 60.0
RATE_HZ = 16_000
_LONGEST = 300  # ids that a stretch is described in


def describe(model: LoadedModel, path: Path, request: Request) -> Iterator[Any]:
    """The steps of a transcription, with a segment for each minute that says what is heard in it.

    Raises SoundError, RequestError.
    """
    from engine.transcription import Finished, Options, Segment, SegmentDone, Transcript

    info, problem = samples.probe(path), ""
    segments: list[Segment] = []
    stretches, start_s = _stretches(path), 0.0
    while True:
        try:
            stretch = next(stretches, None)
        except BrokenOffError as error:
            stretch, problem = None, error.sentence
        if stretch is None:
            break
        text = ""
        for event in _told(model, stretch, request):
            text += event.text
            yield Pause()
        end_s = start_s + len(stretch) / RATE_HZ
        segments.append(Segment(start_s, end_s, text.strip()))
        yield SegmentDone(len(segments) - 1, segments[-1])
        yield Progress("transcribe", end_s, max(info.duration_s, end_s), "seconds")
        start_s = end_s
    yield Finished(Transcript(path.name, start_s, tuple(segments), model.engine.name, Options(), problem))


def _told(model: LoadedModel, stretch_16k: Samples, request: Request) -> Iterator[AnswerText]:
    from engine.conversation.prompting.tasks import DESCRIBE
    from engine.conversation.replying.settings import SessionSettings

    session = model.engine.session(settings=SessionSettings(persona=DESCRIBE))
    request.on_cancel = session.interrupt
    try:
        with closing(session.ask(Turn(samples_16k=stretch_16k, spoken_answer=False, max_tokens=_LONGEST))) as events:
            yield from (event for event in events if isinstance(event, AnswerText))
    finally:
        request.on_cancel = None


def _stretches(path: Path) -> Iterator[Samples]:
    """The recording at 16 kHz in stretches of a minute; the last one is what remains."""
    longest = round(STRETCH_S * RATE_HZ)
    held: Samples = np.zeros(0, np.float32)
    with closing(samples.stream(path)) as blocks:
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) >= longest:
                yield held[:longest]
                held = held[longest:]
    if len(held) >= RATE_HZ:
        yield held
