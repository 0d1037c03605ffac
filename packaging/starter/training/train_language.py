"""Train the audio encoder, the adaptor and the language model on the spoken corpus, while it is still being spoken.

    python -m starter.training.train_language CORPUS OUT --tokenizer FOLDER

Needs PyTorch (the `training` extra). `label_speech.py` has to run beside. First the ear alone learns to spell (CTC),
since a language model learns to listen slowly; then everything is trained together, spelling beside. Sounds are
disturbed little at first. Averaged weights are written to OUT every minute or so in shards of less than 16 MB; with
`--checked`, `held_out_check.py` measures them in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.language import Vocabulary
from starter.networks.network_sizes import AUDIO, HIDDEN, TEXT
from starter.networks.torch_networks import Starter, compiled, cross_entropy
from starter.speech.spoken_corpus import CONVERSATIONS, RATE_HZ
from starter.speech.torch_device import best_device
from starter.speech.torch_sounds import SoundStore
from starter.speech.torch_surroundings import Surroundings
from starter.training.averaged_weights import read, write
from starter.training.ctc import BLANK, LETTERS
from starter.training.mlx_steps import Log
from starter.training.rows import MIX, Batch, Source, Work
from starter.training.torch_batches import Part, Prepared
from starter.training.torch_steps import average, clipped_step

_REFRESH_EVERY_S = 10.0  # looks for new speech
_SPELLING_BESIDE = 0.3  # its share of the loss once the language model learns too
Entropy = Callable[[Tensor, Tensor, Tensor], Tensor]


def starter() -> Starter:
    """The networks with random weights."""
    return Starter(AUDIO, HIDDEN, TEXT, len(LETTERS) + 1)


def losses(net: Starter, part: Part, entropy: Entropy = cross_entropy) -> dict[str, Tensor]:
    """The part's loss ("all"), and what it is made of: "text", "speech" and "spelling", each where it is learned."""
    figures: dict[str, Tensor] = {}
    features = None
    if part.log_mels is not None and part.frames is not None:
        features, _ = net.encoder(part.log_mels, part.frames - 2)
        if part.letters:
            figures["spelling"] = spelling_loss(net.letters(features), part.counts, *part.letters)
    if not part.written:
        return {"all": figures["spelling"]} | figures
    figures |= language_losses(net, part.written, features, entropy)
    figures["all"] = figures.pop("mean") + _SPELLING_BESIDE * figures.get("spelling", 0.0)
    return figures


def language_losses(
    net: Starter, written: dict[str, Tensor], features: Tensor | None, entropy: Entropy = cross_entropy
) -> dict[str, Tensor]:
    """Weighted mean cross entropy of what is to be written, and that of text and of speech alone."""
    ids, places = written["ids"].long(), written["places"].long()
    x = net.llm.model.embed_tokens(ids)
    if features is not None:
        embeddings = net.adapter(features)
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        # What is not heard reads any embedding, each place another: one that thousands read gets its gradient slowly.
        elsewhere = torch.arange(places.numel(), device=places.device).view(places.shape) % len(flat)
        read = torch.where(places >= 0, places, elsewhere).view(-1)
        x = torch.where((places >= 0)[..., None], flat.index_select(0, read).view(x.shape).to(x.dtype), x)
    hidden = net.llm.hidden_states(x)[:, :-1]
    hidden = hidden.reshape(-1, hidden.shape[-1]).index_select(0, written["learned"].long())
    targets, wanted = written["targets"].long(), written["wanted"]
    each = entropy(hidden, net.llm.model.embed_tokens.weight, targets)
    text, speech = wanted > 1.5, wanted == 1.0
    known = each.detach()
    return {
        "mean": (each * wanted).sum() / wanted.sum().clamp(min=1.0),
        "text": (known * text).sum() / text.sum().clamp(min=1),
        "speech": (known * speech).sum() / speech.sum().clamp(min=1),
    }


def spelling_loss(logits: Tensor, lengths: Tensor, letters: Tensor, counts: Tensor) -> Tensor:
    """Mean CTC loss a letter of letters (B, L) under frames' logits (B, T, V); rows without letters do not count."""
    scores = logits.float().log_softmax(-1).transpose(0, 1)
    every = F.ctc_loss(scores, letters, lengths, counts, BLANK, "none", zero_infinity=True)
    shares = (counts > 0) / counts.clamp(min=1) / (counts > 0).sum().clamp(min=1)
    return (every * shares.to(every.device, non_blocking=True)).sum()


