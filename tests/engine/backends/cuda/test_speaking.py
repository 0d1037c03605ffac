"""What runs on a CUDA device gives the numbers of the networks as they were made.

The kernels themselves need such a device (`python -m tests.benchmarks.speech_kernels` compares them there); here their
meaning in MLX's own operations takes their place, so that everything around them is tested.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map

from engine.backends import backend
from engine.backends.cpu import Cpu
from engine.backends.cuda import Cuda, tensor_cores
from engine.backends.cuda.vocoder import CudaPitch, CudaVocoder
from engine.backends.plain import Plain
from engine.speaking import Speaking, Synthesizer, Voice
from engine.speaking.dit import DiTConfig
from engine.speaking.flow import Flow, FlowConfig
from engine.speaking.flow_stream import FlowStream
from engine.speaking.noise import Noise
from engine.speaking.token_encoder import TokenEncoderConfig
from engine.speaking.vocoder import Vocoder
from engine.traced import AsIs
from tests.benchmarks import speech_kernels
from tests.benchmarks.speech_folder import LEAST
from tests.engine.backends.cuda.in_words import stand_in

pytestmark = pytest.mark.usefixtures("on_a_cpu")

CONFIG = FlowConfig(32, 80, 192, 50, TokenEncoderConfig(32, 32, 2, 64, 1, 1), DiTConfig(320, 80, 2, 2, 32, 64))
WIDE = FlowConfig(32, 80, 192, 50, TokenEncoderConfig(32, 32, 2, 64, 1, 1), DiTConfig(320, 80, 2, 1, 64, 64))


def _flow(attached: Plain | Cpu | None = None, config: FlowConfig = CONFIG) -> Flow:
    """A flow whose every parameter matters."""
    mx.random.seed(3)
    flow = Flow(config)
    flow.update(tree_map(lambda value: value + 0.1 * mx.random.normal(value.shape), flow.parameters()))
    flow.eval()
    mx.eval(flow.parameters())
    flow.fuse()
    if attached is not None:
        attached.attach_flow(flow)
    return flow


def _mels(flow: Flow, voice_tokens: int = 55) -> list[np.ndarray]:
    """One whole and three streamed pieces, the last after the caches were trimmed, and padded as well."""
    random = np.random.default_rng(1)
    tokens = random.integers(0, 50, 70).astype(np.int32)
    voice = mx.array(random.integers(0, 50, voice_tokens).astype(np.int32))
    shapes = ((2 * voice_tokens, 80), (192,))
    mel, embedding = (mx.array(random.standard_normal(shape).astype(np.float32)) for shape in shapes)
    noise = Noise(80)
    whole = flow(mx.array(tokens[:5]), voice, mel, embedding, noise.rows(0, 2 * voice_tokens + 10), steps=3)
    streamer = FlowStream(flow, noise, steps=3)
    state = streamer.begin(voice, mel, embedding)
    first, state = streamer.step(state, tokens[:8], False)
    second, state = streamer.step(state, tokens[5:68], False)
    third, _ = streamer.step(state, tokens[65:], True)
    padded, _ = streamer.step(state, tokens[65:], True, 60)
    return [np.array(piece) for piece in (whole, first, second, third, padded)]


@pytest.mark.parametrize("voice_tokens", [55, 3])
@pytest.mark.parametrize("config", [CONFIG, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize(("half", "tolerance"), [(False, 1e-5), (True, 3e-3)])
def test_the_flow_on_cuda_gives_the_same_mel(
    monkeypatch: pytest.MonkeyPatch, half: bool, tolerance: float, config: FlowConfig, voice_tokens: int
) -> None:
    stand_in(monkeypatch)
    theirs = _mels(_flow(config=config), voice_tokens)
    for ours, expected in zip(_mels(_flow(Cuda(half), config), voice_tokens), theirs, strict=True):
        assert np.abs(ours - expected).max() <= tolerance * np.abs(expected).max()


def test_kernels_of_ours_multiply_where_sizes_type_and_device_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    given: list[str] = []
    for name in ("multiply", "attend"):
        really = getattr(tensor_cores, name)

        def counted(*arrays: mx.array, name: str = name, really: Any = really, **how: bool) -> mx.array:
            given.append(name)
            return really(*arrays, **how)

        monkeypatch.setattr(tensor_cores, name, counted)
    _mels(_flow(Cuda(half=True), CONFIG))
    _mels(_flow(Cuda(half=False), WIDE))
    assert not given
    _mels(_flow(Cuda(half=True), WIDE))
    assert given.count("multiply") == 6 * given.count("attend") > 0
    given.clear()
    monkeypatch.setattr(tensor_cores, "available", lambda: False)
    _mels(_flow(Cuda(half=True), WIDE))
    assert not given


@pytest.mark.parametrize(("products", "tolerance"), [(mx.float32, 1e-5), (mx.float16, 1e-2)])
def test_the_vocoder_on_cuda_gives_the_same_samples(
    monkeypatch: pytest.MonkeyPatch, speaking: Speaking, products: mx.Dtype, tolerance: float
) -> None:
    stand_in(monkeypatch)
    made = speaking.vocoder
    vocoder = Vocoder(made.config)
    vocoder.update(made.parameters())
    vocoder.take(AsIs(CudaPitch(vocoder.f0_predictor)), AsIs(CudaVocoder(vocoder, products)))
    random = np.random.default_rng(2)
    mel = mx.array(random.standard_normal((1, 7, 80)).astype(np.float32))
    source = mx.array(random.standard_normal((1, 7 * 480)).astype(np.float32) * 0.1)
    np.testing.assert_allclose(vocoder.pitch(mel), made.pitch(mel), rtol=1e-4)
    expected = np.array(made.decode(mel, source))
    assert np.abs(np.array(vocoder.decode(mel, source)) - expected).max() <= tolerance * np.abs(expected).max()
    two = vocoder.decode(mx.concatenate([mel, mel]), mx.concatenate([source, source]))  # without the kernels
    assert np.abs(np.array(two)[1] - expected).max() <= 1e-5 * np.abs(expected).max()


def test_the_streams_of_a_flow_trace_a_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    attached = Cuda(half=False)
    flow = _flow(attached)
    first = _mels(flow)
    # The whole; two pieces, of three steps each, and the conditions of each; no voice and no last piece as it is. The
    # one that is padded has the second one's sizes.
    assert attached.traces == 5
    again = _mels(flow)
    assert attached.traces == 5
    _mels(flow, 64)  # of another voice whole speech alone is another shape
    assert attached.traces == 6
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_on_cuda_the_first_piece_may_take_much(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    flow = _flow(Cuda(half=False))
    random = np.random.default_rng(5)
    mel = random.standard_normal((20, 80)).astype(np.float32)
    voice = Voice("nobody", np.zeros(10, np.int32), random.standard_normal(192).astype(np.float32), mel)
    made = Synthesizer(flow, Vocoder(LEAST[1]), voice, steps=1)
    sizes = made.pieces.sizes(0, 0)
    assert sizes[0] <= 10
    assert sizes[-1] == 200
    made.push(np.zeros(60, np.int32))
    piece = made.step(sizes[1])
    assert piece is not None
    assert sizes[0] < piece.tokens <= sizes[1]  # the newest are held back to fade


def test_every_kernel_is_compared_with_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    compared = list(speech_kernels.differences())
    assert {found for _, _, found, _ in compared} == {0.0}
    names = [name for name, dtype, *_ in compared if dtype == mx.float16]
    assert len(set(names)) == len(names) >= 40
    assert {name for name, dtype, *_ in compared if dtype == mx.float32} < set(names)


def test_kernels_are_compared_on_a_cuda_device_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert speech_kernels.main() == 1
    assert capsys.readouterr().out == "This needs a CUDA device.\n"
    monkeypatch.setattr(backend, "_fitting", lambda: "cuda")
    stand_in(monkeypatch)
    assert speech_kernels.main() == 0
    assert capsys.readouterr().out.endswith("all kernels agree\n")
