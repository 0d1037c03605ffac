"""Held-out sentences in natural voices that training never heard, and what happens to sound on its way.

The voices are Kokoro-82M's, and one of Piper's; nothing of them belongs to Earshot. Put into a folder what
`packaging/starter/README.md` says under "Natural voices" and name it in EARSHOT_NATURAL_VOICES.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.events import Samples
from engine.samples import resample
from starter.checks.piper_voice import PiperVoice
from starter.speech.natural_voices import HELD_OUT, Voices, plain
from starter.speech.phonemes import Phonemes
from starter.speech.surroundings import room

RATE_HZ = 16_000
_VARIABLE = "EARSHOT_NATURAL_VOICES"


@cache
def _network() -> tuple[Any, dict[str, int], Voices, Phonemes]:
    folder = Path(os.environ.get(_VARIABLE, ""))
    if not (folder / "kokoro.onnx").is_file():
        pytest.skip(f"{_VARIABLE} names no folder with natural voices (see packaging/starter/README.md)")
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "kokoro.onnx"), providers=["CPUExecutionProvider"])
    vocab = json.loads((folder / "vocab.json").read_text())["vocab"]
    return session, vocab, Voices.load(folder / "voices"), Phonemes()


@cache
def spoken_naturally(text: str, number: int) -> Samples:
    """The text at 16 kHz in the held-out voice whose turn it is. Skips the test where there are no voices."""
    return resample(spoken_by(HELD_OUT[number % len(HELD_OUT)], text), 24_000, RATE_HZ)


@cache
def spoken_by(name: str, text: str) -> Samples:
    """The text at 24 kHz in a natural voice. Skips the test where there are no voices."""
    session, vocab, voices, phonemes = _network()
    speaker = plain(name)
    symbols = [vocab[letter] for letter in phonemes(text, speaker.british) if letter in vocab]
    style = voices.style(speaker, len(symbols))[None]
    given = {"tokens": np.array([[0, *symbols, 0]]), "style": style, "speed": np.ones(1, np.float32)}
    return session.run(None, given)[0].reshape(-1).astype(np.float32)


@cache
def spoken_by_another_engine(text: str) -> Samples:
    """The text at 16 kHz in a voice of Piper. Skips the test where there is none."""
    return resample(_piper()(text), _piper().rate_hz, RATE_HZ)


@cache
def _piper() -> PiperVoice:
    file = Path(os.environ.get(_VARIABLE, "")) / "piper.onnx"
    if not file.is_file():
        pytest.skip(f"{_VARIABLE} names no folder with piper.onnx (see packaging/starter/README.md)")
    return PiperVoice(file)


def over_the_telephone(samples: Samples) -> Samples:
    """300 to 3400 Hz, 8 kHz, µ-law in 8 bits."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    narrow = resample(np.fft.irfft(spectrum, len(samples)).astype(np.float32), RATE_HZ, 8000)
    loud = narrow / (np.abs(narrow).max() + 1e-9)
    bent = np.round(np.sign(loud) * np.log1p(255 * np.abs(loud)) / np.log(256) * 127) / 127
    back = np.sign(bent) * np.expm1(np.abs(bent) * np.log(256)) / 255
    return resample(back.astype(np.float32) * 0.5, 8000, RATE_HZ)


def among_others(samples: Samples, others: Sequence[Samples], below_db: float = 10.0) -> Samples:
    """With several other people talking, all together so far below."""
    babble = np.sum([np.resize(other / (other.std() + 1e-9), len(samples)) for other in others], axis=0)
    gain = samples.std() * 10 ** (-below_db / 20) / babble.std()
    return (samples + gain * babble).astype(np.float32)


def across_a_room(samples: Samples, number: int, distance_m: float = 2.0) -> Samples:
    """As it sounds in a room at a distance, another room for each number."""
    response = room(np.random.default_rng(10_000 + number), distance_m)
    size = len(samples) + len(response)
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples) + 3200]
    return (wet * samples.std() / (wet.std() + 1e-9)).astype(np.float32)
