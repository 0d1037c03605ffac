"""The plain networks, compiled, as a Mac takes them: the same speech, and nothing traced twice."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from engine.backends.cpu import Cpu
from engine.backends.dilated import DilatedConvolution
from engine.backends.plain import Plain
from engine.checkpoints.load_speaking import load_flow, load_speaking, load_vocoder
from engine.language import LanguageModel, Sampling, generate
from engine.speaking import Synthesizer, Voice
from engine.speaking.vocoder_stream import VocoderStream
from tests.benchmarks.speech_folder import write_token2wav
from tests.engine.language.networks import random_llm, random_prompt

pytestmark = pytest.mark.slow  # MLX has a C++ compiler make what it traces on a CPU

TOKENS = np.random.default_rng(0).integers(0, 6561, 90).astype(np.int32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("speaks") / "token2wav"
    write_token2wav(made, "least")
    return made


def _pieces(folder: Path, voice: Voice, attached: Plain | Cpu, guidance: float = 0.7) -> np.ndarray:
    speaking = load_speaking(folder, backend=attached)
    made = Synthesizer(speaking.flow, speaking.vocoder, voice, steps=3, guidance=guidance, chunk_tokens=(10, 25))
    made.push(TOKENS)
    made.finish()
    samples = []
    while (piece := made.step()) is not None:
        samples.append(piece.samples_24k)
    assert len(samples) == 5
    return np.concatenate(samples)


@pytest.mark.parametrize("guidance", [0.7, 0.0])
def test_a_stream_of_pieces_sounds_as_with_the_cpu_back_end(folder: Path, voice: Voice, guidance: float) -> None:
    plain, ours = (_pieces(folder, voice, attached, guidance) for attached in (Plain(half=False), Cpu()))
    assert np.abs(plain - ours).max() <= 1e-3 * np.abs(ours).max()


def test_where_metal_is_not_dilated_convolutions_are_others_and_give_the_same(folder: Path, voice: Voice) -> None:
    sounds = []
    for elsewhere in (False, True):
        for half in (False, True):
            attached = Plain(half)
            attached._elsewhere = elsewhere
            vocoder = load_vocoder(folder, attached)
            kinds = {type(module) for _, module in vocoder.named_modules()}
            assert (DilatedConvolution in kinds) == elsewhere
            mel = mx.random.normal((1, 9, 80), key=mx.random.key(1))
            source = mx.random.normal((1, 9 * 480), key=mx.random.key(2)) * 0.1
            sounds.append(np.array(vocoder.decode(mel, source)))
    plain, half, other, other_half = sounds
    assert np.abs(other - plain).max() <= 1e-4 * np.abs(plain).max()
    for one in (half, other_half):
        assert 0 < np.square(one - plain).sum() / np.square(plain).sum() < 10**-5.5  # 55 dB


def test_weights_are_held_in_half_precision_but_for_the_narrow_ends(folder: Path) -> None:
    flow = load_flow(folder, Plain(half=True))
    matrices = {name: value for name, value in tree_flatten(flow.parameters()) if value.ndim > 1}
    whole = {name for name, value in matrices.items() if value.dtype == mx.float32}
    held = sum(value.nbytes for value in matrices.values() if value.dtype == mx.float16)
    assert held > 0
    assert {name.split(".")[0] for name in whole} <= {
        "input_embedding",
        "spk_embed_affine_layer",
        "encoder_proj",
        "encoder",
        "decoder",
    }
    assert not [name for name in whole if "blocks" in name or "feed_forward" in name or "linear_" in name]


def test_what_chooses_ids_is_traced_once_for_all_passages() -> None:
    attached, llm = Plain(), _attached_llm()
    attached.attach_language(llm, {}, 0)
    talking = Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.1, seed=4)
    passages = [_written(llm, talking, number) for number in range(3)]
    assert attached.traces == 1
    assert passages == [_written(_attached_llm(), talking, number) for number in range(3)]
    _written(llm, Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.1, seed=5), 0)
    assert attached.traces == 1  # the seed is no part of it
    _written(llm, Sampling(), 0)
    assert attached.traces == 2


def _attached_llm() -> LanguageModel:
    llm = random_llm()
    llm.fuse()
    return llm


def _written(llm: LanguageModel, sampling: Sampling, number: int) -> list[int]:
    prompt = random_prompt(5 + number, number)
    return list(generate(llm, llm.new_cache(), prompt, sampling=sampling, end_ids=(), max_tokens=8))


def test_a_padded_end_sounds_like_one_as_it_is(folder: Path) -> None:
    """But for the last eight samples, where the official inverse STFT divides by less and all sound is faded out."""
    vocoder = load_vocoder(folder, Plain(half=False))
    mels = mx.random.normal((31, 80), key=mx.random.key(1))
    ends = []
    for frames in (0, 40):
        stream = VocoderStream(vocoder, seed=1, continuous=False)
        stream.step(mels[:10], False)
        ends.append(stream.step(mels[10:], True, frames))
    as_it_is, padded = ends
    assert padded.shape == as_it_is.shape == (29 * 480,)
    assert np.abs(padded - as_it_is)[:-8].max() <= 1e-5 * np.abs(as_it_is).max()
    assert np.abs(padded - as_it_is)[-8:].max() <= 0.6 * np.abs(as_it_is).max()
