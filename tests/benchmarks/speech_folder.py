"""Makes a token2wav folder of random weights at any size, in the published form, for benchmarks and tests."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from numpy.typing import NDArray

from engine.speaking.dit import DiTConfig
from engine.speaking.flow import Flow, FlowConfig
from engine.speaking.token_encoder import TokenEncoderConfig
from engine.speaking.vocoder import Vocoder, VocoderConfig
from tests.starter_writers import flow_yaml, write_torch_file

FULL = (
    FlowConfig(512, 80, 192, 6561, TokenEncoderConfig(512, 512, 8, 2048, 6, 4), DiTConfig(320, 80, 16, 8, 64, 512)),
    VocoderConfig(),
)
STARTER = (
    FlowConfig(256, 80, 192, 6561, TokenEncoderConfig(256, 256, 4, 1024, 4, 2), DiTConfig(320, 80, 6, 4, 64, 256)),
    VocoderConfig(base_channels=256, f0_channels=256),
)
TINY = (
    FlowConfig(32, 80, 192, 6561, TokenEncoderConfig(32, 32, 4, 64, 2, 2), DiTConfig(320, 80, 2, 3, 16, 48)),
    VocoderConfig(base_channels=64, f0_channels=32),
)
LEAST = (
    FlowConfig(16, 80, 192, 6561, TokenEncoderConfig(16, 16, 2, 32, 1, 1), DiTConfig(320, 80, 2, 2, 16, 32)),
    VocoderConfig(base_channels=32, f0_channels=16),
)
SIZES = {"full": FULL, "starter": STARTER, "tiny": TINY, "least": LEAST}


def write_token2wav(folder: Path, size: str, seed: int = 0, *, half: bool = False) -> None:
    """Write flow.yaml, flow.pt and hift.pt with random weights; `size` is one of SIZES, `half` stores float16."""
    flow_config, vocoder_config = SIZES[size]
    mx.random.seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow.yaml").write_text(flow_yaml(flow_config), encoding="utf-8")
    kind = np.float16 if half else np.float32
    for name, weights in (
        ("flow.pt", published_flow(Flow(flow_config))),
        ("hift.pt", published_vocoder(Vocoder(vocoder_config))),
    ):
        write_torch_file(folder / name, {key: value.astype(kind) for key, value in weights.items()})


def published_flow(flow: Flow) -> dict[str, NDArray[np.float32]]:
    """The flow's weights in PyTorch's layout."""
    weights = {}
    for name, value in tree_flatten(flow.parameters()):
        array = np.array(value)
        weights[name] = array.swapaxes(1, 2) if array.ndim == 3 else array
    return weights


def published_vocoder(vocoder: Vocoder) -> dict[str, NDArray[np.float32]]:
    """The vocoder's weights in PyTorch's layout, with weight-norm pairs and quiet magnitudes."""
    weights = {}
    for name, value in tree_flatten(vocoder.parameters()):
        array = np.array(value)
        if array.ndim != 3:
            weights[f"generator.{name}"] = array
            continue
        array = array.transpose(2, 0, 1) if name.startswith("ups.") else array.swapaxes(1, 2)
        if name.startswith("source_downs."):
            weights[f"generator.{name}"] = array
            continue
        stem = f"generator.{name.removesuffix('.weight')}.parametrizations.weight"
        weights[f"{stem}.original0"] = np.sqrt(np.square(array).sum(axis=(1, 2), keepdims=True))
        weights[f"{stem}.original1"] = array
    return weights


def write_inputs(path: Path, tokens: int, voice_tokens: int, seed: int = 0) -> None:
    """Random speech tokens, a voice and the flow's noise, as every contestant gets them."""
    generator = np.random.default_rng(seed)
    np.savez(
        path,
        tokens=generator.integers(0, 6561, tokens).astype(np.int32),
        voice_tokens=generator.integers(0, 6561, voice_tokens).astype(np.int32),
        mel=(generator.standard_normal((2 * voice_tokens, 80)) - 4).astype(np.float32),
        embedding=generator.standard_normal(192).astype(np.float32),
        noise=generator.standard_normal((2 * (voice_tokens + tokens) + 64, 80)).astype(np.float32),
    )


def write_inputs_of_voice(path: Path, folder: Path, tokens: int, seed: int = 0) -> None:
    """The first voice of a token2wav folder, which is to say its own recording again."""
    from engine.checkpoints.load_speaking import load_speaking

    voice = load_speaking(folder).default_voice()
    generator = np.random.default_rng(seed)
    frames = 2 * (len(voice.speech_tokens) + tokens) + 64
    np.savez(
        path,
        tokens=np.resize(voice.speech_tokens, tokens),
        voice_tokens=voice.speech_tokens,
        mel=voice.mel,
        embedding=voice.embedding,
        noise=generator.standard_normal((frames, 80)).astype(np.float32),
    )
