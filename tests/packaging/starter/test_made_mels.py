"""The flow's mels that the vocoder learns from: several utterances in one row, each of its own length."""

from __future__ import annotations

import made_mels
import mlx.core as mx
import numpy as np
import pytest

from engine.speaking.flow import Flow
from engine.speaking.voice import Voice
from tests.packaging.starter.small_flow import SMALL


def test_a_row_takes_what_it_has_room_for_and_a_longer_one_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_mels, "LENGTH", 10)
    assert made_mels.in_rows([]) == []
    assert made_mels.in_rows([4, 6, 1, 12, 3, 7]) == [[0, 1], [2], [3], [4, 5]]


@pytest.mark.parametrize("lengths", [(23, 5, 4), (5, 4, 23), (23,), (20,)])
def test_every_utterance_gets_a_mel_of_its_length(lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_mels, "LENGTH", 20)
    mx.random.seed(0)
    chance = np.random.default_rng(0)
    mel = chance.standard_normal((12, 80)).astype(np.float32)
    embedding = chance.standard_normal(192).astype(np.float32)
    voice = Voice("voice", np.arange(6, dtype=np.int32), embedding, mel, mx.zeros(6 * 960), "")
    tokens = [chance.integers(0, 6561, length).astype(np.int32) for length in lengths]
    made = made_mels.made_mels(Flow(SMALL), voice, tokens, steps=2, seed=1)
    assert [one.shape for one in made] == [(2 * length, 80) for length in lengths]
    assert all(np.isfinite(one).all() and one.any() for one in made)
