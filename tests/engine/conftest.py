"""A small engine for each test; a small random token2wav folder, a voice and networks that speak, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.checkpoints.load_speaking import load_speaking
from engine.speaking import Speaking, Synthesizer, Voice
from tests.benchmarks.speech_folder import write_token2wav
from tests.fakes import SmallEngine


@pytest.fixture
def engine() -> SmallEngine:
    return SmallEngine()


@pytest.fixture(scope="session", params=["auto", pytest.param("plain", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> str:
    """What computes: the back-end that fits this machine, and the compiled networks that a Mac takes."""
    return str(request.param)


@pytest.fixture(scope="session")
def token2wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token2wav folder of random weights, without the two ONNX files."""
    folder = tmp_path_factory.mktemp("speaks") / "token2wav"
    write_token2wav(folder, "tiny")
    return folder


@pytest.fixture(scope="session")
def speaking(token2wav: Path) -> Speaking:
    return load_speaking(token2wav)


@pytest.fixture(scope="session")
def voice() -> Voice:
    """Two seconds of nobody in particular."""
    random = np.random.default_rng(5)
    return Voice(
        "nobody",
        random.integers(0, 6561, 50).astype(np.int32),
        random.standard_normal(192).astype(np.float32),
        (random.standard_normal((100, 80)) - 4).astype(np.float32),
    )


@pytest.fixture
def synthesizer(speaking: Speaking, voice: Voice) -> Synthesizer:
    return Synthesizer(speaking.flow, speaking.vocoder, voice, steps=4, seed=1)
