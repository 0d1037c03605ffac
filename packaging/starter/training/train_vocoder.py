"""Train the vocoder on shards of speech with PyTorch: spectra, mels and pitch, and against critics.

    python -m starter.training.train_vocoder SHARDS OUT --minutes 20 [--made SHARDS] [--resume OUT/vocoder.safetensors]

`--made` is a folder that `made_mels.py` fills: what the flow makes of the recordings' speech tokens, which is what the
vocoder has to speak in the end. What comes while the training runs is learned from then on.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from engine.samples import write_wav
from starter.networks import vocoder_network
from starter.networks.vocoder_critics import Critics, critics_loss, vocoder_loss
from starter.networks.vocoder_losses import (
    mel_distance,
    one_mel_distance,
    pitch_distance,
    spectral_distance,
    speech_mel,
)
from starter.networks.vocoder_network import Sizes, Snake, VocoderNetwork, load_weights, weights_of
from starter.speech.natural_voices import BUILT_IN
from starter.speech.pitch import pitch
from starter.speech.shards import Shards, Utterance
from starter.speech.torch_device import best_device
from starter.training.plan import Log, Plan
from starter.training.torch_steps import average

FRAMES = 40
MARGIN_FRAMES = 2
LOG_EVERY_S = 10.0
REFRESH_EVERY_S = 15.0
REPLY_SHARE = 0.85
MADE_SHARE = 0.7
CRITICS_ALONE = 0.05  # share of the run for which the critics learn before they are listened to
MEASURED = 16
SOUNDS_KEPT = 3
AVERAGED_OVER = 0.999
NEW_HARMONIC = 0.05
MOST = 9000  # utterances to learn from


@dataclass(frozen=True)
class Recording:
    """An utterance as it is measured with: samples (1, 480 T), mel (1, 80, T) and perhaps the flow's."""

    samples: Tensor
    mel: Tensor
    made: Tensor | None


