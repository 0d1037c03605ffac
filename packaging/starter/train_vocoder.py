"""Train the vocoder on shards of speech: first spectra and pitch, later also against critics.

    python packaging/starter/train_vocoder.py SHARDS OUT --minutes 20 [--flow OUT/flow.safetensors
        --tokenizer OUT/tokenizer.safetensors --speaker OUT/speaker.safetensors]

With a flow, half of the mels of the reply voice are what the flow makes of the recordings' speech tokens: that is what
the vocoder has to speak in the end.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import mlx.core as mx
import numpy as np
from compiled_training import PureTrainer
from convolution_gradient import use_product_gradients
from made_mels import made_mels
from numpy.typing import NDArray
from pitch import pitch
from sound_features import Stft, fbank, log_mel, slaney_filters, speech_mel
from speaker_network import SpeakerNetwork
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from train_flow import CONFIG as FLOW_CONFIG
from train_flow import REPLY_VOICE
from training import Log, Plan, Shards, Utterance, load, save, with_weights
from vocoder_critics import Critics, critics_loss, vocoder_loss

from engine.samples import write_wav
from engine.speaking.flow import Flow
from engine.speaking.vocoder import Vocoder, VocoderConfig
from engine.speaking.voice import Voice

CONFIG = VocoderConfig(base_channels=192, f0_channels=128, block_kernels=(7,), source_kernels=(3, 3, 3))
FRAMES = 40
MARGIN_FRAMES = 2
LOG_EVERY_S = 10.0
SAVE_EVERY_S = 60.0
REPLY_SHARE = 0.7
MADE_SHARE = 0.5
FLOW_STEPS = 4
MEASURED = 12
SOUNDS_KEPT = 3
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

    def __init__(self, critics: PureTrainer, network: Critics, rows: int) -> None:
        """The critics are only asked, about the first `rows` pieces of a batch."""
        self.critics, self.network, self.rows = critics, network, rows

    def __call__(
        self,
        vocoder: Vocoder,
        samples: mx.array,
        mel: mx.array,
        f0: mx.array,
        noise: mx.array,
        critics_weights: mx.array,
    ) -> tuple[mx.array, ...]:
        """As `first_loss`, then how far the critics see through and how far their features differ, then the sound."""
        self.critics.put(critics_weights)
        made, pitch_error = rebuilt(vocoder, mel, f0, noise)
        made, recorded = middle(made), middle(samples)
        spectra, mel = spectral_distance(made, recorded), mel_distance(made, recorded)
        judged = made[: self.rows]  # once: MLX cannot compile a function that gives the same thing computed twice
        seen, different = vocoder_loss(self.network, recorded[: self.rows], judged)
        loss = spectra + 6.0 * mel + 0.02 * pitch_error + 0.5 * seen + 1.0 * different
        return loss, spectra, mel, pitch_error, seen, different, judged


def critics_step_loss(critics: Critics, samples: mx.array, made: mx.array) -> tuple[mx.array, ...]:
    """The critics' own loss on samples (B, N) and the middle of what was made of the first of them."""
    return (critics_loss(critics, middle(samples)[: len(made)], made),)


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
    """An utterance as the vocoder learns it: samples (480 T,), mel (T, 80), pitch (T,), and perhaps the flow's mel."""

    samples: NDArray[np.float32]
    mel: NDArray[np.float32]
    f0: NDArray[np.float32]
    made_mel: NDArray[np.float32] | None = None


Maker = Callable[[Sequence[Utterance]], Sequence[NDArray[np.float32]]]


def recordings(utterances: Sequence[Utterance], make: Maker | None = None) -> list[Recording]:
    """Mel and pitch of utterances, and the flow's mel of those that `make` is given for."""
    made: Sequence[NDArray[np.float32] | None] = make(utterances) if make else [None] * len(utterances)
    found = []
    for utterance, made_mel in zip(utterances, made, strict=True):
        samples = utterance.samples_24k.astype(np.float32) / 32768.0
        batch = mx.array(samples)[None]
        found.append(Recording(samples, np.array(speech_mel(batch))[0], np.array(pitch(batch))[0], made_mel))
    return [one for one in found if len(one.mel) >= FRAMES]


@dataclass
class Pool:
    """What is learned: recordings of the reply voice and of others, and some of the reply voice to measure with.

    Fills from shards while the training runs; `make` gives the flow's mel of utterances of the reply voice.
    """

    shards: Shards
    make: Maker | None = None
    reply: list[Recording] = field(default_factory=list)
    others: list[Recording] = field(default_factory=list)
    measuring: list[Recording] = field(default_factory=list)
    _taken: int = 0

    def refresh(self, at_most: int = 1_000_000) -> None:
        """Take in what was finished since, so many utterances at most."""
        self.shards.refresh()
        if not self.measuring:
            own = [u for u in self.shards.measuring if u.speaker == REPLY_VOICE]
            self.measuring = recordings(own[:MEASURED], self.make)
        new = self.shards.training[self._taken : self._taken + at_most]
        self._taken += len(new)
        self.reply += recordings([u for u in new if u.speaker == REPLY_VOICE], self.make)
        self.others += recordings([u for u in new if u.speaker != REPLY_VOICE])


