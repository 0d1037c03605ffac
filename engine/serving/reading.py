"""A text read aloud on the engine's thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from engine.conversation.replying.single_tasks import read_aloud
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.voicing import Voicing
from engine.engine import Engine
from engine.events import Speech
from engine.serving.jobs import Job, Steps
from engine.serving.voices import Voices

MOST_CHARACTERS = 32_768


def read_aloud_for(voices: Voices, text: str, voice: str) -> Steps:
    """Steps that yield the speech of a text while it is written, and None between."""

    def steps(engine: Engine, job: Job) -> Iterator[Speech | None]:
        synthesizer = engine.speaking.synthesizer(voices.find(engine, voice))
        pace = Pace()
        with closing(Voicing(synthesizer, pace)) as voicing:
            for token in pace.writing(read_aloud(engine, text, None, job.cancelled)):
                voicing.add_token(token)
                yield from voicing.along()
                yield None
            yield from voicing.rest()

    return steps
