"""How rough are the boundaries between pieces? Ours beside the official code's recorded stream.

    python -m tests.benchmarks.speech_boundaries GOLDENS_DIR [--model DIR]

Both vocoders get the same recorded mels. `--model` also lets the vocoder of a trained model say the mel of its built-in
voice in pieces of 50 frames, in the official way and in ours, beside the same places where nothing is cut. Around each
boundary the change of slope from sample to sample is compared with what it is in the whole stream: 1.0 means a boundary
is like any other place. It is measured in the sound, where pieces join and fades end, and in the source, where the
reused part ends.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.checkpoints.load_speaking import load_vocoder
from engine.speaking.speaking import built_in_voices
from engine.speaking.vocoder import Vocoder
from engine.speaking.vocoder_stream import OVERLAP_FRAMES, VocoderStream
from engine.speaking.voice import Voice
from tests.parity.goldens import Entry, Goldens

_REACH_SAMPLES = 4
_PIECE_FRAMES = 50


@dataclass(frozen=True)
class Roughness:
    """Change of slope at boundaries over that of the whole, root mean square; sound and source."""

    sound: float
    source: float


def official(goldens: Goldens, entry: Entry) -> Roughness:
    """Of the recorded stream."""
    count = len(entry.values["chunks"])
    pieces = [goldens.array(entry, f"pcm_{index}").astype(np.float64) / 32767 for index in range(count)]
    sources = [goldens.array(entry, f"source_{index}")[0, 0].astype(np.float64) for index in range(count)]
    return Roughness(_between(pieces), _at(sources, OVERLAP_FRAMES * 480))


def ours(goldens: Goldens, entry: Entry, *, continuous: bool = True) -> Roughness:
    """Of our vocoder's stream over the same mels, without noise like the recording."""
    vocoder = load_vocoder(goldens.checkpoint / "token2wav")
    mels = [goldens.array(entry, f"mel_{index}")[0].T for index in range(len(entry.values["chunks"]))]
    return streamed(vocoder, mels, continuous=continuous)


def trained(model: Path) -> dict[str, Roughness]:
    """Of a trained model's vocoder, which says its own voice's recording."""
    vocoder = load_vocoder(model / "token2wav")
    file = next(iter(sorted(built_in_voices(model / "token2wav").values())))
    mel = Voice.load(file).mel
    mels = [mel[start : start + _PIECE_FRAMES] for start in range(0, len(mel), _PIECE_FRAMES)]
    if len(mels[-1]) <= OVERLAP_FRAMES:
        mels[-2:] = [np.concatenate(mels[-2:])]
    source = vocoder.source(vocoder.pitch(mx.array(mel)[None]), None)
    whole = np.array(vocoder.decode(mx.array(mel)[None], source)[0]).astype(np.float64)
    starts = np.cumsum([len(piece) for piece in mels])[:-1] - OVERLAP_FRAMES
    pieces = np.split(whole, starts * vocoder.config.hop_samples)
    return {
        f"{model.name}, not cut": Roughness(_between(pieces), float("nan")),
        f"{model.name}, the official way": streamed(vocoder, mels, continuous=False),
        f"{model.name}, ours": streamed(vocoder, mels, continuous=True),
    }


def streamed(vocoder: Vocoder, mels: Sequence[NDArray[np.float32]], *, continuous: bool) -> Roughness:
    """Of a stream of mels (T, 80) without noise."""
    stream = VocoderStream(vocoder, seed=None, continuous=continuous)
    pieces, sources = [], []
    kept = stream.source

    def noted(mel: mx.array) -> mx.array:
        source = kept(mel)
        sources.append(np.array(source[0], np.float64))
        return source

    stream.source = noted  # type: ignore[method-assign]
    for index, mel in enumerate(mels):
        pieces.append(stream.step(mx.array(mel), index == len(mels) - 1).astype(np.float64))
    place = OVERLAP_FRAMES * 480 - (240 if continuous else 0)
    return Roughness(_between(pieces), _at(sources, place))


def _between(pieces: list[NDArray[np.float64]]) -> float:
    """Where pieces join, and where the fade behind it ends."""
    starts = np.cumsum([len(piece) for piece in pieces])[:-1]
    return _share(np.diff(np.concatenate(pieces), 2), np.concatenate([starts, starts + OVERLAP_FRAMES * 480]))


def _at(sources: list[NDArray[np.float64]], place: int) -> float:
    """At one place of every run but the first, where what is reused ends."""
    bends = [np.diff(source, 2) for source in sources]
    near = [bend[place - _REACH_SAMPLES : place + _REACH_SAMPLES] for bend in bends[1:]]
    return float(np.abs(np.concatenate(near)).max() / np.sqrt(np.mean(np.concatenate(bends) ** 2)))


def _share(bends: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    near = np.concatenate([bends[place - _REACH_SAMPLES : place + _REACH_SAMPLES] for place in places])
    return float(np.sqrt(np.mean(near**2)) / np.sqrt(np.mean(bends**2)))


def main() -> int:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goldens", type=Path)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    goldens = Goldens(options.goldens)
    entry = goldens.entry("token2wav.stream")
    rows = {
        "official": official(goldens, entry),
        "ours, the official way": ours(goldens, entry, continuous=False),
        "ours": ours(goldens, entry),
        **(trained(options.model) if options.model else {}),
    }
    print(f"{'':<32}{'sound':>8}{'source':>8}")
    for name, row in rows.items():
        print(f"{name:<32}{row.sound:>8.3f}{row.source:>8.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
