"""Train the speaker network to tell the synthetic voices of the shards apart, pitch and formant variants included.

python -m starter.training.train_speaker SHARDS OUT --minutes 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from starter.networks.speaker_network import EMBEDDING, SpeakerNetwork
from starter.speech.sound_features import fbank
from starter.training.mlx_steps import Log, Plan, Shards, Trainer, Utterance, save, with_weights

CROP_16K = 32_000
SCALE, MARGIN = 20.0, 0.15


class Classifier(nn.Module):
    """The network and a direction for every voice; cosines with a margin (Wang et al. 2018)."""

    def __init__(self, voices: int) -> None:
        """Random weights."""
        super().__init__()
        self.network = SpeakerNetwork()
        self.directions = mx.random.normal((voices, EMBEDDING))

    def cosines(self, features: mx.array) -> mx.array:
        """(B, voices) for features (B, T, 80)."""
        return unit(self.network(features)) @ unit(self.directions).T


def unit(x: mx.array) -> mx.array:
    """Rows of length one."""
    return x / mx.sqrt((x * x).sum(axis=-1, keepdims=True) + 1e-9)


def loss_of(classifier: Classifier, samples: mx.array, voices: mx.array, seed: mx.array) -> tuple[mx.array, mx.array]:
    """Cross entropy and share of right answers on samples (B, N), with noise at 10 to 40 dB."""
    keys = mx.random.split(seed, 2)
    power = mx.sqrt((samples**2).mean(axis=1, keepdims=True))
    snr = mx.random.uniform(10, 40, (samples.shape[0], 1), key=keys[0])
    noisy = samples + mx.random.normal(samples.shape, key=keys[1]) * power * 10 ** (-snr / 20)
    cosines = classifier.cosines(fbank(noisy))
    wanted = voices[:, None] == mx.arange(cosines.shape[1])[None]
    loss = nn.losses.cross_entropy((cosines - MARGIN * wanted) * SCALE, voices).mean()
    return loss, (mx.argmax(cosines, axis=1) == voices).mean()


def crops(pool: list[list[Utterance]], rows: int, chance: np.random.Generator) -> tuple[mx.array, mx.array]:
    """`rows` pieces of two seconds, every voice equally likely: samples (B, N) and voice numbers (B,)."""
    voices = chance.integers(len(pool), size=rows)
    table = np.stack([_crop(pool[v][chance.integers(len(pool[v]))], chance) for v in voices])
    return mx.array(table).astype(mx.float32) / 32768.0, mx.array(voices.astype(np.int32))


def _crop(utterance: Utterance, chance: np.random.Generator) -> NDArray[np.int16]:
    samples = utterance.samples_16k
    while len(samples) < CROP_16K:
        samples = np.concatenate([samples, utterance.samples_16k])
    start = chance.integers(len(samples) - CROP_16K + 1)
    return samples[start : start + CROP_16K]


def by_voice(utterances: list[Utterance]) -> tuple[list[str], list[list[Utterance]]]:
    """Names of the voices with three utterances or more, in order, and their utterances."""
    voices: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        voices.setdefault(utterance.speaker, []).append(utterance)
    names = sorted(name for name, own in voices.items() if len(own) >= 3)
    return names, [voices[name] for name in names]


def train(shards: Shards, out: Path, plan: Plan, rows: int) -> SpeakerNetwork:
    """Train, write figures, weights and campplus.onnx to `out`, and return the network."""
    _, pool = by_voice(shards.training)
    classifier = Classifier(len(pool))
    trainer = Trainer(classifier, plan, loss_of)
    log = Log(out / "speaker.jsonl")
    chance = np.random.default_rng(5)
    number = 0
    while plan.progress(number) < 1:
        loss, right, norm = trainer.step(*crops(pool, rows, chance), mx.random.key(number))
        number += 1
        if number % 200 == 0:
            log.write(step=number, loss=loss.item(), right=right.item(), voices=len(pool), norm=norm.item())
    with_weights(classifier, trainer.averaged)
    save(trainer.averaged["network"], out / "speaker.safetensors")
    classifier.network.to_onnx(out / "campplus.onnx")
    return classifier.network


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--wait-for", type=int, default=10**9)
    options = parser.parse_args()
    mx.random.seed(2)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    train(shards, options.out, Plan(options.steps, options.minutes, options.peak), options.rows)


if __name__ == "__main__":
    main()
