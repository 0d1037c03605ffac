"""Stand-ins for tests: a small engine with random weights, a language model that follows a script, a synthesizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engine.conversation.prompting.reading import Reader, SharedPrefixes
from engine.events import Samples
from engine.hearing import Adaptor, Encoder, Hearing
from engine.language import Cache, LanguageModel, LlmConfig, Vocabulary
from engine.speaking.pieces import Pieces
from engine.speaking.work_thread import WorkThread

SPEECH_TOKENS = 300
NAMES = (
    *("<|endoftext|>", "<|EOT|>", "<|BOT|>", "<tool_call>", "</tool_call>", "<audio_start>", "<audio_end>"),
    *("<audio_patch>", "<tts_start>", "<tts_end>", "<tts_pad>"),
    *(f"<audio_{token}>" for token in range(SPEECH_TOKENS)),
)
WIDTH = 32


@lru_cache
def small_vocabulary() -> Vocabulary:
    """A byte-level tokenizer with a few merges and 300 speech tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["the assistant human system think answer calculator expression"] * 3, trainer)
    first = tokenizer.get_vocab_size()
    return Vocabulary(tokenizer, {name: first + place for place, name in enumerate(NAMES)})


def _spread(network: Any, seed: int, size: float) -> None:
    """Weights random enough that the likeliest id is clear."""
    mx.random.seed(seed)
    network.update(tree_map(lambda array: array + size * mx.random.normal(array.shape), network.parameters()))
    mx.eval(network.parameters())
    network.eval()


class ScriptedLanguageModel(LanguageModel):
    """A real network with a real cache, whose choice of ids can be prescribed.

    Each entry of `scripts` prescribes one generation, id by id; without a script, or after its end, the network
    chooses itself. A `None` entry leaves one generation to the network.
    """

    def __init__(self, config: LlmConfig) -> None:
        super().__init__(config)
        self.scripts: list[Sequence[int] | None] = []
        self.places_read = 0
        self._script: Iterator[int] = iter(())
        self._step = False

    def embed(self, ids: mx.array) -> mx.array:
        self._step = ids.ndim == 2
        return super().embed(ids)

    def __call__(self, embeddings: mx.array, cache: Cache | None = None) -> mx.array:
        self.places_read += embeddings.shape[1]
        if not self._step:
            self._script = iter((self.scripts.pop(0) if self.scripts else None) or ())
        scores = super().__call__(embeddings, cache)
        wanted = next(self._script, None)
        if wanted is None:
            return scores
        return mx.where(mx.arange(scores.shape[-1]) == wanted, 1e4, scores)


def scripted(llm: LanguageModel) -> ScriptedLanguageModel:
    """Make a loaded network follow scripts, in place."""
    llm.__class__ = ScriptedLanguageModel
    llm.scripts, llm.places_read, llm._script, llm._step = [], 0, iter(()), False
    return llm  # type: ignore[return-value]


def small_llm(vocabulary: Vocabulary) -> ScriptedLanguageModel:
    """A random network of two layers over the small vocabulary."""
    size = vocabulary.size + 3
    llm = ScriptedLanguageModel(LlmConfig(WIDTH, 48, 4, 2, 2, size))
    _spread(llm, 1, 0.3)
    return llm


def small_hearing() -> Hearing:
    """A random encoder and adaptor."""
    config = {
        "n_mels": 128,
        "n_audio_ctx": 1500,
        "n_audio_state": 16,
        "n_audio_head": 2,
        "n_audio_layer": 1,
        "llm_dim": WIDTH,
        "kernel_size": 3,
        "adapter_stride": 2,
    }
    encoder, adaptor = Encoder.from_config(config), Adaptor.from_config(config, 24)
    _spread(encoder, 2, 0.2)
    _spread(adaptor, 3, 0.3)
    return Hearing(encoder, adaptor)


@dataclass(frozen=True, eq=False)
class SmallChunk:
    """What the fake synthesizer makes: a constant per token, so that its origin can be read from the sound."""

    samples_24k: Samples
    first_token: int
    tokens: int


class SmallSynthesizer:
    """Makes 960 samples of the value token / 1000 for every token, in pieces of ten then twenty-five, three ahead."""

    thread: WorkThread | None = None
    first_alone = False
    measured: tuple[tuple[int, float], ...] = ()
    pieces = Pieces((10, 25))
    look_ahead = 3

    def __init__(self, voice: object = "built-in", steps: int = 10, seed: int = 0) -> None:
        self.voice, self.steps, self.seed = voice, steps, seed
        self.reset()

    def reset(self) -> None:
        self._tokens: list[int] = []
        self._done = 0
        self._finished = False

    def warming_up(self) -> Iterator[None]:
        """Nothing is to be prepared."""
        return iter(())

    def push(self, tokens: Sequence[int]) -> None:
        assert not self._finished
        self._tokens += tokens

    def finish(self) -> None:
        self._finished = True

    def take(self, size: int) -> int:
        """Tokens of a piece of this size: the last one takes what is left."""
        left = len(self._tokens) - self._done
        assert left > 0 if self._finished else left >= size + self.look_ahead
        return left if self._finished and left <= size + self.look_ahead else size

    def step(self, size: int) -> SmallChunk | None:
        count = self.take(size)
        values = np.array(self._tokens[self._done : self._done + count], dtype=np.float32) / 1000
        chunk = SmallChunk(np.repeat(values, 960), self._done, count)
        self._done += count
        return chunk


class SmallSpeaking:
    """Voices are plain names; every synthesizer made is remembered."""

    def __init__(self) -> None:
        self.made: list[SmallSynthesizer] = []

    def default_voice(self) -> str:
        return "built-in"

    def analyse(self, samples: Samples, rate_hz: int, name: str) -> str:
        return f"{name} of {len(samples) / rate_hz:g} s"

    def synthesizer(
        self, voice: object, *, steps: int | None = None, guidance: float | None = None, seed: int = 0
    ) -> SmallSynthesizer:
        self.made.append(SmallSynthesizer(voice, steps or 10, seed))
        return self.made[-1]


class SmallEngine:
    """What a session needs of an engine, small and random. `variant` and `context_length` may be chosen."""

    place = ""

    def __init__(self, variant: str = "think", context_length: int = 4096, speaks: bool = True) -> None:
        self.vocabulary = small_vocabulary()
        self.llm = small_llm(self.vocabulary)
        self.hearing = small_hearing()
        self.speaking = SmallSpeaking()
        self.variant = variant
        self.context_length = context_length
        self.name = "Small"
        self.folder = Path("small")
        self.about: dict[str, Any] = {}
        self.shared_prefixes = SharedPrefixes()
        self.capabilities = SimpleNamespace(chats=variant != "base", thinks=variant == "think", speaks=speaks)

    def new_reader(self) -> Reader:
        return Reader(self.llm, self.shared_prefixes)

    def warming_networks(self) -> Iterator[None]:
        return iter(())


def on_checkpoint(folder: Path) -> SmallEngine:
    """The small engine with the tokenizer and the networks of a checkpoint folder; its synthesizer stays the fake."""
    from engine.engine import Engine

    loaded, engine = Engine.load(folder), SmallEngine()
    engine.vocabulary, engine.llm, engine.hearing = loaded.vocabulary, scripted(loaded.llm), loaded.hearing
    engine.name, engine.folder, engine.context_length = loaded.name, folder, loaded.context_length
    return engine


def tone(seconds: float = 1.0, hz: float = 220.0) -> Samples:
    """A tone, mono at 16 kHz."""
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(int(16_000 * seconds)) / 16_000)).astype(np.float32)
