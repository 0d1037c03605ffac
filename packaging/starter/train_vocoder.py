"""Train the vocoder on shards of speech: first spectra and pitch, later also against critics.

python packaging/starter/train_vocoder.py SHARDS OUT --minutes 10 [--resume OUT/vocoder.safetensors]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray
from pitch import pitch
from sound_features import Stft, slaney_filters, speech_mel
from training import Log, Plan, Shards, Trainer, Utterance, load, save, with_weights
from vocoder_critics import Critics, critics_loss, vocoder_loss

from engine.speaking.vocoder import Vocoder, VocoderConfig

CONFIG = VocoderConfig(base_channels=192, f0_channels=128)
FRAMES = 50
MARGIN_FRAMES = 4
LOG_EVERY = 100
RESOLUTIONS = ((256, 64), (512, 128), (1024, 256), (2048, 512))


def spectral_distance(made: mx.array, recorded: mx.array) -> mx.array:
    """Multi-resolution STFT loss (arXiv 1910.11480): distance of magnitudes and of their logarithms."""
    total = mx.zeros(())
    for size, hop in RESOLUTIONS:
        a, b = Stft(size, hop).magnitude(made, 1e-7), Stft(size, hop).magnitude(recorded, 1e-7)
        convergence = mx.sqrt(((a - b) ** 2).sum() / ((b**2).sum() + 1e-6))
        total = total + convergence + mx.abs(mx.log(a) - mx.log(b)).mean()
    return total / len(RESOLUTIONS)


def mel_distance(made: mx.array, recorded: mx.array) -> mx.array:
    """Mean absolute difference of log-mels up to 12 kHz."""
    filters = slaney_filters(513, 100, 24_000, 12_000.0)
    a, b = (mx.log(Stft(1024, 256).magnitude(x) @ filters + 1e-4) for x in (made, recorded))
    return mx.abs(a - b).mean()


def pitch_distance(predicted: mx.array, f0: mx.array) -> mx.array:
    """Absolute error in Hz, a tenth of it where nothing is voiced."""
    return (mx.abs(predicted - f0) * mx.where(f0 > 0, 1.0, 0.3)).mean()


def rebuilt(vocoder: Vocoder, samples: mx.array, noise: mx.array) -> tuple[mx.array, mx.array]:
    """The vocoder's version of samples (B, N), driven by their true pitch, and the error of its own pitch in Hz."""
    mel, f0 = speech_mel(samples), pitch(samples)
    made = vocoder.decode(mel, vocoder.source(f0, noise))
    return made, pitch_distance(vocoder.f0_predictor(mel), f0)


def middle(samples: mx.array) -> mx.array:
    """Without the edges, where features see the cut."""
    return samples[:, MARGIN_FRAMES * 480 : -MARGIN_FRAMES * 480]


def first_loss(vocoder: Vocoder, samples: mx.array, noise: mx.array) -> tuple[mx.array, ...]:
    """Spectra and pitch."""
    made, pitch_error = rebuilt(vocoder, samples, noise)
    spectra, mel = spectral_distance(middle(made), middle(samples)), mel_distance(middle(made), middle(samples))
    return spectra + 2.0 * mel + 0.02 * pitch_error, spectra, mel, pitch_error


class LaterLoss:
    """Spectra and pitch, and what the critics say."""

    def __init__(self, critics: Critics) -> None:
        """The critics are only asked."""
        self.critics = critics

    def __call__(self, vocoder: Vocoder, samples: mx.array, noise: mx.array) -> tuple[mx.array, ...]:
        """As `first_loss`, then how far the critics see through and how far their features differ, then the sound."""
        made, pitch_error = rebuilt(vocoder, samples, noise)
        made, recorded = middle(made), middle(samples)
        spectra, mel = spectral_distance(made, recorded), mel_distance(made, recorded)
        seen, different = vocoder_loss(self.critics, recorded, made)
        loss = spectra + 6.0 * mel + 0.02 * pitch_error + 0.5 * seen + 1.0 * different
        return loss, spectra, mel, pitch_error, seen, different, mx.stop_gradient(made)