@dataclass
class Speech:
    """Utterances end to end on the device: samples (N,) int16, mel and made mel (N / 480, 80), pitch (N / 480,)."""

    device: torch.device
    samples: list[Tensor] = field(default_factory=list)
    mel: list[Tensor] = field(default_factory=list)
    f0: list[Tensor] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    whole: tuple[Tensor, ...] = ()
    starts: Tensor | None = None
    made_starts: Tensor | None = None
    made: Tensor | None = None
    made_places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, utterance: Utterance) -> int:
        """Analyse one more; returns its number."""
        frames = len(utterance.samples_24k) // 480
        samples = torch.from_numpy(utterance.samples_24k[: frames * 480].copy()).to(self.device)
        batch = samples.float()[None] / 32768.0
        first = sum(self.places[-1]) if self.places else 0
        self.places.append((first, frames))
        self.samples.append(samples)
        self.mel.append(speech_mel(batch)[0, :frames].half())
        self.f0.append(pitch(batch)[0, :frames])
        return len(self.places) - 1

    def join(self, made: dict[int, np.ndarray]) -> None:
        """Make what was added usable, with the made mels (T, 80) of some numbers."""
        if self.samples:
            new = (torch.cat(self.samples), torch.cat(self.mel), torch.cat(self.f0))
            self.samples, self.mel, self.f0 = [], [], []
            self.whole = tuple(torch.cat(both) for both in zip(self.whole, new, strict=True)) if self.whole else new
            self.starts = self._starts(self.places)
        for number, mel in made.items():
            first, frames = self.places[number]
            if self.made is None or len(self.made) < len(self.whole[1]):
                longer = torch.zeros_like(self.whole[1])
                if self.made is not None:
                    longer[: len(self.made)] = self.made
                self.made = longer
            frames = min(frames, len(mel))
            self.made[first : first + frames] = torch.from_numpy(mel[:frames]).to(self.made)
            self.made_places[number] = (first, frames)
        if made:
            self.made_starts = self._starts([*self.made_places.values()])

    def _starts(self, places: list[tuple[int, int]]) -> Tensor | None:
        ranges = [np.arange(first, first + frames - FRAMES + 1) for first, frames in places if frames >= FRAMES]
        return torch.from_numpy(np.concatenate(ranges)).to(self.device) if ranges else None

    def pieces(self, rows: int, made: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Random pieces of FRAMES frames: samples (rows, N), mel (rows, T, 80), pitch (rows, T)."""
        starts = self.made_starts if made else self.starts
        assert starts is not None
        samples, mel, f0 = self.whole
        if made:
            assert self.made is not None
            mel = self.made
        first = starts[torch.randint(len(starts), (rows, 1), device=self.device)]
        frames = first + torch.arange(FRAMES, device=self.device)
        places = 480 * first + torch.arange(480 * FRAMES, device=self.device)
        return samples[places].float() / 32768.0, mel[frames].float(), f0[frames]


class Pool:
    """The built-in voices, the others and some of the built-in ones to measure with; fills while the training runs."""

    def __init__(self, shards: Shards, made: Path | None, device: torch.device, most: int = 10**9) -> None:
        """So many utterances at most."""
        self.shards, self.folder, self.device, self._most = shards, made, device, most
        self.reply, self.others = Speech(device), Speech(device)
        self.measuring: list[Recording] = []
        self._taken = 0
        self._numbers: dict[str, int] = {}
        self._read: dict[str, float] = {}

    def refresh(self, at_most: int) -> None:
        """Take in what was finished since, so many utterances at most."""
        self.shards.refresh()
        new = self.shards.training[self._taken : min(self._taken + at_most, self._most)]
        self._taken += len(new)
        for utterance in new:
            if len(utterance.samples_24k) >= 480 * (FRAMES + 8):
                own = utterance.speaker in BUILT_IN
                number = (self.reply if own else self.others).add(utterance)
                if own:
                    self._numbers[utterance.name] = number
        made = self._new_made()
        self.others.join({})
        self.reply.join({self._numbers[name]: mel for name, mel in made.items() if name in self._numbers})
        self._measure_with(made)

    def _new_made(self) -> dict[str, np.ndarray]:
        """Made mels by the utterance's name, of shards all of whose utterances were taken in."""
        found: dict[str, np.ndarray] = {}
        taken = {u.name.split("-")[0] for u in self.shards.training[: self._taken]}
        waiting = {u.name.split("-")[0] for u in self.shards.training[self._taken :]}
        for path in sorted(self.folder.glob("*.made.npz")) if self.folder else ():
            shard = path.name.split(".")[0]
            held_out, written = int(shard) < self.shards.held_out, path.stat().st_mtime
            if self._read.get(shard) != written and (held_out or (shard in taken and shard not in waiting)):
                self._read[shard] = written
                with np.load(path) as arrays:
                    found.update({name: arrays[name] for name in arrays.files})
        return found

    def _measure_with(self, made: dict[str, np.ndarray]) -> None:
        own = [u for u in self.shards.measuring if u.speaker in BUILT_IN][:MEASURED]
        if self.measuring and not any(u.name in made for u in own):
            return
        self.measuring = []
        for u in own:
            samples = torch.from_numpy(u.samples_24k.copy()).to(self.device).float()[None] / 32768.0
            samples = samples[:, : samples.shape[1] // 480 * 480]
            heard = torch.from_numpy(made[u.name]).to(self.device).float().T[None] if u.name in made else None
            self.measuring.append(Recording(samples, speech_mel(samples).transpose(1, 2), heard))

    def batch(self, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Pieces at random loudness: samples (B, N), mel (B, 80, T), pitch (B, T); the made mels come first."""
        own = rows if self.others.starts is None else round(rows * REPLY_SHARE)
        made = round(own * MADE_SHARE) if self.reply.made_starts is not None else 0
        parts = [self.reply.pieces(made, True)] if made else []
        parts.append(self.reply.pieces(own - made, False))
        if rows > own:
            parts.append(self.others.pieces(rows - own, False))
        samples, mel, f0 = (torch.cat(part) for part in zip(*parts, strict=True))
        louder = torch.empty(rows, 1, device=self.device).uniform_(-1.0, 0.2)
        louder = torch.where(torch.rand_like(louder) < 0.3, louder, 0.0)
        samples = (samples * louder.exp()).clamp(-0.98, 0.98)
        return samples, (mel + louder[..., None]).clamp(min=math.log(1e-5)).transpose(1, 2), f0


def middle(samples: Tensor) -> Tensor:
    """Without the edges, where features see the cut."""
    return samples[:, MARGIN_FRAMES * 480 : -MARGIN_FRAMES * 480]


def joined_snake(device: torch.device) -> None:
    """Let Snake be one compiled operation where the device's compiler works; else it stays as it is."""
    try:
        compiled = torch.compile(vocoder_network._snake, dynamic=True)
        for width, length in ((24, 480), (48, 160), (96, 32)):
            x = torch.randn(4, width, length, device=device, requires_grad=True)
            alpha = torch.ones(width, device=device, requires_grad=True)
            made = compiled(x, alpha)
            made.sum().backward()
            assert torch.allclose(made, vocoder_network._snake(x, alpha), atol=1e-5)
    except Exception as error:
        print(f"Snake is not compiled: {type(error).__name__}: {str(error)[:300]}", flush=True)
        return
    Snake.together = staticmethod(compiled)


class Training:
    """One run: vocoder and critics, their steps, and what is written to a folder."""

    def __init__(self, network: VocoderNetwork, pool: Pool, out: Path, options: argparse.Namespace) -> None:
        self.network, self.pool, self.out, self.options = network, pool, out, options
        self.device = pool.device
        self.averaged = copy.deepcopy(network).eval()
        self.critics = Critics().to(self.device)
        self.plan = Plan(options.steps, options.minutes, options.peak)
        self.optimisers = [
            torch.optim.AdamW(one.parameters(), lr=options.peak, betas=(0.8, 0.99), weight_decay=0.01, fused=True)
            for one in (network, self.critics)
        ]
        self.log = Log(out / "vocoder.jsonl")
        self.number = 0
        self.good = self._state()

    def _state(self) -> list[dict]:
        parts = (self.network, self.averaged, self.critics, *self.optimisers)
        return [copy.deepcopy(part.state_dict()) for part in parts]

    def _go_back(self) -> None:
        for part, state in zip(
            (self.network, self.averaged, self.critics, *self.optimisers), copy.deepcopy(self.good), strict=True
        ):
            part.load_state_dict(state)

    def step(self) -> dict[str, Tensor]:
        """One step of the vocoder and of the critics."""
        samples, mel, f0 = self.pool.batch(self.options.rows)
        rate = self.plan.learning_rate(self.number)
        for optimiser in self.optimisers:
            optimiser.param_groups[0]["lr"] = rate
        predicted = self.network.f0_predictor(mel)
        # As it is heard in the end, with the predictor's pitch; the rest learns from the recording's.
        known = torch.arange(len(f0), device=self.device)[:, None] < len(f0) * 0.6
        source = self.network.source(torch.where(known, predicted.detach(), f0), torch.randn_like(samples))
        made, recorded = middle(self.network.decode(mel, source)), middle(samples)
        figures = {
            "spectra": spectral_distance(made, recorded),
            "mel": mel_distance(made, recorded),
            "pitch_hz": pitch_distance(predicted, f0),
        }
        loss = figures["spectra"] + 8.0 * figures["mel"] + 0.02 * figures["pitch_hz"]
        chosen = torch.randperm(len(made), device=self.device)[: self.options.judged_rows]
        progress = self.plan.progress(self.number)
        if progress >= self.options.critics_from:
            with self._half_precision():
                seen, different = vocoder_loss(self.critics, recorded[chosen], made[chosen])
            figures |= {"seen": seen, "different": different}
            loss = loss + 0.5 * seen + 1.0 * different
        figures["norm"] = self._moved(self.network, self.optimisers[0], loss)
        if progress >= self.options.critics_from - CRITICS_ALONE:
            with self._half_precision():
                figures["critics"] = critics_loss(self.critics, recorded[chosen], made[chosen].detach())
            self._moved(self.critics, self.optimisers[1], figures["critics"])
        self.number += 1
        average(self.averaged.parameters(), self.network.parameters(), self.number, AVERAGED_OVER)
        return figures

    def _half_precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")

    @staticmethod
    def _moved(network: torch.nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0, foreach=True)
        optimiser.step()
        return norm

    def run(self) -> None:
        """Train until the plan's end, writing figures, weights and sounds."""
        logged = saved = refreshed = time.monotonic()
        before = 0
        while self.plan.progress(self.number) < 1:
            figures = self.step()
            now = time.monotonic()
            if now - logged > LOG_EVERY_S:
                self._write(figures, (self.number - before) / (now - logged))
                logged, before = now, self.number
            if now - refreshed > REFRESH_EVERY_S:
                self._safely(lambda: self.pool.refresh(at_most=600))
                refreshed = time.monotonic()
            if now - saved > self.options.save_every:
                self._safely(self.keep)
                saved = time.monotonic()
        self.keep()

    @staticmethod
    def _safely(work: Callable[[], None]) -> None:
        """What is no part of learning must not end it."""
        try:
            work()
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)

    def _write(self, figures: dict[str, Tensor], steps_per_s: float) -> None:
        values = {name: round(value.item(), 4) for name, value in figures.items()}
        if not all(math.isfinite(value) for value in values.values()):
            self._go_back()
        frames = {name: len(one.whole[1]) if one.whole else 0 for name, one in self._speech().items()}
        made = sum(frames for _, frames in self.pool.reply.made_places.values())
        self.log.write(step=self.number, steps_per_s=round(steps_per_s, 2), **values, **frames, made_frames=made)

    def _speech(self) -> dict[str, Speech]:
        return {"reply_frames": self.pool.reply, "other_frames": self.pool.others}

    def keep(self) -> None:
        """Write the averaged weights, and measure and speak with them. Nothing is written of weights gone wrong."""
        if not write_weights(self.averaged, self.out / "vocoder.safetensors"):
            self._go_back()
            return
        self.good = self._state()
        torch.backends.cudnn.benchmark = False  # every recording has a length of its own
        minutes = round(self.plan.progress(self.number) * self.plan.minutes, 2)
        self.log.write(step=self.number, minutes=minutes, **measured(self.averaged, self.pool.measuring, self.out))
        torch.backends.cudnn.benchmark = True


def write_weights(network: VocoderNetwork, path: Path) -> bool:
    """Write the weights, whole or not at all; returns whether they are finite, else nothing is written."""
    weights = weights_of(network)
    if not all(np.isfinite(array).all() for array in weights.values()):
        return False
    unfinished = path.with_name("unfinished-" + path.name)
    save_file({name: array.astype(np.float16) for name, array in weights.items()}, unfinished)
    unfinished.rename(path)
    return True


@torch.no_grad()
def measured(network: VocoderNetwork, recorded: list[Recording], out: Path) -> dict[str, float]:
    """Mel distance of recordings and what the vocoder makes of their mel and the flow's, with its own pitch.

    Writes the first few as sounds.
    """
    distances: dict[str, list[float]] = {"copied": [], "copied_finely": [], "spoken": []}
    for number, one in enumerate(recorded):
        chance = torch.Generator().manual_seed(number)
        for name, mel in (("copied", one.mel), ("spoken", one.made)):
            if mel is None:
                continue
            mel = mel[..., : one.samples.shape[1] // 480]
            noise = torch.randn(1, mel.shape[2] * 480, generator=chance).to(mel.device)
            sound = network(mel, noise)
            truth = one.samples[:, : sound.shape[1]]
            distances[name].append(one_mel_distance(sound, truth).item())
            if name == "copied":
                distances["copied_finely"].append(mel_distance(sound, truth).item())
            if number < SOUNDS_KEPT:
                write_wav(out / f"{name}-{number}.wav", sound[0].cpu().numpy(), 24_000)
    return {f"held_out_{name}": round(float(np.mean(found)), 4) for name, found in distances.items() if found}


def started(resume: Path | None, sizes: Sizes) -> VocoderNetwork:
    """The network to begin with. Harmonics that the weights to go on from lack, or all but silenced, sound a little."""
    network = VocoderNetwork(sizes)
    if resume:
        load_weights(network, load_file(resume))
        weight = network.m_source.l_linear.weight
        with torch.no_grad():
            weight.copy_(torch.where(weight.abs() < NEW_HARMONIC, -NEW_HARMONIC, weight))
        return network
    with torch.no_grad():
        for block in [*network.resblocks, *network.source_resblocks]:
            for conv in [*block.convs1, *block.convs2]:
                conv.weight.normal_(0, 0.01)
        network.f0_predictor.classifier.weight.mul_(30.0)
        network.f0_predictor.classifier.bias.fill_(100.0)
        network.conv_post.weight.mul_(0.1)
    return network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a run can be told."""
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--peak", type=float, default=5e-4)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--judged-rows", type=int, default=32, help="pieces of a batch that the critics judge")
    parser.add_argument("--critics-from", type=float, default=0.05, help="share of the run after which critics join")
    parser.add_argument("--save-every", type=float, default=60.0, help="seconds between measuring and writing weights")
    parser.add_argument("--resume", type=Path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    add_arguments(parser)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--wait-for", type=int, default=600)
    options = parser.parse_args()
    torch.manual_seed(4)
    torch.backends.cudnn.benchmark = True
    device = torch.device(best_device())
    options.out.mkdir(parents=True, exist_ok=True)
    joined_snake(device)
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    pool = Pool(shards, options.made, device, MOST)
    pool.refresh(options.wait_for)
    network = started(options.resume, Sizes()).to(device)
    Training(network, pool, options.out, options).run()


if __name__ == "__main__":
    main()
