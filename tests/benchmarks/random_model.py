"""A model of the published size, or a small one, with random weights: on disk only what speaks, the rest in memory."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_map_with_path

from engine.backends import choose
from engine.checkpoints.config import read_config
from engine.checkpoints.load import LoadedCheckpoint
from engine.checkpoints.memory import on_gpu, set_limits
from engine.engine import Engine
from engine.hearing import Adaptor, Encoder, Hearing
from engine.language import LanguageModel, LlmConfig, Vocabulary
from engine.speaking import Speaking, Voice
from engine.speaking.voice_networks import SPEAKER_FILE, TOKENIZER_FILE
from tests.benchmarks.measuring import FULL_SIZE, TINY
from tests.benchmarks.speech_folder import write_token2wav
from tests.checkpoints import tiny_checkpoint

SIZES = ("full", "tiny")
WHOLE_BITS = 16
_CAREFUL_BITS = 8  # embeddings, head and encoder are never narrower
_REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "Step-Audio-2-mini"
_FULL_AUDIO = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 1280, "n_audio_head": 20, "n_audio_layer": 32}
_TINY_AUDIO = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 64, "n_audio_head": 2, "n_audio_layer": 2}
_SPEAKING = {"full": "full", "tiny": "least"}
_SPREAD = 0.02  # of the weights
_GROUP = 64


def write_random_folder(folder: Path, size: str) -> Path:
    """What a model folder holds besides the weights that hear and write; `size` is one of SIZES.

    Sizes and tokenizer are the published ones where they lie beside the repository.
    """
    folder.mkdir(parents=True, exist_ok=True)
    published = size == "full" and (_REFERENCE / "tokenizer.json").exists()
    source = _REFERENCE if published else tiny_checkpoint()
    (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    if published:
        (folder / "config.json").write_bytes((_REFERENCE / "config.json").read_bytes())
    else:
        (folder / "config.json").write_text(json.dumps(_config(size, Vocabulary.load(folder).size)))
    write_token2wav(folder / "token2wav", _SPEAKING[size])
    for name in (TOKENIZER_FILE, SPEAKER_FILE):  # never run: voices are told apart by what these files hold
        (folder / "token2wav" / name).write_bytes(size.encode())
    return folder


def _config(size: str, least_ids: int) -> dict[str, Any]:
    text = dict(FULL_SIZE) if size == "full" else TINY | {"vocab_size": 64 * math.ceil(least_ids / 64)}
    audio = dict(_FULL_AUDIO if size == "full" else _TINY_AUDIO) | {"llm_dim": text["hidden_size"]}
    return {"text_config": text | {"max_position_embeddings": 16384}, "audio_encoder_config": audio}


def random_engine(folder: Path, bits: int, backend: str) -> Engine:
    """An engine on a folder that `write_random_folder` made. `bits` of each weight of the language model's layers: 16,
    or as `earshot models convert` makes them. A CPU has 32 in the place of 16, as it has of a real model.
    """
    config, attached, dtype = read_config(folder), choose(backend), mx.bfloat16 if on_gpu() else mx.float32
    set_limits()
    mx.random.seed(0)
    llm = LanguageModel(LlmConfig.from_dict(config.text))
    hearing = Hearing(Encoder.from_config(config.audio), Adaptor.from_config(config.audio))
    for layer in llm.model.layers:
        _draw(layer, dtype)
        _narrow(layer, bits)
    for part in (llm.model.embed_tokens, llm.model.norm, llm.lm_head, hearing.encoder, hearing.adaptor):
        _draw(part, dtype)
    for network in (llm, hearing.encoder, hearing.adaptor):
        _narrow(network, max(bits, _CAREFUL_BITS))
        network.eval()
    llm.fuse()
    attached.attach_hearing(hearing)
    attached.attach_language(llm, {}, sum(array.nbytes for _, array in tree_flatten(llm.parameters())))
    mx.clear_cache()  # as `Engine.loading` does
    return Engine(LoadedCheckpoint(config, Vocabulary.load(folder), llm, hearing, attached))


def random_voice(speaking: Speaking, tokens: int) -> Voice:
    """A voice that is nobody's; any numbers are one."""
    chance, config = np.random.default_rng(0), speaking.flow.config
    rows = speaking.flow.encoder.up_rate * tokens
    return Voice(
        "chance",
        chance.integers(0, config.vocab_size, tokens).astype(np.int32),
        chance.standard_normal(config.spk_embed_dim).astype(np.float32),
        chance.normal(-6, 2, (rows, config.output_size)).astype(np.float32),
        np.zeros(0, np.float32),
        speaking.networks.fingerprint,
    )


def _draw(network: nn.Module, dtype: mx.Dtype) -> None:
    """Random weights, but norms of one."""

    def drawn(path: str, array: mx.array) -> mx.array:
        is_norm = array.ndim == 1 and path.endswith("weight")
        return (mx.ones(array.shape) if is_norm else _SPREAD * mx.random.normal(array.shape)).astype(dtype)

    network.update(tree_map_with_path(drawn, network.parameters()))
    mx.eval(network.parameters())


def _narrow(network: nn.Module, bits: int) -> None:
    """Quantise the matrices that still are whole, as a conversion does."""

    def wanted(path: str, module: nn.Module) -> bool:
        if "positional_embedding" in path:
            return False
        return hasattr(module, "to_quantized") and module.weight.shape[-1] % _GROUP == 0

    if bits < WHOLE_BITS:
        nn.quantize(network, _GROUP, bits, class_predicate=wanted)
        mx.eval(network.parameters())
