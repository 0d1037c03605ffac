"""The vocoder's pieces join without a seam, where the official code's do not."""

from __future__ import annotations

import itertools
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.checkpoints.load_speaking import load_vocoder
from engine.speaking import vocoder_stream
from engine.speaking.vocoder import Vocoder
from engine.speaking.vocoder_stream import EDGE_SAMPLES, OVERLAP_FRAMES, VocoderStream, fade

HOP = 480


@pytest.fixture
def humming(token2wav: Path) -> Vocoder:
    """A vocoder that hears 150 Hz in every mel."""
    vocoder = load_vocoder(token2wav)
    classifier = vocoder.f0_predictor.classifier
    classifier.weight, classifier.bias = mx.zeros_like(classifier.weight), mx.array([150.0])
    vocoder.m_source.l_linear.weight = mx.array([[1.0] + [0.0] * 8])
    return vocoder


def _bend(samples: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(samples.astype(np.float64), 2)).max())


@pytest.mark.parametrize(("official", "seamless"), [(False, True), (True, False)])
def test_a_steady_tone_goes_through_a_fade_unchanged(official: bool, seamless: bool) -> None:
    tone = np.cos(2 * np.pi * 100 * np.arange(9000) / 24_000).astype(np.float32)
    faded = np.concatenate([tone[:3000], fade(tone[3000:], tone[3000:6840], official=official)])
    assert (_bend(faded) < 1.01 * _bend(tone)) == seamless


def test_the_excitation_goes_on_from_piece_to_piece_as_in_the_whole(humming: Vocoder) -> None:
    mel = mx.zeros((1, 60, 80))
    whole = np.array(humming.source(humming.f0_predictor(mel))[0])
    stream = VocoderStream(humming, seed=None)
    first = np.array(stream.source(humming.f0_predictor(mel[:, :20]))[0])
    stream._source, stream._mel = mx.array(first)[None, -OVERLAP_FRAMES * HOP :], mel[0, 12:20]
    second = np.array(stream.source(humming.f0_predictor(mel[:, 12:]))[0])
    np.testing.assert_allclose(second[:-HOP], whole[12 * HOP : -HOP], atol=2e-4)


@pytest.mark.parametrize("sizes", [(60,), (20, 40), (5, 4, 30, 1, 20), (1, 1, 58)])
def test_pieces_of_any_size_give_all_samples(humming: Vocoder, sizes: tuple[int, ...]) -> None:
    stream = VocoderStream(humming, seed=0)
    mel = mx.zeros((sum(sizes), 80))
    places = np.cumsum((0, *sizes))
    pieces = [
        stream.step(mel[int(start) : int(end)], last=end == places[-1]) for start, end in itertools.pairwise(places)
    ]
    assert sum(map(len, pieces)) == sum(sizes) * HOP
    assert all(np.isfinite(piece).all() for piece in pieces)


def test_a_stream_starts_anew_after_its_last_piece(humming: Vocoder) -> None:
    stream, mel = VocoderStream(humming, seed=0), mx.ones((20, 80))
    one = stream.step(mel, last=True)
    other = stream.step(mel, last=True)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("sizes", [(40,), (20, 20), (3, 37), (39, 1)])
def test_speech_rises_from_silence_and_falls_back_and_is_the_same_between(
    humming: Vocoder, sizes: tuple[int, ...]
) -> None:
    mel = mx.ones((40, 80))
    places = np.cumsum((0, *sizes))

    def spoken(edge: int, monkeypatch: pytest.MonkeyPatch) -> NDArray[np.float32]:
        monkeypatch.setattr(vocoder_stream, "EDGE_SAMPLES", edge)
        stream, ends = VocoderStream(humming, seed=0), itertools.pairwise(places)
        return np.concatenate([stream.step(mel[int(a) : int(b)], last=b == places[-1]) for a, b in ends])

    with pytest.MonkeyPatch.context() as patch:
        bare, ours = spoken(0, patch), spoken(EDGE_SAMPLES, patch)
    assert np.abs(bare[[0, -1]]).min() > 1e-3  # a step, heard as a click
    assert np.abs(ours[[0, -1]]).max() < 1e-3 * np.abs(bare[[0, -1]]).min()
    np.testing.assert_array_equal(ours[EDGE_SAMPLES:-EDGE_SAMPLES], bare[EDGE_SAMPLES:-EDGE_SAMPLES])
    assert (np.abs(ours) <= np.abs(bare)).all()
