"""Reads sounds that commands give to the model whole, and refuses those that it could do nothing with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine import samples
from engine.errors import RequestError, SoundError

if TYPE_CHECKING:
    from engine.engine import AnyModel
    from engine.events import Samples
    from engine.transcription.pauses import Window

SHORTEST_S = 0.3
SILENT_PEAK = 5e-4
ANSWER_TOKENS = 1024  # room kept for question and answer, or a quarter of a small context


def read_sound(path: Path, engine: AnyModel) -> Samples:
    """All of a file at 16 kHz, for a question about it.

    Raises SoundError when it is silent or too short, RequestError when it is longer than the model can take at once.
    """
    import numpy as np

    from engine.hearing import WINDOW_SAMPLES, patch_counts

    room = engine.context_length - min(ANSWER_TOKENS, engine.context_length // 4)
    longest_s = int(room / (sum(patch_counts(WINDOW_SAMPLES)) + 2) * 25)
    blocks: list[Samples] = []
    length = 0
    for block in samples.stream(path):
        blocks.append(block)
        length += len(block)
        if length > longest_s * 16_000:
            raise RequestError(
                f"{path} is too long to ask about: {engine.name} takes {samples.clock(longest_s)} at once. "
                "Cut out the part you mean, or use `earshot transcribe`."
            )
    sound = np.concatenate(blocks)
    if length < SHORTEST_S * 16_000:
        raise SoundError(f"{path} is only {length / 16_000:.2f} s long: record at least {SHORTEST_S} s.")
    if float(np.abs(sound).max()) < SILENT_PEAK:
        raise SoundError(f"{path} is silent: check that the right microphone or track was recorded.")
    return sound


def speech_windows(path: Path) -> Iterator[Window]:
    """The stretches of speech in a file, each at most 25 s. Raises SoundError as `samples.stream` does."""
    from engine.transcription.pauses import WindowCutter

    cutter = WindowCutter()
    for block in samples.stream(path):
        yield from cutter.push(block)
    yield from cutter.finish()


def require_speech(path: Path, found: bool) -> None:
    """Raise SoundError unless speech was found."""
    if not found:
        raise SoundError(f"No speech was found in {path}: check that the right microphone or track was recorded.")
