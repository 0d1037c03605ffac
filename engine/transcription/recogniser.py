"""Windows of speech into text, several at once, by the speech language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from engine.events import Samples
from engine.transcription.results import Options


class SpeechModel(Protocol):
    """What a transcription needs of the engine."""

    folder: Path


class Recogniser:
    """Writes down, or translates, windows of at most 25 s as Options ask."""

    def __init__(self, engine: SpeechModel, options: Options) -> None:
        self._engine, self._options = engine, options

    def __call__(self, windows: Sequence[Samples]) -> Iterator[tuple[int, str]]:
        """Texts of the windows (n_i,) of 16 kHz samples, each with its place, in the order in which they are done."""
        raise RuntimeError("recognition has not landed yet")
