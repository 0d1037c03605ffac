"""A text read aloud on the engine's thread."""

from __future__ import annotations

from collections.abc import Iterator

from engine.conversation.replying.single_tasks import read_aloud
from engine.conversation.speaking_along.voicing import voiced
from engine.engine import Engine
from engine.events import Speech
from engine.serving.jobs import Job, Steps
from engine.serving.voices import Voices

MOST_CHARACTERS = 32_768


def read_aloud_for(voices: Voices, text: str, voice: str) -> Steps:
    """Steps that yield the speech of a text while it is written, and None between."""

    def steps(engine: Engine, job: Job) -> Iterator[Speech | None]:
        synthesizer = engine.speaking.synthesizer(voices.find(engine, voice))
        return voiced(synthesizer, read_aloud(engine, text, None, job.cancelled))

    return steps