def crops(pool: Pool, rows: int, chance: np.random.Generator) -> tuple[mx.array, mx.array, mx.array]:
    """`rows` pieces of FRAMES frames at random loudness: samples (B, N), mel (B, T, 80), pitch (B, T)."""
    samples = np.zeros((rows, FRAMES * 480), dtype=np.float32)
    mel, f0 = np.zeros((rows, FRAMES, 80), dtype=np.float32), np.zeros((rows, FRAMES), dtype=np.float32)
    for row in range(rows):
        own = pool.reply if chance.random() < REPLY_SHARE or not pool.others else pool.others
        one = own[chance.integers(len(own))]
        start = chance.integers(len(one.mel) - FRAMES + 1)
        louder = chance.uniform(-1.0, 0.2) if chance.random() < 0.3 else 0.0
        heard = one.made_mel if one.made_mel is not None and chance.random() < MADE_SHARE else one.mel
        samples[row] = one.samples[480 * start : 480 * (start + FRAMES)] * math.exp(louder)
        mel[row] = np.maximum(heard[start : start + FRAMES] + louder, math.log(1e-5))
        f0[row] = one.f0[start : start + FRAMES]
    return mx.array(np.clip(samples, -0.98, 0.98)), mx.array(mel), mx.array(f0)


class Training:
    """One run: vocoder and critics, their steps, and what is written to a folder."""

    def __init__(self, vocoder: Vocoder, pool: Pool, out: Path, options: argparse.Namespace) -> None:
        """The vocoder as it is to begin with."""
        self.vocoder, self.pool, self.out, self.options = vocoder, pool, out, options
        self.critics = Critics()
        self.plan = Plan(options.steps, options.minutes, options.peak)
        self.first = self._trainer(vocoder, first_loss)
        self.judging = self._trainer(self.critics, critics_step_loss)
        self.log = Log(out / "vocoder.jsonl")
        self.chance = np.random.default_rng(7)
        self.number = 0
        self.with_critics = False

    def _trainer(self, network: Vocoder | Critics, loss: Callable[..., object]) -> PureTrainer:
        return PureTrainer(network, self.plan, loss, betas=(0.8, 0.99), clip=5.0)

    def batch(self) -> tuple[mx.array, ...]:
        """Pieces of the pool and noise for the source."""
        pieces = crops(self.pool, self.options.rows, self.chance)
        return (*pieces, mx.random.normal(pieces[0].shape, key=mx.random.key(self.number)))

    def step(self) -> list[mx.array]:
        """One step of the vocoder and, from a share of the run on, of the critics."""
        batch = self.batch()
        self.number += 1
        if self.plan.progress(self.number) < self.options.critics_from:
            return self.first.step(*batch)
        if not self.with_critics:
            self.ask_critics()
        figures = self.first.step(*batch, self.judging.weights)
        self.judging.step(batch[0], figures.pop(6))
        return figures

    def ask_critics(self) -> None:
        """From now on the critics have a say."""
        self.with_critics = True
        self.first.loss = LaterLoss(self.judging, self.critics, self.options.judged_rows)
        if self.options.compile:
            self.compile()

    def compile(self) -> None:
        """From the next step on steps are compiled functions."""
        self.first.compile()
        self.judging.compile()

    def choose(self) -> None:
        """Time a few steps with each form of the gradients; MLX's own must be much faster to be taken."""
        use_product_gradients(True)
        products_s = self.seconds_if_possible(2)
        use_product_gradients(False)
        own_s = self.seconds_if_possible(2)
        use_product_gradients(products_s < 1.5 * own_s)
        self.log.write(seconds_products=str(round(products_s, 3)), seconds_own=str(round(own_s, 3)))

    def seconds_if_possible(self, steps: int) -> float:
        """As `seconds`; endless where the device refuses one of the operations."""
        try:
            return self.seconds(steps)
        except RuntimeError as error:
            print(error, flush=True)
            return math.inf

    def seconds(self, steps: int) -> float:
        """Time of one step, measured over some."""
        mx.eval(self.step(), self.first.weights, self.judging.weights)
        began = time.monotonic()
        for _ in range(steps):
            figures = self.step()
        mx.eval(figures, self.first.weights, self.judging.weights)
        return (time.monotonic() - began) / steps

    def run(self) -> None:
        """Train until the plan's end, writing figures, weights and sounds."""
        self.choose()
        logged = saved = time.monotonic()
        before = self.number
        while self.plan.progress(self.number) < 1:
            figures = self.step()
            now = time.monotonic()
            if now - logged > LOG_EVERY_S:
                self._write(figures, (self.number - before) / (time.monotonic() - logged))
                logged, before = now, self.number
            if now - saved > SAVE_EVERY_S:
                self.keep()
                self.pool.refresh(at_most=400)
                logged = saved = time.monotonic()
                before = self.number
        self.keep()

    def _write(self, figures: list[mx.array], steps_per_s: float) -> None:
        names = ("loss", "spectra", "mel", "pitch_hz", "seen", "different")
        values = dict(zip(names, (round(f.item(), 4) for f in figures[:-1]), strict=False))
        self.log.write(
            step=self.number,
            steps_per_s=round(steps_per_s, 2),
            norm=round(figures[-1].item(), 3),
            skipped=int(self.first.skipped.item()),
            **values,
        )

    def keep(self) -> None:
        """Write the averaged weights, and measure and speak with them."""
        save(self.first.averaged, self.out / "vocoder.safetensors", mx.float16)
        speaking = Vocoder(self.vocoder.config)
        with_weights(speaking, self.first.averaged).eval()
        minutes = round(self.plan.progress(self.number) * self.plan.minutes, 2)
        self.log.write(step=self.number, minutes=minutes, **measured(speaking, self.pool.measuring, self.out))


