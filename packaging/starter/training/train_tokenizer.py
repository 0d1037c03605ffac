"""Train the speech tokenizer on sentences that several voices say at once: to rebuild every voice's mel, and to spell.

    python -m starter.training.train_tokenizer SHARDS OUT --minutes 4

SHARDS is what `natural_lines.py` writes, or is still writing. From the codes of one voice's sound the mel of another
has to be made, frame by frame: so codes hold what is said and how, and not who says it.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass, field
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import numpy as np  # isort: skip
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from engine.word_errors import edits
from starter.networks.network_sizes import TOKENIZER
from starter.networks.torch_teacher import Pair, rounded
from starter.networks.torch_tokenizer import SAMPLES_PER_TOKEN, Block, TokenizerNetwork, codes_of, log_mel
from starter.networks.vocoder_losses import speech_mel
from starter.speech.natural_lines import VOICES
from starter.speech.natural_voices import BUILT_IN
from starter.speech.shards import Shards, Utterance
from starter.speech.torch_device import best_device
from starter.training.ctc import LETTERS, fits, spelled
from starter.training.plan import Log, Plan
from starter.training.torch_steps import average, clipped_step

LOG_EVERY_S, SAVE_EVERY_S, REFRESH_EVERY_S = 10.0, 60.0, 10.0
AVERAGED_OVER = 0.999
SAME_LENGTH = 5  # tokens: sentences of a batch differ in length by less
MEASURED = 60  # sentences
_WEIGHTS = {"mel": 1.0, "spelling": 0.4, "apart": 0.5}
_OTHER_TARGETS = 0.7  # share of the batches in which a sound's tokens have to give another voice's mel
_OWN = len(BUILT_IN)


@dataclass
class Sentences:
    """Sentences on the device, all voices of one end to end: samples at 16 kHz and mel, and where each begins."""

    device: torch.device
    samples: Tensor
    mel: Tensor
    used: int = 0  # tokens
    starts: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    labels: list[list[int]] = field(default_factory=list)

    @classmethod
    def room_for(cls, hours: float, device: torch.device) -> Sentences:
        """None yet; room for so many hours of all voices together."""
        tokens = int(hours * 3600 * 25)
        samples = torch.zeros((tokens, SAMPLES_PER_TOKEN), dtype=torch.int16, device=device)
        return cls(device, samples, torch.zeros((tokens, 160), dtype=torch.float16, device=device))

    def add(self, own: list[Utterance]) -> None:
        """Take in one sentence, unless it cannot be spelled or there is no room."""
        length, label = own[0].tokens, spelled(own[0].text)
        if not label or not fits(length, label) or self.used + VOICES * length > len(self.samples):
            return
        low, high = (np.stack([getattr(u, name) for u in own]) for name in ("samples_16k", "samples_24k"))
        stop = self.used + VOICES * length
        self.samples[self.used : stop] = torch.from_numpy(low).to(self.device).view(-1, SAMPLES_PER_TOKEN)
        mel = speech_mel(torch.from_numpy(high).to(self.device).float() / 32768.0)
        self.mel[self.used : stop] = mel[:, : 2 * length].reshape(-1, 160).half()
        self.starts.append(self.used)
        self.lengths.append(length)
        self.labels.append(label)
        self.used = stop

    def take(self, utterances: list[Utterance]) -> None:
        """Take in what several voices said, one sentence after the other."""
        for first in range(0, len(utterances), VOICES):
            self.add(utterances[first : first + VOICES])

    def batches(self, tokens: int, chance: np.random.Generator) -> list[NDArray[np.int64]]:
        """All sentences once, as batches of like length with about so many tokens of each voice."""
        size = np.array(self.lengths) // SAME_LENGTH
        order = np.lexsort((chance.random(len(size)), size))
        found, place = [], 0
        while place < len(order):
            length = (size[order[place]] + 1) * SAME_LENGTH
            group = order[place : place + max(1, tokens // int(length))]
            group = group[size[group] <= size[group[0]] + 1]
            found.append(group)
            place += len(group)
        return [found[i] for i in chance.permutation(len(found))]

    def batch(self, group: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Samples (B, V, N), mel (B, V, 2 T, 80), counts (B,), labels (B, L) and their lengths (B,)."""
        lengths = np.array([self.lengths[i] for i in group])
        longest = -(-int(lengths.max()) // SAME_LENGTH) * SAME_LENGTH
        inside = np.minimum(np.arange(longest), lengths[:, None] - 1)
        places = np.array([self.starts[i] for i in group])[:, None, None] + inside[:, None]
        places = places + np.arange(VOICES)[:, None] * lengths[:, None, None]
        at = torch.from_numpy(places).to(self.device)
        counts = torch.from_numpy(lengths).to(self.device)
        silent = torch.arange(longest, device=self.device) >= counts[:, None, None]
        samples = self.samples[at].masked_fill(silent[..., None], 0).flatten(2).float() / 32768.0
        mel = self.mel[at].view(len(group), VOICES, 2 * longest, 80).float()
        own = [self.labels[i] for i in group]
        table = np.zeros((len(group), max(map(len, own))), np.int64)
        for row, label in enumerate(own):
            table[row, : len(label)] = label
        sizes = torch.tensor([len(label) for label in own], device=self.device)
        return samples, mel, counts, torch.from_numpy(table).to(self.device), sizes


def disturbed(samples: Tensor) -> Tensor:
    """The samples (B, N) with another loudness each and, for one in two, white noise at 10 to 45 dB."""
    device, rows = samples.device, len(samples)
    gain = 10 ** torch.empty(rows, 1, device=device).uniform_(-1.0, 0.15)
    power = samples.square().mean(1, keepdim=True).sqrt()
    below = 10 ** (-torch.empty(rows, 1, device=device).uniform_(10, 45) / 20)
    noisy = torch.rand(rows, 1, device=device) < 0.5
    return (samples + torch.where(noisy, torch.randn_like(samples) * power * below, 0.0)) * gain


class Training:
    """One run: the networks, AdamW (arXiv 1711.05101) and averaged weights."""

    def __init__(self, plan: Plan, device: torch.device) -> None:
        self.plan, self.device = plan, device
        self.pair = Pair(TokenizerNetwork(**TOKENIZER), _OWN, len(LETTERS) + 1).to(device)
        self.averaged = copy.deepcopy(self.pair).eval()
        self._adam = torch.optim.AdamW(self.pair.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        self._chance = np.random.default_rng(4)
        self.steps = 0

    def step(self, samples: Tensor, mel: Tensor, counts: Tensor, labels: Tensor, sizes: Tensor) -> dict[str, Tensor]:
        """One step; returns figures that are not waited for."""
        B, V = samples.shape[:2]
        heard = log_mel(disturbed(samples.flatten(0, 1))).view(B, V, -1, 128)
        shift = int(self._chance.integers(1, V)) if self._chance.random() < _OTHER_TARGETS else 0
        voice = torch.arange(V, device=self.device).roll(shift)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            figures = self.pair(heard, counts, voice.expand(B, V), mel.roll(shift, 1), labels, sizes)
        loss = sum(weight * figures[name] for name, weight in _WEIGHTS.items())
        loss.backward()
        figures["norm"] = clipped_step(self._adam, self.plan.learning_rate(self.steps))
        self.steps += 1
        average(self.averaged.parameters(), self.pair.parameters(), self.steps, AVERAGED_OVER)
        return figures

    def write(self, path: Path) -> None:
        """Write the averaged tokenizer, whole or not at all."""
        unfinished = path.with_name("unfinished-" + path.name)
        weights = self.averaged.tokenizer.weights()
        save_file({name: value.cpu() for name, value in weights.items()}, unfinished)
        unfinished.rename(path)


@torch.inference_mode()
def measured(pair: Pair, sentences: Sentences) -> dict[str, float]:
    """Of clean held-out sentences: letters that the speller gets wrong, mel errors of the built-in voices by whose
    tokens they are made of, how many of a voice's codes are another's too, and how many codes occur.
    """
    wrong = letters = 0
    mel: dict[str, list[float]] = {}
    same, used = [], set()
    for number in range(min(MEASURED, len(sentences.starts))):
        samples, target, counts, label, _ = sentences.batch(np.array([number]))
        T = target.shape[2] // 2
        mask = (torch.arange(T, device=counts.device) < counts[:, None]).float()[..., None].expand(VOICES, -1, -1)
        digits = rounded(pair.tokenizer(log_mel(samples[0]), mask))
        codes = codes_of(digits)[:, : int(counts[0])]
        used.update(codes[0].tolist())
        same.append((codes[0] == codes[1]).float().mean().item())
        for source in range(_OWN):
            for voice in range(_OWN):
                rows = digits[source : source + 1], torch.tensor([voice], device=digits.device), target[:, voice]
                made = pair.teacher.mel(*rows, mask[:1])[:, : 2 * int(counts[0])]
                error = (made - target[:, voice, : made.shape[1]]).abs().mean().item()
                mel.setdefault(f"mel_{source}_to_{voice}", []).append(error)
        best = pair.teacher.letters(digits[:1], mask[:1])[0, : int(counts[0])].argmax(-1)
        wrong += edits(_collapsed(best), _text(label[0].tolist()))
        letters += label.shape[1]
    figures = {"letter_error": wrong / max(1, letters), "codes_used": len(used), "same_codes": float(np.mean(same))}
    return {name: round(value, 4) for name, value in figures.items()} | {
        name: round(float(np.mean(values)), 4) for name, values in mel.items()
    }


def _collapsed(best: Tensor) -> str:
    return _text(torch.unique_consecutive(best).tolist())


def _text(ids: list[int]) -> str:
    return "".join(LETTERS[i - 1] for i in ids if i)


def train(shards: Shards, out: Path, options: argparse.Namespace) -> None:
    """Train; figures and weights are written to `out` as it goes."""
    device = torch.device(options.device)
    held_out, known = Sentences.room_for(0.2, device), Sentences.room_for(options.most_hours, device)
    held_out.take(shards.measuring[: VOICES * MEASURED])
    taken = 0
    training = Training(Plan(options.steps, options.minutes, options.peak), device)
    log, path = Log(out / "tokenizer.jsonl"), out / "tokenizer.safetensors"
    chance = np.random.default_rng(3)
    waiting: list[NDArray[np.int64]] = []
    logged = saved = time.monotonic()
    refreshed = 0.0
    while training.plan.progress(training.steps) < 1:
        now = time.monotonic()
        if not waiting and now - refreshed > REFRESH_EVERY_S:
            shards.refresh()
            known.take(shards.training[taken:])
            taken, refreshed = len(shards.training), time.monotonic()
        waiting = waiting or known.batches(options.tokens_per_batch, chance)
        figures = training.step(*known.batch(waiting.pop()))
        if now - logged > LOG_EVERY_S:
            values = {name: round(value.item(), 4) for name, value in figures.items()}
            log.write(step=training.steps, sentences=len(known.starts), **values)
            logged = now
        if now - saved > SAVE_EVERY_S:
            training.write(path)
            saved = now
    training.write(path)
    log.write(step=training.steps, **measured(training.averaged, held_out))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--peak", type=float, default=1.5e-3)
    parser.add_argument("--tokens-per-batch", type=int, default=4096, help="of each voice")
    parser.add_argument("--most-hours", type=float, default=40.0, help="of all voices together, on the device")
    parser.add_argument("--wait-for", type=int, default=900, help="utterances to begin with")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default=best_device())
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    if options.compile:
        Block.forward = torch.compile(Block.forward, dynamic=True)  # type: ignore[method-assign]
    shards = Shards(options.shards)
    shards.wait(options.wait_for)
    train(shards, options.out, options)


if __name__ == "__main__":
    main()
