"""Does beforehand what a first reply would wait for, a short step at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Protocol

import mlx.core as mx
import numpy as np

from engine.checkpoints.memory import give_buffers_back
from engine.conversation.model import Model
from engine.conversation.prompting.chat_template import Variant
from engine.conversation.replying.settings import TALK, TRANSCRIBING, SessionSettings, sampling_for
from engine.conversation.speaking_along.voices import Voices
from engine.events import Progress, Turn
from engine.hearing import Hearing
from engine.language import LanguageModel, Sampler, Sampling, Vocabulary
from engine.session import Session

_QUESTION_SAMPLES = 3 * 16_000
_WRITTEN = 3  # ids: the first one is read differently from those that follow


class Networks(Protocol):
    """What there is to be warmed up of a model in this process."""

    vocabulary: Vocabulary
    llm: LanguageModel
    hearing: Hearing

    @property
    def about(self) -> dict[str, Any]: ...


def warming_up(
    engine: Model, settings: SessionSettings | None = None, tools: tuple[str, ...] = ()
) -> Generator[Progress]:
    """Get an engine ready for a conversation with these settings that offers these tools; may be closed at any step.

    Nothing of it is remembered. Raises CheckpointError or VoiceError where a reply would.
    """
    settings = replace(settings) if settings else SessionSettings()
    for done, _ in enumerate(_steps(engine, settings, tools)):
        yield Progress("warming", done, 0)


def warming_networks(engine: Networks) -> Iterator[None]:
    """Let the networks of this process hear something and choose an id in every task."""
    mx.eval(engine.hearing.encode(np.zeros(_QUESTION_SAMPLES, np.float32)))
    yield
    for task, default in (("speech", TALK), ("chat", TALK), ("transcribe", TRANSCRIBING)):
        _choose_an_id(engine.llm, sampling_for(task, engine.about, default, engine.vocabulary))
        yield


def _steps(engine: Model, settings: SessionSettings, tools: tuple[str, ...]) -> Iterator[None]:
    yield from engine.warming_networks()
    question = np.random.default_rng(0).normal(0, 0.01, _QUESTION_SAMPLES).astype(np.float32)
    if engine.variant != Variant.BASE:
        for turn in (
            Turn(text="Hello.", spoken_answer=False, allow_tools=tools, max_tokens=_WRITTEN),
            Turn(question, spoken_answer=engine.capabilities.speaks, allow_tools=tools, max_tokens=_WRITTEN),
        ):
            with closing(Session(engine, replace(settings, confirm=lambda call: False)).ask(turn)) as events:
                for _ in events:
                    yield
    if engine.capabilities.speaks:
        synthesizer = Voices(lambda: engine.speaking).synthesizer(settings)
        yield from synthesizer.warming_up()
    give_buffers_back()  # pieces of all sizes leave more than a reply of one


def _choose_an_id(llm: LanguageModel, sampling: Sampling) -> None:
    size = llm.config.vocab_size
    scores = mx.zeros((1, size), llm.embed(mx.array([0])).dtype)
    mx.eval(Sampler(sampling, size, [[]], llm.chooser(sampling))(scores))
