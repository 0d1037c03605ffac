"""How much memory a model may take on this machine, and the limits that keep MLX inside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from engine.errors import CheckpointError

_GB = 1e9
_POOL_SHARE = 0.1  # of the budget may lie in MLX's pool of freed buffers
_CARD_POOL_SHARE = 0.3  # of a card's own memory, which nobody else wants
_READ_AT_ONCE = 1024  # places of the prompt
_HEARD_AT_ONCE = 4  # windows of the encoder: two minutes of sound
_SPEAKING_ROOM = 100_000_000  # what the flow and the vocoder work with; more with larger networks


@dataclass(frozen=True)
class MemoryBudget:
    """Bytes that the machine has and that a model may use."""

    total: int
    usable: int


def on_gpu() -> bool:
    """Whether MLX computes on a GPU (Metal or CUDA) by default."""
    return mx.default_device() == mx.Device(mx.gpu)


def compute_on_cpu() -> None:
    """Compute on the CPU from now on, where there is no GPU or it shall not be used."""
    mx.set_default_device(mx.Device(mx.cpu))


def memory_budget() -> MemoryBudget:
    """Metal's recommended working set on a Mac, the GPU's memory with CUDA, free memory on a plain CPU."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    if on_gpu():
        info = mx.device_info()
        total = int(info.get("memory_size", info.get("total_memory", total)))
        return MemoryBudget(total, int(info.get("max_recommended_working_set_size", total * 0.9)))
    try:
        return MemoryBudget(total, page * os.sysconf("SC_AVPHYS_PAGES") + _page_cache_bytes())
    except (ValueError, OSError):  # macOS has no SC_AVPHYS_PAGES
        return MemoryBudget(total, int(total * 0.7))


def _page_cache_bytes() -> int:
    """Memory that Linux would give back from its file cache; 0 where it does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["Cached"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0


def working_room(text: Mapping[str, Any], audio: Mapping[str, Any], context_length: int, value_bytes: int) -> int:
    """Bytes that a conversation takes besides the weights: the cache of a full context, and the largest arrays of
    reading and of hearing. `text` and `audio` are the sizes in config.json; values take `value_bytes`.
    """
    hidden, layers, vocabulary = text["hidden_size"], text["num_hidden_layers"], text["vocab_size"]
    kept = hidden // text["num_attention_heads"] * text["num_key_value_heads"]
    cache = 2 * layers * kept * context_length * value_bytes
    reading = _READ_AT_ONCE * (4 * hidden + 3 * text["intermediate_size"]) * value_bytes + 8 * vocabulary
    places, width, heads = audio["n_audio_ctx"], audio["n_audio_state"], audio["n_audio_head"]
    hearing = (12 * _HEARD_AT_ONCE * width + heads * places) * places * value_bytes
    return int(cache + reading + hearing)


def speaking_needs(folder: Path) -> int:
    """Bytes that what speaks takes, with room to work in; 0 when the model folder holds none."""
    files = [folder / "token2wav" / name for name in ("flow.pt", "hift.pt")]
    if not all(file.exists() for file in files):
        return 0
    weights = sum(file.stat().st_size for file in files)
    return weights + max(_SPEAKING_ROOM, weights * 3 // 10)


def check_fits(name: str, needed: int, *, insist: bool = False) -> None:
    """Refuse a model that would not fit, with the sizes in the sentence; `insist` loads it all the same."""
    budget = memory_budget()
    if needed <= budget.usable or insist:
        return
    raise CheckpointError(
        "{name} needs about {needed} of memory and this machine has {usable} to give. Close other programs, "
        "choose a model with fewer bits, or load it all the same (“Use anyway” in the window, --insist on the "
        "command line).",
        name=name,
        needed=_in_words(needed),
        usable=_in_words(budget.usable),
    )


def _in_words(size: int) -> str:
    return f"{size / _GB:.1f} GB" if size >= _GB else f"{size / 1e6:.0f} MB"


def set_limits() -> None:
    """Keep the weights resident on a Mac and bound the pool of freed buffers, so that other apps keep room."""
    budget = memory_budget()
    if mx.metal.is_available() and on_gpu():
        mx.set_wired_limit(budget.usable)
    mx.set_cache_limit(_pool_limit(budget))


def _pool_limit(budget: MemoryBudget) -> int:
    card = on_gpu() and not mx.metal.is_available()
    return int(budget.usable * (_CARD_POOL_SHARE if card else _POOL_SHARE))


def give_buffers_back() -> None:
    """Give back what MLX's pool of freed buffers holds, on a GPU only if three quarters of it are full: the next reply
    waits for buffers there. For moments when nobody waits.

    A full pool gives buffers back one by one while a reply is made and asks for others, which cost an H200 a tenth of
    the time to the first sound.
    """
    if not on_gpu() or mx.get_cache_memory() > _pool_limit(memory_budget()) * 3 // 4:
        mx.clear_cache()


def device_works() -> str:
    """Multiply two small matrices on the default device and name it. Raises RuntimeError for a wrong product."""
    product = mx.ones((8, 8)) @ mx.ones((8, 8))
    if product.sum().item() != 512.0:
        raise RuntimeError(f"{mx.default_device()} multiplies wrongly: {product.tolist()}")
    return str(mx.default_device())
