"""Checks whether a model can answer a turn at all, before any work is done for it."""

from __future__ import annotations

import numpy as np

from engine.conversation.model import Model
from engine.conversation.prompting.plain_english import check_readable
from engine.errors import RequestError, SoundError
from engine.events import Thinking, Turn
from engine.hearing import patch_counts


def check_sound(turn: Turn) -> None:
    """Raise SoundError for samples that are no recording."""
    samples = turn.samples_16k
    if samples is not None and (samples.ndim != 1 or not np.isfinite(samples).all()):
        raise SoundError("The recording is damaged: it must be mono sound without gaps. Record it again.")


def check(turn: Turn, model: Model) -> None:
    """Raise RequestError when `model` cannot do, or read, what the turn asks, SoundError for what is no recording."""
    check_sound(turn)
    if not turn.text.strip() and not _has_sound(turn):
        raise RequestError("Nothing was said: speak for at least a moment, or type something.")
    check_readable(turn.text, model.name, model.about)
    if turn.spoken_answer and not model.capabilities.speaks:
        raise RequestError(
            "{model} cannot speak; ask for a written answer, or install the complete model.", model=model.name
        )
    if turn.thinking is Thinking.ALWAYS and not model.capabilities.thinks:
        raise RequestError(
            "{model} cannot think before it answers; turn thinking off or choose a Think model.", model=model.name
        )
    if turn.allow_tools and model.variant == "base":
        raise RequestError("{model} cannot use tools; choose a chat model.", model=model.name)


def _has_sound(turn: Turn) -> bool:
    return turn.samples_16k is not None and sum(patch_counts(len(turn.samples_16k))) > 0
