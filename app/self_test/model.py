"""Checks of the device that computes and of the model that comes along."""

from __future__ import annotations

import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.self_test.sound import examples_16k

if TYPE_CHECKING:
    from engine.engine import Engine

_QUIETEST = 1e-3  # of a reply's samples, on average


def choose_device(no_gpu: bool) -> str:
    """Compute on the GPU, which every Mac with Apple's chips has, or on the CPU if so asked. Raises RuntimeError."""
    from engine.checkpoints.memory import compute_on_cpu, on_gpu

    if no_gpu:
        compute_on_cpu()
        return "CPU, as asked for"
    if sys.platform == "darwin" and not on_gpu():
        raise RuntimeError("MLX computes on the CPU, not on the GPU of this Mac")
    return "GPU" if on_gpu() else "CPU"


def multiply() -> str:
    """Multiply two matrices, which on a Mac needs the file of Metal kernels."""
    from engine.checkpoints.memory import device_works

    return device_works()


@lru_cache(maxsize=1)
def _engine() -> Engine:
    from engine.engine import Engine
    from engine.resources import resource

    return Engine.load(resource("starter"))


def speak_reply() -> str:
    """Hear a recorded question and speak an answer. Raises RuntimeError where none can be read or heard."""
    from engine.events import AnswerText, Speech, Turn

    engine = _engine()
    pieces, characters = [], 0
    for event in engine.session().ask(Turn(samples_16k=examples_16k()[0], max_tokens=64)):
        if isinstance(event, Speech):
            pieces.append(event.samples_24k)
        elif isinstance(event, AnswerText):
            characters += len(event.text)
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if not characters:
        raise RuntimeError(f"{engine.name} wrote nothing")
    if not len(samples):
        raise RuntimeError(f"{engine.name} wrote {characters} characters and spoke none of them")
    if not np.isfinite(samples).all() or np.abs(samples).mean() < _QUIETEST:
        raise RuntimeError(f"{engine.name} spoke {len(samples) / 24_000:.1f} s of silence or noise")
    return f"{engine.name}, {characters} characters, {len(samples) / 24_000:.1f} s of speech"


def add_voice() -> str:
    """Make a voice of the recordings that come along and keep it. Raises RuntimeError where it is not found again."""
    from engine.samples import write_wav
    from engine.speaking import VoiceLibrary

    with tempfile.TemporaryDirectory() as folder:
        library, recording = VoiceLibrary(Path(folder)), Path(folder) / "recording.wav"
        write_wav(recording, np.concatenate(examples_16k()), 16_000)
        library.add(library.from_recording(_engine().speaking, recording, "self-test"))
        if library.list() != ["self-test"]:
            raise RuntimeError(f"the voice was kept as {library.list()}")
        voice = library.get("self-test")
    return f"{voice.duration_s:.1f} s, {len(voice.speech_tokens)} speech tokens"