def measured(vocoder: Vocoder, recorded: Sequence[Recording], out: Path) -> dict[str, float]:
    """Mel distance of recordings and what the vocoder makes of their mel and the flow's, with its own pitch.

    Writes the first few as sounds.
    """
    distances: dict[str, list[float]] = {"copied": [], "spoken": []}
    for number, one in enumerate(recorded):
        for name, mel in (("copied", one.mel), ("spoken", one.made_mel)):
            if mel is None:
                continue
            noise = mx.random.normal((1, len(mel) * 480), key=mx.random.key(number))
            sound = vocoder(mx.array(mel)[None], noise)
            distances[name].append(mel_distance(sound, mx.array(one.samples)[None, : sound.shape[1]]).item())
            if number < SOUNDS_KEPT:
                write_wav(out / f"{name}-{number}.wav", np.array(sound)[0], 24_000)
    return {f"held_out_{name}": round(float(np.mean(found)), 4) for name, found in distances.items() if found}


def flow_maker(options: argparse.Namespace, shards: Shards) -> Maker:
    """What makes the flow's mel, from weights that the other trainings wrote; the voice is the first held-out one."""
    flow, tokenizer, speaker = Flow(FLOW_CONFIG), SpeechTokenizer(TokenizerConfig()), SpeakerNetwork()
    for network, path in ((flow, options.flow), (tokenizer, options.tokenizer), (speaker, options.speaker)):
        load(network, path)

    def tokens(utterance: Utterance) -> NDArray[np.int32]:
        samples = mx.array(utterance.samples_16k.astype(np.float32) / 32768.0)[None]
        return np.array(tokenizer.codes(log_mel(samples)))[0][: utterance.tokens]

    shards.refresh()
    first = next(u for u in shards.measuring if u.speaker == REPLY_VOICE)
    at_16k, at_24k = (mx.array(x.astype(np.float32) / 32768.0)[None] for x in (first.samples_16k, first.samples_24k))
    mel = np.array(speech_mel(at_24k))[0, : 2 * first.tokens]
    voice = Voice("reply", tokens(first), np.array(speaker(fbank(at_16k)))[0], mel, at_24k[0], "")
    return lambda own: made_mels(flow, voice, [tokens(u) for u in own], FLOW_STEPS, seed=len(own))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told."""
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=6e-4)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--judged-rows", type=int, default=32, help="pieces of a batch that the critics judge")
    parser.add_argument("--critics-from", type=float, default=0.15, help="share of the run after which critics join")
    parser.add_argument("--compile", action="store_true", help="compile the steps with critics; takes minutes")
    parser.add_argument("--resume", type=Path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    add_arguments(parser)
    parser.add_argument("--flow", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--speaker", type=Path)
    parser.add_argument("--wait-for", type=int, default=600)
    options = parser.parse_args()
    mx.random.seed(4)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    pool = Pool(shards, flow_maker(options, shards) if options.flow else None)
    pool.refresh(options.wait_for)
    vocoder = prepared(Vocoder(CONFIG))
    if options.resume:
        load(vocoder, options.resume)
    Training(vocoder, pool, options.out, options).run()


if __name__ == "__main__":
    main()
