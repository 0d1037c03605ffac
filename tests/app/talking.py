"""The real engine on a checkpoint with random weights, whose choice of words and of speech tokens is prescribed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from app.build import load_engine
from engine.engine import Engine
from engine.errors import VoiceError
from engine.events import Progress
from engine.speaking import Voice
from tests.fakes import scripted


class _Always(list[Sequence[int] | None]):
    """A script for every generation: those of a warm-up and of transcripts come between the answers."""

    def pop(self, place: SupportsIndex = -1) -> Sequence[int] | None:
        """The same again."""
        return self[place]


class Prescribed:
    """A loader for the app. All that is written is the same text and as many speech tokens (25 are a second)."""

    def __init__(self, text: str, speech_tokens: int) -> None:
        self._text, self._speech_tokens = text, speech_tokens

    def __call__(self, folder: Path, insist: bool) -> Generator[Progress, None, Any]:
        """Load it; on the engine's thread."""
        engine = yield from load_engine(folder, insist)
        llm = scripted(engine.llm)
        llm.scripts = _Always([self._ids(engine)])
        if engine.capabilities.speaks:
            _give_voice(engine)
        return engine

    def _ids(self, engine: Engine) -> list[int]:
        vocabulary = engine.vocabulary
        speech = iter([vocabulary.speech[(41 * n) % 6561] for n in range(self._speech_tokens)])
        ids: list[int] = []
        for id in vocabulary.encode(self._text):
            ids += [id, *(token for _, token in zip(range(4), speech, strict=False))]
        return [*ids, *speech, vocabulary.tts_end, vocabulary.eot]


def _give_voice(engine: Engine) -> None:
    """For random weights any numbers are a voice."""
    speaking = engine.speaking
    try:
        speaking.default_voice()
    except VoiceError:
        chance, config = np.random.default_rng(0), speaking.flow.config
        voice = Voice(
            "chance",
            chance.integers(0, config.vocab_size, 25).astype(np.int32),
            chance.standard_normal(config.spk_embed_dim).astype(np.float32),
            chance.normal(-6, 2, (50, config.output_size)).astype(np.float32),
            np.zeros(0, np.float32),
            speaking.networks.fingerprint,
        )
        speaking.default_voice = lambda: voice  # type: ignore[method-assign]
        speaking.voice_names = lambda: (voice.name,)  # type: ignore[method-assign]
