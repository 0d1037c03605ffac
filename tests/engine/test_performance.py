"""What is predicted of a chip follows from what the networks are made of."""

from __future__ import annotations

import io
import re
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from engine.backends.plain import Plain
from engine.hearing import Encoder
from engine.language import Sampler, Sampling
from engine.performance import (
    CHIPS,
    Chip,
    Sizes,
    chip_of,
    hear,
    kernels_of_an_id,
    memory_bytes,
    predict,
    read,
    speak,
    write,
)
from engine.speaking.flow import Flow
from tests.benchmarks import predictions
from tests.benchmarks.speech_folder import TINY
from tests.engine.language.networks import CONFIG, random_llm, random_prompt

DOCS = Path(__file__).parents[2] / "docs" / "performance.md"
VIEWS = {"Broadcast", "Reshape", "Flatten", "Unflatten", "ExpandDims", "Squeeze", "Transpose", "Slice", "Split"}


def _chip(name: str) -> Chip:
    found = chip_of(name)
    assert found is not None
    return found


def test_a_chip_is_found_by_the_name_that_the_device_has() -> None:
    assert _chip("Apple M4 Max").bytes_per_s == 546e9
    assert _chip("Apple M1").name == "Apple M1"
    assert _chip("NVIDIA H100 80GB HBM3").name == "NVIDIA H100"
    for unknown in ("CPU", "Apple M9", "Apple M10", "AMD EPYC"):
        assert chip_of(unknown) is None
    assert all(chip_of(chip.name) is chip for chip in CHIPS)


def test_the_weights_that_are_counted_are_those_of_the_networks() -> None:
    llm, config = random_llm(), CONFIG
    audio = {"n_mels": 128, "n_audio_ctx": 1500, "n_audio_state": 32, "n_audio_head": 2, "n_audio_layer": 3}
    text = vars(config)
    sizes = Sizes.of(text, audio)

    def matrices(network: object) -> int:
        return sum(array.size for _, array in tree_flatten(network) if array.ndim == 2)

    assert sizes.layer_weights == matrices([layer.parameters() for layer in llm.model.layers])
    assert sizes.head_weights == matrices(llm.lm_head.parameters())
    assert sizes.encoder_weights == matrices([block.parameters() for block in Encoder.from_config(audio).blocks])
    cache = llm.new_cache()
    llm(random_prompt(256)[None].astype(mx.float16), cache)
    assert cache.nbytes == 2 * 256 * sizes.place_bytes  # float32 here


def test_the_weights_of_the_flow_are_those_that_every_step_reads() -> None:
    depth, heads, width, size = 3, 4, 16, 64
    config = TINY[0].__class__(
        **vars(TINY[0]) | {"estimator": TINY[0].estimator.__class__(320, 80, depth, heads, width, size)}
    )
    blocks = Flow(config).estimator.blocks
    counted = sum(
        array.size
        for block in blocks
        for part in (block.attn, block.conv, block.mlp)
        for _, array in tree_flatten(part.parameters())
        if array.ndim > 1
    )
    assert Sizes(flow_width=size, flow_depth=depth).flow_weights == counted


def test_the_launches_that_are_counted_are_those_of_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Norm, turning and attention are a kernel each on a GPU; on a CPU they are not, so something stands for them."""
    for name in ("rms_norm", "rope"):
        monkeypatch.setattr(mx.fast, name, lambda x, *_, **__: x * 2)
    llm = random_llm()
    llm.fuse()
    plain = Plain(half=False)
    plain.attach_language(llm, {}, 0)
    kept: list[mx.array] = []

    def attend(q: mx.array, k: mx.array, v: mx.array, **_: object) -> mx.array:
        kept.extend((k, v))
        return q * 2

    for layer in llm.model.layers:
        layer.self_attn.attend = attend
    sampling = Sampling(temperature=0.7, top_p=0.9, repetition_penalty=1.05, seed=1)
    cache, sampler = llm.new_cache(), Sampler(sampling, CONFIG.vocab_size, [[]], llm.chooser(sampling))
    chosen = sampler(llm(random_prompt(20)[None], cache))
    mx.eval(chosen, cache.arrays(), sampler(llm(llm.embed(chosen[:, None]), cache)))
    mx.eval(cache.arrays())
    kept.clear()
    graph = io.StringIO()
    mx.export_to_dot(graph, sampler(llm(llm.embed(chosen[:, None]), cache)), *kept)
    kernels = [name for name in re.findall(r'label ="([^"]*)", shape=rectangle', graph.getvalue()) if name not in VIEWS]
    sizes = Sizes.of(vars(CONFIG), {"n_audio_state": 1, "n_audio_layer": 1})
    assert len(kernels) == kernels_of_an_id(sizes, own=False), sorted(kernels)


def test_memory_limits_writing_and_arithmetic_limits_reading_and_hearing() -> None:
    sizes = Sizes()
    for name in ("Apple M1 Pro", "Apple M4 Max"):
        chip = _chip(name)
        assert write(sizes, 16).limit(chip) == write(sizes, 4).limit(chip) == "bytes"
        assert read(sizes, 4, 100).limit(chip) == hear(sizes, 4).limit(chip) == "operations"
    assert speak(sizes, 25, own=True).limit(_chip("NVIDIA H200")) == "launches"


def test_fewer_bits_are_faster_and_smaller_and_a_better_chip_is_faster() -> None:
    for chip in CHIPS:
        found = [predict(chip, bits) for bits in (16, 8, 4)]
        assert sorted(found, key=lambda one: one.ids_per_s) == found
        assert sorted(found, key=lambda one: -one.memory_bytes) == found
        assert sorted(found, key=lambda one: -one.first_heard_s) == found
    assert predict(_chip("Apple M4 Max"), 8).ids_per_s > predict(_chip("Apple M2 Max"), 8).ids_per_s
    assert "speech would fall behind" in predict(_chip("Apple M5"), 16).sentence()
    assert "fall behind" not in predict(_chip("Apple M4 Max"), 4).sentence()
    assert memory_bytes(Sizes(), 16) == pytest.approx(18.2e9, rel=0.02)


def test_the_page_shows_what_is_predicted_now() -> None:
    page = DOCS.read_text(encoding="utf-8")
    for lines in (predictions.limits(), predictions.predictions()):
        assert "\n".join(lines) in page
