"""What a model is said to need is what it takes, from its headers alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from engine.checkpoints import memory
from engine.checkpoints.load import memory_needed
from engine.checkpoints.memory import working_room
from engine.engine import Engine
from engine.events import Turn
from tests.sounds import babble

MINI = (
    {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "num_hidden_layers": 28,
        "vocab_size": 158720,
    },
    {"n_audio_ctx": 1500, "n_audio_state": 1280, "n_audio_head": 20},
)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.0, 60.0])
def test_a_spoken_turn_takes_no_more_than_was_said_and_not_far_less(tiny_checkpoint: Path, seconds: float) -> None:
    mx.clear_cache()
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    engine = Engine.load(tiny_checkpoint, backend="plain")  # whose networks are all MLX's, which counts their memory
    heard = np.tile(babble(2.0), round(seconds / 2))
    for _event in engine.session().ask(Turn(samples_16k=heard, max_tokens=300)):
        pass
    taken = mx.get_peak_memory() - before
    print(f"{taken / 1e6:.0f} MB taken of {memory_needed(tiny_checkpoint) / 1e6:.0f} MB said")
    assert taken <= memory_needed(tiny_checkpoint) <= 6 * taken


@pytest.mark.parametrize("backend", ["plain", "cpu"])
def test_what_loading_took_in_passing_is_given_back(tiny_checkpoint: Path, backend: str) -> None:
    engine = Engine.load(tiny_checkpoint, backend=backend)
    assert mx.get_cache_memory() < 1e5
    assert engine.speaking.flow is not None
    assert mx.get_cache_memory() < 1e5
    engine.close()


@pytest.mark.parametrize(("gpu", "metal", "limit"), [(False, False, 100), (True, True, 100), (True, False, 300)])
def test_the_pool_may_hold_more_where_the_memory_is_a_cards_own(
    monkeypatch: pytest.MonkeyPatch, gpu: bool, metal: bool, limit: int
) -> None:
    limits: list[int] = []
    monkeypatch.setattr(memory, "on_gpu", lambda: gpu)
    monkeypatch.setattr(memory, "memory_budget", lambda: memory.MemoryBudget(2000, 1000))
    monkeypatch.setattr(mx.metal, "is_available", lambda: metal)
    monkeypatch.setattr(mx, "set_wired_limit", lambda _: None)
    monkeypatch.setattr(mx, "set_cache_limit", limits.append)
    memory.set_limits()
    assert limits == [limit]


def test_room_for_the_full_model_is_dominated_by_its_cache() -> None:
    cache = 2 * 28 * 4 * 128 * 16384 * 2
    assert cache < working_room(*MINI, 16384, 2) < 2 * cache
    assert working_room(*MINI, 8192, 2) < working_room(*MINI, 16384, 2) < working_room(*MINI, 16384, 4)


def test_a_model_without_a_voice_needs_less(tiny_checkpoint: Path, tmp_path: Path) -> None:
    mute = shutil.copytree(tiny_checkpoint, tmp_path / "mute", ignore=shutil.ignore_patterns("token2wav"))
    assert memory_needed(mute) < memory_needed(tiny_checkpoint)


def test_a_longer_context_needs_more(tiny_checkpoint: Path, tmp_path: Path) -> None:
    longer = shutil.copytree(tiny_checkpoint, tmp_path / "longer")
    config = json.loads((longer / "config.json").read_text())
    config["text_config"]["max_position_embeddings"] = 8 * 16384
    (longer / "config.json").write_text(json.dumps(config))
    assert memory_needed(longer) > memory_needed(tiny_checkpoint)
