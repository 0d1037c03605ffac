"""The starter's speech tokenizer and speaker network: what is trained is what the ONNX files compute."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from engine.speaking.voice_networks import VoiceNetworks
from starter.networks.convolution_block import eight_bit
from starter.networks.speaker_network import SpeakerNetwork
from starter.networks.speech_tokenizer import SpeechTokenizer, TokenizerConfig, codes_of

_SMALL = TokenizerConfig(width=32, blocks_50_hz=1, blocks_25_hz=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token2wav folder with the two ONNX files of small random networks."""
    folder = tmp_path_factory.mktemp("token2wav")
    mx.random.seed(3)
    eight_bit(SpeechTokenizer(_SMALL)).to_onnx(folder / "speech_tokenizer_v2_25hz.onnx")
    eight_bit(SpeakerNetwork(width=24, blocks=1)).to_onnx(folder / "campplus.onnx")
    return folder


def _samples(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, int(16_000 * seconds)).astype(np.float32)


def test_the_engine_reads_the_same_codes_from_the_onnx_file_as_the_network_gives(folder: Path) -> None:
    from starter.speech.sound_features import log_mel

    mx.random.seed(3)
    tokenizer = eight_bit(SpeechTokenizer(_SMALL))
    samples = _samples(2.48)
    codes = np.array(tokenizer.codes(log_mel(mx.array(samples)[None])))[0]
    found = VoiceNetworks(folder).speech_tokens(samples, 6561)
    assert len(found) == 62
    # A value that lies on a rounding threshold may fall to either side, which changes one of a code's eight digits.
    assert (_digits(found) == _digits(codes)).mean() >= 0.98


def _digits(codes: np.ndarray) -> np.ndarray:
    return codes[:, None] // 3 ** np.arange(8) % 3


def test_the_engine_reads_an_embedding_from_the_onnx_file(folder: Path) -> None:
    embedding = VoiceNetworks(folder).embedding(_samples(2.0), 192)
    assert embedding.shape == (192,)
    assert np.isfinite(embedding).all()
    assert np.abs(embedding).max() > 0


def test_the_speaker_network_and_its_onnx_file_agree(folder: Path) -> None:
    import onnxruntime

    mx.random.seed(3)
    SpeechTokenizer(_SMALL)
    network = eight_bit(SpeakerNetwork(width=24, blocks=1))
    fbank = np.random.default_rng(2).normal(0, 1, (1, 150, 80)).astype(np.float32)
    session = onnxruntime.InferenceSession(folder / "campplus.onnx")
    (found,) = session.run(None, {"input": fbank})
    # onnxruntime multiplies 8-bit matrices with activations that it rounds to 8 bits itself.
    np.testing.assert_allclose(found, np.array(network(mx.array(fbank))), atol=1e-2)


def test_codes_count_in_base_three() -> None:
    digits = mx.array([[[-1.0] * 8, [0.0] * 8, [1.0] * 8, [1.0] + [-1.0] * 7]])
    assert codes_of(digits).tolist() == [[0, 3280, 6560, 2]]