@dataclass
class Schedule:
    """What depends on the time passed: the phase, learning rates (warm-up, then half a cosine), disturbance of sounds.

    For the first `ear` of `minutes` the ear learns alone. A run that goes on from weights starts at `head_start`; one
    that is gone on from later ends at `until`.
    """

    minutes: float
    peak: float
    started: float
    ear: float
    head_start: float = 0.0
    warm_up: int = 300
    until: float = 1.0

    @property
    def progress(self) -> float:
        """0 to 1."""
        passed = (time.monotonic() - self.started) / (60 * self.minutes)
        return min(self.until, self.head_start + (self.until - self.head_start) * passed)

    def rate(self, steps_of_phase: int, progress: float) -> float:
        """The learning rate of a step."""
        warm = min(1.0, (steps_of_phase + 1) / self.warm_up)
        return self.peak * warm * (0.505 + 0.495 * math.cos(math.pi * progress))

    def strength_now(self) -> float:
        """How much sounds are disturbed at this moment."""
        return self.strength(self.progress)

    def strength(self, progress: float) -> float:
        """How much sounds are disturbed: more and more while the ear learns, less at the very end."""
        if progress < self.ear:
            return 0.15 + 0.6 * progress / self.ear
        return 0.75 - 0.15 * max(0.0, progress - 0.8) / 0.2


class Trainer:
    """Weights, AdamW (arXiv 1711.05101) and averaged weights."""

    def __init__(
        self,
        device: torch.device,
        entropy: Entropy = cross_entropy,
        betas: tuple[float, float] = (0.9, 0.97),
        decay: float = 0.02,
    ) -> None:
        self.device = device
        self.net = starter().to(device)
        self.steps = 0
        matrices = [weight for weight in self.net.parameters() if weight.ndim > 1]
        others = [weight for weight in self.net.parameters() if weight.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        self._adam = torch.optim.AdamW(groups, lr=0.0, betas=betas, fused=True)
        self._entropy = entropy
        self._weights = list(self.net.parameters())
        self._average = [weight.detach().clone() for weight in self._weights]

    def load(self, folder: Path) -> None:
        """Go on from weights written by `save`."""
        missing = self.net.take(read(folder))
        print(f"not among the weights to go on from: {', '.join(missing) or 'nothing'}", flush=True)
        torch._foreach_copy_(self._average, [weight.detach() for weight in self._weights])

    def step(self, part: Part, rate: float) -> dict[str, Tensor]:
        """One update; returns what the losses are made of, without waiting for them.

        A step whose gradient is not finite changes nothing.
        """
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type != "cpu"):
            figures = losses(self.net, part, self._entropy)
        figures.pop("all").backward()
        clipped_step(self._adam, rate)
        self.steps += 1
        average(self._average, self._weights, self.steps, 0.999)
        return {name: value.detach() for name, value in figures.items()}

    def save(self, out: Path) -> None:
        """Write the averaged weights as float16 shards `weights-N.safetensors`."""
        names = [name for name, _ in self.net.named_parameters()]
        kept = {name: weight.detach().clone() for name, weight in self.net.named_parameters()}
        with torch.no_grad():
            self.net.load_state_dict(dict(zip(names, self._average, strict=True)))
            write(self.net.weights(), out)
            self.net.load_state_dict(kept)


@dataclass
class Recent:
    """Figures of the steps since the last line of the log; losses are read late, so that no step is waited for."""

    losses: dict[str, list[float]] = field(default_factory=dict)
    pending: list[dict[str, Tensor]] = field(default_factory=list)
    steps: int = 0
    sound_s: float = 0.0
    waited_s: float = 0.0

    def add(self, figures: dict[str, Tensor], batch: Batch, waited_s: float) -> None:
        """Count a step."""
        self.steps += 1
        self.waited_s += waited_s
        self.sound_s += float(batch["length"].sum()) / RATE_HZ if "length" in batch else 0.0
        self.pending.append(figures)
        while len(self.pending) > 8:
            for name, value in self.pending.pop(0).items():
                self.losses.setdefault(name, []).append(value.item())

    def line(self, seconds: float) -> dict[str, float]:
        """The means, and speeds over so many seconds; counting starts anew."""
        # A batch without speech has a loss of exactly nothing for it.
        means = {name: round(float(np.mean([v for v in all if v] or [0])), 4) for name, all in self.losses.items()}
        speeds = {"steps_per_s": self.steps / seconds, "sound_per_s": self.sound_s / seconds, "waited_s": self.waited_s}
        self.losses, self.steps, self.sound_s, self.waited_s = {}, 0, 0.0, 0.0
        return means | {name: round(value, 2) for name, value in speeds.items()}


