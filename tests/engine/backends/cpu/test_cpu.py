"""What the CPU back-end does to speech: the same numbers, and steps beside the writing where there is room."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu import Cpu
from engine.backends.plain import Plain
from engine.checkpoints.load_speaking import load_speaking
from engine.engine import Engine
from engine.resources import resource
from engine.speaking import Voice


@pytest.mark.parametrize(("cores", "beside"), [(1, False), (2, True)])
def test_steps_are_made_beside_where_a_core_is_to_spare(
    monkeypatch: pytest.MonkeyPatch, cores: int, beside: bool
) -> None:
    monkeypatch.setattr("engine.backends.cpu.cpu.cores", lambda: cores)
    speaking = Engine.load(resource("starter"), backend="cpu").speaking
    assert (speaking.synthesizer(speaking.default_voice()).thread is not None) == beside


def test_speech_is_that_of_the_plain_networks(token2wav: Path, voice: Voice) -> None:
    tokens = np.random.default_rng(0).integers(0, 6561, 30).astype(np.int32)
    flows, sounds = [], []
    for attached in (Cpu(), Plain(half=False)):
        made = load_speaking(token2wav, backend=attached)
        mel, noise = mx.array(voice.mel), mx.random.normal((160, 80), key=mx.random.key(1))
        flows.append(np.array(made.flow(mx.array(tokens), mx.array(voice.speech_tokens), mel, mx.zeros(192), noise)))
        source = mx.random.normal((1, 60 * 480), key=mx.random.key(2)) * 0.1
        sounds.append(np.array(made.vocoder.decode(mx.array(flows[0])[None], source)))
    assert np.abs(flows[0] - flows[1]).max() <= 1e-5 * np.abs(flows[1]).max()
    assert np.abs(sounds[0] - sounds[1]).max() <= 1e-4 * np.abs(sounds[1]).max()
