"""The model in use reads aloud and hears itself. A plain generator that knows no Qt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.engine_side.loading import LoadedModel
from engine.events import Pause, Progress


@dataclass(frozen=True)
class CheckedByEar:
    """How many of its own words a model understood, and how many seconds of speech it makes in a second."""

    language: str
    words: int
    understood: int
    speed: float


def check_by_ear(model: LoadedModel, language: str) -> Iterator[Progress | Pause | CheckedByEar]:
    """The steps of a check, in `language` where the model speaks it. Raises RequestError, CheckpointError."""
    from engine.by_ear import checking_by_ear

    check = yield from checking_by_ear(model.engine, language)
    yield CheckedByEar(check.language, check.words, check.understood, check.speed)