class Check:
    """Measures written weights in a process of its own, one at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._command = [sys.executable, "-m", "starter.checks.held_out_check", str(options.out)]
        self._command += ["--tokenizer", str(options.tokenizer)]
        self._command += ["--sentences", str(options.checked)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, step: int, answers: bool) -> None:
        """Begin, unless the last one still runs."""
        if self._process is not None and self._process.poll() is None:
            return
        more = ["--answers"] if answers else []
        self._process = subprocess.Popen([*self._command, "--step", str(step), *more])

    def finish(self, step: int) -> None:
        """Measure what was written last, and wait for it. Raises CalledProcessError when that fails."""
        if self._process is not None:
            self._process.wait()
        subprocess.run([*self._command, "--step", str(step), "--answers"], check=True)


def train(options: argparse.Namespace) -> None:
    """The whole run; its minutes count from here, also while it waits for speech."""
    started = time.monotonic()
    device = torch.device(options.device)
    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out / "language.jsonl")
    trainer = Trainer(device, compiled() if options.compile else cross_entropy)
    if options.resume:
        trainer.load(options.resume)
    assert Vocabulary.load(options.tokenizer).size == TEXT["vocab_size"]
    store = SoundStore(options.corpus, device, options.most_hours)
    while store.hours < options.first_hours and not store.finished:
        store.refresh()
        time.sleep(0.5)
    ear = 0.0 if options.no_ear else options.ear
    schedule = Schedule(options.minutes, options.peak, started, ear, options.head_start, until=options.until)
    run = Run(options, trainer, store, schedule, log, Surroundings(device, options.rooms))
    run.loop()
    trainer.save(options.out)
    if run.check:
        run.check.finish(trainer.steps)


class Run:
    """The steps of a run, and what happens between them."""

    def __init__(
        self,
        options: argparse.Namespace,
        trainer: Trainer,
        store: SoundStore,
        schedule: Schedule,
        log: Log,
        around: Surroundings | None = None,
    ) -> None:
        self.around = around
        self.options, self.trainer, self.store, self.schedule, self.log = options, trainer, store, schedule, log
        self.check = Check(options) if options.checked else None
        self.saved = self.shown = self.refreshed = time.monotonic()
        self.saves = 0
        self.recent = Recent()

    @contextlib.contextmanager
    def _source(self, kind: str, size: float) -> Iterator[Prepared]:
        o = self.options
        spoken = round(CONVERSATIONS * o.utterances)
        made = Source(Work(o.corpus, o.tokenizer, kind, size, spoken, o.workers, tuple(o.mix)))
        source = Prepared(made, self.store, self.trainer.device, self.schedule.strength_now, self.around)
        try:
            yield source
        finally:
            source.close()

    def loop(self) -> None:
        """Until the time is over: first steps of the ear, then of everything, one of each at the least."""
        with self._source("language", self.options.tokens) as language:
            if self.schedule.ear > self.schedule.head_start:
                with self._source("spelling", self.options.seconds) as spelling:
                    self._phase(spelling, self.schedule.ear, writes=False)
            self._phase(language, self.schedule.until, writes=True)

    def _phase(self, source: Prepared, end: float, writes: bool) -> None:
        began = self.trainer.steps
        while (progress := self.schedule.progress) < end or self.trainer.steps == began:
            before = time.monotonic()
            batch, part = source.next()
            waited = time.monotonic() - before
            figures = self.trainer.step(part, self.schedule.rate(self.trainer.steps - began, progress))
            self.recent.add(figures, batch, waited)
            self._between(progress, writes)

    def _between(self, progress: float, writes: bool) -> None:
        now, step = time.monotonic(), self.trainer.steps
        if not self.store.full and now - self.refreshed > _REFRESH_EVERY_S:
            self.store.refresh(most=60)
            self.refreshed = time.monotonic()
        if now - self.shown > 10 or step < 4:
            state = {"hours": round(self.store.hours, 1)}
            if self.trainer.device.type == "cuda":
                state["memory_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 1)
            line = self.recent.line(now - self.shown)
            self.log.write(step=step, progress=round(progress, 4), ear=int(not writes), **line, **state)
            self.shown = now
        if now - self.saved > self.options.save_every:
            self.trainer.save(self.options.out)
            self.saves += 1
            if self.check:
                self.check.start(step, answers=writes)
            self.saved = now


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--peak", type=float, default=1.4e-3)
    parser.add_argument("--ear", type=float, default=0.2, help="share of the time in which the ear learns alone")
    parser.add_argument("--no-ear", action="store_true", help="everything together from the start")
    parser.add_argument("--tokens", type=int, default=49_152, help="ids in a batch")
    parser.add_argument("--seconds", type=float, default=2400.0, help="sound in a spelling batch")
    parser.add_argument("--first-hours", type=float, default=3.0, help="speech to wait for")
    parser.add_argument("--most-hours", type=float, default=300.0, help="speech there is room for, 115 MB an hour")
    parser.add_argument("--utterances", type=int, default=90_000, help="of the corpus, as spoken_corpus.py was told")
    mix = parser.add_argument("--mix", type=float, nargs=3, default=MIX, metavar=("TRANSCRIBED", "CONVERSED", "READ"))
    mix.help = "how often each kind of row is drawn"
    parser.add_argument("--workers", type=int, default=4, help="processes that make batches, of each kind")
    parser.add_argument("--rooms", type=int, default=4096, help="rooms to be heard in, made at the start")
    parser.add_argument("--device", default=best_device())
    parser.add_argument("--compile", action="store_true", help="compile blocks and layers; takes a minute, then faster")
    parser.add_argument("--resume", type=Path, help="folder of weights to go on from")
    parser.add_argument("--head-start", type=float, default=0.0, help="share of the schedule that lies behind them")
    parser.add_argument("--until", type=float, default=1.0, help="where in the schedule this run ends")
    parser.add_argument("--save-every", type=float, default=60.0, help="seconds between weights written")
    parser.add_argument("--checked", type=int, default=0, help="held-out sentences measured at each save, or 0")
    options = parser.parse_args()
    torch.manual_seed(1)
    np.random.seed(1)
    torch.set_float32_matmul_precision("high")
    train(options)


if __name__ == "__main__":
    main()
