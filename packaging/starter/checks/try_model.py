"""Uses a model folder as Earshot does: it has to load, to speak in its voices, to transcribe that and to read aloud.

    python -m starter.checks.try_model FOLDER

What was heard and how long it spoke is printed, and not judged: a model that learned for a moment babbles.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from engine.conversation.replying.single_tasks import read_aloud
from engine.engine import Engine
from engine.samples import resample
from engine.speaking.voice import Voice
from engine.transcription.recogniser import Recogniser
from engine.transcription.results import Options

_TEXT = "Good morning."


def heard_of(engine: Engine, voice: Voice) -> str:
    """What the model transcribes of its own voice, which says the speech tokens of its recording once more.

    Raises ValueError when the voice is silent or makes samples that are not finite.
    """
    samples = engine.speaking.synthesizer(voice)(voice.speech_tokens.tolist())
    if not np.isfinite(samples).all() or not np.abs(samples).max(initial=0.0) > 0:
        raise ValueError(f"the voice {voice.name} makes no sound")
    recogniser = Recogniser(engine, Options())
    ((_, text),) = (done for done in recogniser([resample(samples, 24_000, 16_000)]) if done is not None)
    return text


def try_model(folder: Path) -> None:
    """Load, speak, transcribe and read aloud. Raises CheckpointError when the folder does not load."""
    engine = Engine.load(folder)
    voices = engine.speaking.voices()
    if not voices:
        raise ValueError(f"{folder} has no voices")
    for voice in voices:
        print(f"{voice.name} says its recording, heard as: {heard_of(engine, voice)!r}", flush=True)
    tokens = list(read_aloud(engine, _TEXT, None, lambda: False))
    print(f"{_TEXT!r} read aloud: {len(tokens) / 25:.1f} s", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    try_model(parser.parse_args().folder)


if __name__ == "__main__":
    main()