def critics_step_loss(critics: Critics, samples: mx.array, made: mx.array) -> mx.array:
    """The critics' own loss on samples (B, N) and the middle of what was made of them."""
    return critics_loss(critics, middle(samples), made)


def prepared(vocoder: Vocoder) -> Vocoder:
    """The vocoder with a quiet start: residual blocks that do next to nothing, sound at about a fiftieth, 100 Hz."""
    for block in [*vocoder.resblocks, *vocoder.source_resblocks]:
        for conv in [*block.convs1, *block.convs2]:
            conv.weight = mx.random.normal(conv.weight.shape) * 0.01
    pitch_layer = vocoder.f0_predictor.classifier
    pitch_layer.weight, pitch_layer.bias = pitch_layer.weight * 30.0, mx.array([100.0])
    last = vocoder.conv_post
    last.weight = mx.random.normal(last.weight.shape) * 0.01
    bins = last.bias.shape[0] // 2
    last.bias = mx.concatenate([mx.full((bins,), -4.0), mx.zeros((bins,))])
    return vocoder


def crops(pool: list[Utterance], rows: int, chance: np.random.Generator, weights: NDArray[np.float64]) -> mx.array:
    """`rows` pieces of FRAMES frames at random loudness (B, N)."""
    length = FRAMES * 480
    table = np.zeros((rows, length), dtype=np.float32)
    for row, index in enumerate(chance.choice(len(pool), rows, p=weights)):
        samples = pool[index].samples_24k
        start = chance.integers(max(1, len(samples) - length + 1))
        piece = samples[start : start + length]
        table[row, : len(piece)] = piece * (10 ** chance.uniform(-0.6, 0.1) / 32768.0)
    return mx.array(np.clip(table, -0.98, 0.98))


def train(shards: Shards, out: Path, options: argparse.Namespace) -> Vocoder:
    """Train, writing figures and weights to `out`; the averaged weights are what is kept."""
    vocoder, critics = prepared(Vocoder(CONFIG)), Critics()
    if options.resume:
        load(vocoder, options.resume)
    plan = Plan(options.steps, options.minutes, options.peak)
    recipe = {"betas": (0.8, 0.99), "clip": 5.0}
    trainer = Trainer(vocoder, plan, first_loss, **recipe)
    judging = Trainer(critics, plan, critics_step_loss, **recipe)
    log = Log(out / "vocoder.jsonl")
    chance = np.random.default_rng(7)
    weights = np.array([len(u.samples_24k) for u in shards.training], dtype=float)
    weights /= weights.sum()
    number = 0
    while plan.progress(number) < 1:
        samples = crops(shards.training, options.rows, chance, weights)
        noise = mx.random.normal(samples.shape, key=mx.random.key(number))
        if plan.progress(number) < options.critics_from:
            figures = trainer.step(samples, noise)
        else:
            trainer.loss = LaterLoss(critics)
            figures = trainer.step(samples, noise)
            judging.step(samples, figures.pop(6))
        number += 1
        if number % LOG_EVERY == 0:
            names = ("loss", "spectra", "mel", "pitch_hz", "seen", "different")
            values = dict(zip(names, (round(f.item(), 4) for f in figures[:-1]), strict=False))
            log.write(step=number, norm=round(figures[-1].item(), 3), **values)
        if number % 500 == 0:
            save(trainer.averaged, out / "vocoder.safetensors", mx.float16)
    save(trainer.averaged, out / "vocoder.safetensors", mx.float16)
    return with_weights(vocoder, trainer.averaged)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=6e-4)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--critics-from", type=float, default=0.4, help="share of the run after which critics join")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--wait-for", type=int, default=600)
    options = parser.parse_args()
    mx.random.seed(4)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    train(shards, options.out, options)


if __name__ == "__main__":
    main()
