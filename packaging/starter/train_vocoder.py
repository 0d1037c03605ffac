"""Train the vocoder on shards of speech: first spectra and pitch, later also against critics.

python packaging/starter/train_vocoder.py SHARDS OUT --minutes 10 [--resume OUT/vocoder.safetensors]
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray
from pitch import pitch
from sound_features import Stft, slaney_filters, speech_mel
from training import Log, Plan, Shards, Trainer, Utterance, load, save, with_weights
from vocoder_critics import Critics, critics_loss, vocoder_loss

from engine.speaking.vocoder import Vocoder, VocoderConfig

CONFIG = VocoderConfig(base_channels=160, f0_channels=128, block_kernels=(7,), source_kernels=(3, 3, 3))
FRAMES = 40
MARGIN_FRAMES = 2
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


def rebuilt(vocoder: Vocoder, mel: mx.array, f0: mx.array, noise: mx.array) -> tuple[mx.array, mx.array]:
    """The vocoder's sound of mel (B, T, 80), driven by the true pitch, and the error of its own pitch in Hz."""
    made = vocoder.decode(mel, vocoder.source(f0, noise))
    return made, pitch_distance(vocoder.f0_predictor(mel), f0)


def middle(samples: mx.array) -> mx.array:
    """Without the edges, where features see the cut."""
    return samples[:, MARGIN_FRAMES * 480 : -MARGIN_FRAMES * 480]


def first_loss(
    vocoder: Vocoder, samples: mx.array, mel: mx.array, f0: mx.array, noise: mx.array
) -> tuple[mx.array, ...]:
    """Spectra and pitch."""
    made, pitch_error = rebuilt(vocoder, mel, f0, noise)
    spectra, mel = spectral_distance(middle(made), middle(samples)), mel_distance(middle(made), middle(samples))
    return spectra + 2.0 * mel + 0.02 * pitch_error, spectra, mel, pitch_error


class LaterLoss:
    """Spectra and pitch, and what the critics say."""

    def __init__(self, critics: Critics) -> None:
        """The critics are only asked."""
        self.critics = critics

    def __call__(
        self, vocoder: Vocoder, samples: mx.array, mel: mx.array, f0: mx.array, noise: mx.array
    ) -> tuple[mx.array, ...]:
        """As `first_loss`, then how far the critics see through and how far their features differ, then the sound."""
        made, pitch_error = rebuilt(vocoder, mel, f0, noise)
        made, recorded = middle(made), middle(samples)
        spectra, mel = spectral_distance(made, recorded), mel_distance(made, recorded)
        seen, different = vocoder_loss(self.critics, recorded, made)
        loss = spectra + 6.0 * mel + 0.02 * pitch_error + 0.5 * seen + 1.0 * different
        return loss, spectra, mel, pitch_error, seen, different, mx.stop_gradient(made)


def critics_step_loss(critics: Critics, samples: mx.array, made: mx.array) -> mx.array:
    """The critics' own loss on samples (B, N) and the middle of what was made of them."""
    return critics_loss(critics, middle(samples), made)


def prepared(vocoder: Vocoder) -> Vocoder:
    """The vocoder with a start from which it learns fast: the source comes out as it is, everything else is silent.

    A real constant in all bins of a frame adds nothing to the sound: it is an impulse where the window is zero.
    Around a constant of e^1.5 the exponential and the sine are nearly linear: both parts of a bin can be set freely.
    """
    for block in [*vocoder.resblocks, *vocoder.source_resblocks]:
        for conv in [*block.convs1, *block.convs2]:
            conv.weight = mx.random.normal(conv.weight.shape) * 0.01
    pitch_layer = vocoder.f0_predictor.classifier
    pitch_layer.weight, pitch_layer.bias = pitch_layer.weight * 30.0, mx.array([100.0])
    down, last, loudness = vocoder.source_downs[-1], vocoder.conv_post, math.exp(1.5)
    both, kernel, width = last.weight.shape
    through = np.zeros((width, 1, both), dtype=np.float32)
    through[np.arange(both), 0, np.arange(both)] = 1.0
    out = np.random.default_rng(0).normal(0, 0.003, last.weight.shape).astype(np.float32)
    out[np.arange(both), kernel // 2, np.arange(both)] += 1.0 / loudness
    down.weight, down.bias = mx.array(through), mx.full((width,), 2.0)
    last.weight = mx.array(out)
    wanted = np.where(np.arange(both) < both // 2, 1.5, 0.0).astype(np.float32)
    last.bias = mx.array(wanted - 2.0 * out.sum(axis=(1, 2)))
    return vocoder


@dataclass(frozen=True)
class Recording:
    """An utterance as the vocoder learns it: samples (480 T,), mel (T, 80) and pitch (T,)."""

    samples: NDArray[np.float32]
    mel: NDArray[np.float32]
    f0: NDArray[np.float32]


def recordings(utterances: list[Utterance]) -> list[Recording]:
    """Mel and pitch of utterances, of one voice or many."""
    found = []
    for utterance in utterances:
        samples = utterance.samples_24k.astype(np.float32) / 32768.0
        batch = mx.array(samples)[None]
        found.append(Recording(samples, np.array(speech_mel(batch))[0], np.array(pitch(batch))[0]))
    return [one for one in found if len(one.mel) >= FRAMES]


def crops(pool: list[Recording], rows: int, chance: np.random.Generator) -> tuple[mx.array, mx.array, mx.array]:
    """`rows` pieces of FRAMES frames at random loudness: samples (B, N), mel (B, T, 80), pitch (B, T)."""
    samples = np.zeros((rows, FRAMES * 480), dtype=np.float32)
    mel, f0 = np.zeros((rows, FRAMES, 80), dtype=np.float32), np.zeros((rows, FRAMES), dtype=np.float32)
    for row, index in enumerate(chance.integers(len(pool), size=rows)):
        one = pool[index]
        start = chance.integers(len(one.mel) - FRAMES + 1)
        louder = chance.uniform(-1.0, 0.2) if chance.random() < 0.3 else 0.0
        samples[row] = one.samples[480 * start : 480 * (start + FRAMES)] * math.exp(louder)
        mel[row] = np.maximum(one.mel[start : start + FRAMES] + louder, math.log(1e-5))
        f0[row] = one.f0[start : start + FRAMES]
    return mx.array(np.clip(samples, -0.98, 0.98)), mx.array(mel), mx.array(f0)


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
    pool = recordings([u for u in shards.training if options.voice in u.speaker][: options.most])
    number = 0
    while plan.progress(number) < 1:
        batch = crops(pool, options.rows, chance)
        noise = mx.random.normal(batch[0].shape, key=mx.random.key(number))
        if plan.progress(number) < options.critics_from:
            figures = trainer.step(*batch, noise)
        else:
            trainer.loss = LaterLoss(critics)
            figures = trainer.step(*batch, noise)
            judging.step(batch[0], figures.pop(6))
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
    parser.add_argument("--peak", type=float, default=5e-4)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--critics-from", type=float, default=0.4, help="share of the run after which critics join")
    parser.add_argument("--voice", default="", help="only speakers whose name contains this")
    parser.add_argument("--most", type=int, default=20_000, help="use so many utterances at most")
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--wait-for", type=int, default=600)
    options = parser.parse_args()
    mx.random.seed(4)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    train(shards, options.out, options)


if __name__ == "__main__":
    main()
