"""A server on loopback over the tiny checkpoint, whose words are prescribed and whose voice is nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from engine.conversation.replying.tools import tool
from engine.conversation.replying.tools.calculator import calculator
from engine.engine import Engine
from engine.samples import write_wav
from engine.serving import Access, Server, Voices, Worker, routes_of
from engine.speaking import Voice
from engine.speaking.voice_library import VoiceLibrary
from tests.checkpoints import tiny_checkpoint
from tests.fakes import ScriptedLanguageModel, scripted
from tests.sounds import babble

TOKEN = "earshot-a-token-of-the-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Served:
    """A server, its engine's thread, and the language model that follows scripts."""

    server: Server
    worker: Worker
    engine: Engine

    @property
    def llm(self) -> ScriptedLanguageModel:
        return self.engine.llm  # type: ignore[return-value]

    def says(self, *texts: str) -> None:
        """What the language model writes, one text a generation; they end by themselves."""
        vocabulary = self.engine.vocabulary
        self.llm.scripts[:] = [[*vocabulary.encode(text), vocabulary.eot] for text in texts]

    def reads(self, tokens: int) -> None:
        """The next text is read aloud in so many speech tokens."""
        vocabulary = self.engine.vocabulary
        self.llm.scripts[:] = [[*(vocabulary.speech[(41 * n) % 6561] for n in range(tokens)), vocabulary.eot]]


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    engines: list[Engine] = []

    def load() -> Engine:
        engines.append(Engine.load(tiny_checkpoint()))
        scripted(engines[0].llm)
        return engines[0]

    with Worker(load) as worker:
        library = VoiceLibrary(tmp_path_factory.mktemp("served") / "voices")
        library.add(nobody(engines[0]))
        server = Server(routes_of(worker, Voices(library), own_tools=[tool(calculator)]), Access(TOKEN))
        server.start()
        yield Served(server, worker, engines[0])
        server.stop()


def nobody(engine: Engine) -> Voice:
    """Any numbers are a voice for random weights."""
    chance, config = np.random.default_rng(0), engine.speaking.flow.config
    return Voice(
        "nobody",
        chance.integers(0, config.vocab_size, 25).astype(np.int32),
        chance.standard_normal(config.spk_embed_dim).astype(np.float32),
        chance.normal(-6, 2, (50, config.output_size)).astype(np.float32),
        np.zeros(0, np.float32),
        engine.speaking.networks.fingerprint,
    )


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.server.address, headers=HEADERS, timeout=60, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that sound like speech to the detector."""
    path = tmp_path_factory.mktemp("sound") / "said.wav"
    write_wav(path, babble(2.0), 16_000)
    return path
