"""Train the audio encoder, the adaptor and the language model on the spoken corpus, while it is still being spoken.

    python packaging/starter/train_language.py CORPUS OUT --tokenizer FOLDER --speech-tokenizer tokenizer.safetensors

First the ear alone learns to spell (CTC), since a language model learns to listen slowly; then everything is trained
together, spelling beside. Sounds are disturbed little at first. Averaged weights are written to OUT every minute in
shards of less than 16 MB, and word errors on held-out sentences and voices are measured then. Several processes, one a
GPU, average what they have learned every few seconds (`--rank`, `--ranks`).
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import mlx.nn as nn
import numpy as np
from averaging import Companions
from ctc import LETTERS, ctc_loss, kernel_works
from held_out_check import HeldOutCheck
from mlx.utils import tree_flatten, tree_unflatten
from network_sizes import AUDIO, HIDDEN, TEXT
from prompt_layout import Layout
from rows import Batch, Source, Work
from sounds_on_gpu import SoundStore, heard
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from spoken_corpus import BLOCK, RATE_HZ
from training import Log, load

from engine.hearing import Adaptor, Encoder
from engine.language import LanguageModel, LlmConfig, Vocabulary

_SHARD_BYTES = 14_900_000
_SPELLING_BESIDE = 0.3  # its share of the loss once the language model learns too
_CACHE_BYTES = 24_000_000_000  # many shapes of batches would otherwise fill the GPU


class Starter(nn.Module):
    """All that is trained here; attribute names are the checkpoint's."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.encoder = Encoder.from_config(AUDIO)
        self.adapter = Adaptor.from_config(AUDIO, HIDDEN)
        self.llm = LanguageModel(LlmConfig.from_dict(TEXT))
        self.letters = nn.Linear(AUDIO["n_audio_state"], len(LETTERS) + 1)


@dataclass(frozen=True)
class Part:
    """A batch on the GPU: what is to be written, the letters of sounds, sounds and their width in samples."""

    written: dict[str, mx.array]
    letters: tuple[mx.array, ...]
    sound: tuple[mx.array, ...]
    width: int


def part_of(store: SoundStore, batch: Batch, spells: bool) -> Part:
    """A batch on the GPU; `spells` says whether the letters of its sounds are learned."""
    names = ("ids", "places", "learned", "targets", "wanted")
    written = {name: mx.array(batch[name]) for name in names if name in batch}
    letters = tuple(mx.array(batch[name]) for name in ("letters", "letter_counts") if name in batch and spells)
    if "blocks" not in batch:
        return Part(written, (), (), 0)
    return Part(written, letters, store.arguments(batch), int(batch["blocks"]) * BLOCK)


def losses(net: Starter, part: Part, seed: mx.array, strength: float, dtype: mx.Dtype) -> dict[str, mx.array]:
    """The part's loss ("all"), and what it is made of: "text", "speech" and "spelling", each where it is learned."""
    figures: dict[str, mx.array] = {}
    features, lengths = None, None
    if part.sound:
        mel, frames = heard(*part.sound, part.width, seed, strength)
        features, lengths = net.encoder(mx.stop_gradient(mel).astype(dtype), frames - 2)
    if part.letters:
        figures["spelling"] = spelling_loss(net.letters(features), lengths, *part.letters)
    if not part.written:
        return {"all": figures["spelling"]} | figures
    figures |= language_losses(net, part.written, features, dtype)
    figures["all"] = figures.pop("mean") + _SPELLING_BESIDE * figures.get("spelling", 0.0)
    return figures


def language_losses(
    net: Starter, written: dict[str, mx.array], features: mx.array | None, dtype: mx.Dtype
) -> dict[str, mx.array]:
    """Weighted mean cross entropy of what is to be written, and that of text and of speech alone."""
    ids, places = written["ids"], written["places"]
    x = net.llm.embed(ids)
    if features is not None:
        embeddings = net.adapter(features)
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        elsewhere = mx.arange(places.size).reshape(places.shape) % flat.shape[0]  # spread, as the filling of rows is
        x = mx.where((places >= 0)[..., None], flat[mx.where(places >= 0, places, elsewhere)], x)
    hidden = net.llm.hidden_states(x.astype(dtype))[:, :-1]
    hidden = hidden.reshape(-1, hidden.shape[-1])[written["learned"]]
    targets, wanted = written["targets"], written["wanted"]
    scores = net.llm.head(hidden).astype(mx.float32)
    each = mx.logsumexp(scores, axis=-1) - mx.take_along_axis(scores, targets[:, None], axis=-1)[:, 0]
    text, speech = wanted > 1.5, wanted == 1.0
    return {
        "mean": (each * wanted).sum() / mx.maximum(wanted.sum(), 1.0),
        "text": mx.stop_gradient((each * text).sum() / mx.maximum(text.sum(), 1)),
        "speech": mx.stop_gradient((each * speech).sum() / mx.maximum(speech.sum(), 1)),
    }


def spelling_loss(logits: mx.array, lengths: mx.array, letters: mx.array, counts: mx.array) -> mx.array:
    """Mean CTC loss a letter; rows without letters do not count."""
    every = ctc_loss(logits.astype(mx.float32), lengths, letters, counts)
    return mx.where(counts > 0, every / mx.maximum(counts, 1), 0.0).sum() / mx.maximum((counts > 0).sum(), 1)


@dataclass
class Schedule:
    """What depends on the time passed: the phase, learning rates (warm-up, then half a cosine), disturbance of sounds.

    For the first `ear` of `minutes` the ear learns alone. A run that goes on from weights starts at `head_start`.
    """

    minutes: float
    peak: float
    started: float
    ear: float
    head_start: float = 0.0
    warm_up: int = 200

    @property
    def progress(self) -> float:
        """0 to 1."""
        passed = (time.monotonic() - self.started) / (60 * self.minutes)
        return min(1.0, self.head_start + (1 - self.head_start) * passed)

    def rate(self, steps_of_phase: int, progress: float) -> float:
        """The learning rate of a step."""
        warm = min(1.0, (steps_of_phase + 1) / self.warm_up)
        return self.peak * warm * (0.505 + 0.495 * math.cos(math.pi * progress))

    def strength(self, progress: float) -> float:
        """How much sounds are disturbed: more and more while the ear learns, less at the very end."""
        if progress < self.ear:
            return 0.15 + 0.6 * progress / self.ear
        return 0.75 - 0.25 * max(0.0, progress - 0.8) / 0.2


class Trainer:
    """Weights, AdamW (arXiv 1711.05101) and averages, each as one long vector.

    On a GPU the count of operations is what costs, and so everything that is done to all weights is one operation.
    """

    def __init__(self, dtype: mx.Dtype, betas: tuple[float, float] = (0.9, 0.97), decay: float = 0.02) -> None:
        self.net = Starter()
        self.dtype, self.betas, self.decay = dtype, betas, decay
        self.steps = 0
        self.take(self.net.trainable_parameters())

    def take(self, weights: dict) -> None:
        """Start from these weights."""
        named = tree_flatten(weights)
        self._names = [name for name, _ in named]
        self._shapes = [array.shape for _, array in named]
        self._ends = np.cumsum([array.size for _, array in named]).tolist()
        self._weights = mx.concatenate([array.astype(mx.float32).reshape(-1) for _, array in named])
        self._average = self._weights
        self._first, self._second = mx.zeros_like(self._weights), mx.zeros_like(self._weights)
        mx.eval(self._weights, self._first, self._second)

    def _tree(self, vector: mx.array) -> list[tuple[str, mx.array]]:
        starts = [0, *self._ends[:-1]]
        places = zip(self._names, self._shapes, starts, self._ends, strict=True)
        return [(name, vector[start:end].reshape(shape)) for name, shape, start, end in places]

    def step(self, part: Part, seed: int, rate: float, strength: float) -> dict[str, mx.array]:
        """One update; returns what the losses are made of, not evaluated."""
        weights = tree_unflatten(self._tree(self._weights.astype(self.dtype)))

        def loss(weights: dict) -> tuple[mx.array, dict[str, mx.array]]:
            self.net.update(weights)
            figures = losses(self.net, part, mx.random.key(seed), strength, self.dtype)
            return figures.pop("all"), figures

        (_, figures), gradients = mx.value_and_grad(loss)(weights)
        gradient = mx.concatenate([g.astype(mx.float32).reshape(-1) for _, g in tree_flatten(gradients)])
        self._adam(gradient, rate)
        mx.async_eval(figures, self._weights, self._first, self._second, self._average)
        return figures

    def _adam(self, gradient: mx.array, rate: float) -> None:
        norm = mx.sqrt(mx.sum(gradient * gradient))
        scale = mx.where(mx.isfinite(norm), mx.minimum(1.0, 1.0 / (norm + 1e-6)), 0.0)
        gradient = mx.where(mx.isfinite(norm), gradient, 0.0) * scale
        one, two = self.betas
        self.steps += 1
        self._first = self._first * one + gradient * (1 - one)
        self._second = self._second * two + gradient * gradient * (1 - two)
        root = mx.sqrt(self._second / (1 - two**self.steps)) + 1e-8
        moved = self._first * (rate / (1 - one**self.steps)) / root
        decay = mx.where(self._second > 0, rate * self.decay, 0.0)  # what does not learn yet keeps its weights
        self._weights = self._weights * (1 - decay) - moved
        keep = min(0.999, (self.steps + 1) / (self.steps + 11))
        self._average = self._average * keep + self._weights * (1 - keep)

    def meet(self, companions: Companions) -> None:
        """Take the means of weights and moments of all processes."""
        moments = [self._first.astype(mx.bfloat16), self._second.astype(mx.bfloat16)]
        self._weights, first, second = companions.average([self._weights, *moments])
        self._first, self._second = first.astype(mx.float32), second.astype(mx.float32)

    def averaged(self) -> Starter:
        """The network with its averaged weights, until the next step."""
        self.net.update(tree_unflatten(self._tree(self._average.astype(self.dtype))))
        return self.net

    def save(self, out: Path) -> None:
        """Write the averaged weights as float16 shards `weights-N.safetensors`."""
        shards: list[dict[str, mx.array]] = [{}]
        size = 0
        for name, array in self._tree(self._average.astype(mx.float16)):
            if size + array.nbytes > _SHARD_BYTES and shards[-1]:
                shards.append({})
                size = 0
            shards[-1][name] = mx.contiguous(array)
            size += array.nbytes
        for number, shard in enumerate(shards):
            unfinished = out / "unfinished.safetensors"
            mx.save_safetensors(str(unfinished), shard)
            unfinished.rename(out / f"weights-{number}.safetensors")

    def load(self, folder: Path) -> None:
        """Go on from weights written by `save`; blocks of the encoder that are not among them start without effect."""
        found: set[str] = set()
        for path in sorted(folder.glob("weights-*.safetensors")):
            weights = mx.load(str(path))
            self.net.load_weights(list(weights.items()), strict=False)
            found |= set(weights)
        for number, block in enumerate(self.net.encoder.blocks):
            if f"encoder.blocks.{number}.attn.out.weight" not in found:
                for layer in (block.attn.out, block.mlp[2]):
                    layer.weight, layer.bias = mx.zeros_like(layer.weight), mx.zeros_like(layer.bias)
        self.take(self.net.trainable_parameters())


@dataclass
class Recent:
    """Figures of the steps since the last line of the log; losses are read late, so that no step is waited for."""

    losses: dict[str, list[float]] = field(default_factory=dict)
    pending: list[dict[str, mx.array]] = field(default_factory=list)
    steps: int = 0
    sound_s: float = 0.0
    waited_s: float = 0.0

    def add(self, figures: dict[str, mx.array], batch: Batch, waited_s: float) -> None:
        """Count a step."""
        self.steps += 1
        self.waited_s += waited_s
        self.sound_s += float(batch["length"].sum()) / RATE_HZ if "length" in batch else 0.0
        self.pending.append(figures)
        while len(self.pending) > 3:
            for name, value in self.pending.pop(0).items():
                self.losses.setdefault(name, []).append(value.item())

    def line(self, seconds: float) -> dict[str, float]:
        """The means, and speeds over so many seconds; counting starts anew."""
        # A batch without speech has a loss of exactly nothing for it.
        means = {name: round(float(np.mean([v for v in all if v] or [0])), 4) for name, all in self.losses.items()}
        speeds = {"steps_per_s": self.steps / seconds, "sound_per_s": self.sound_s / seconds, "waited_s": self.waited_s}
        self.losses, self.steps, self.sound_s, self.waited_s = {}, 0, 0.0, 0.0
        return means | {name: round(value, 2) for name, value in speeds.items()}


def train(options: argparse.Namespace) -> None:
    """The whole run."""
    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out / ("language.jsonl" if options.rank == 0 else f"language-{options.rank}.jsonl"))
    speech_tokenizer = SpeechTokenizer(TokenizerConfig())
    load(speech_tokenizer, options.speech_tokenizer)
    trainer = Trainer(getattr(mx, options.dtype))
    if options.resume:
        trainer.load(options.resume)
    vocabulary = Vocabulary.load(options.tokenizer)
    assert vocabulary.size == TEXT["vocab_size"]
    check = HeldOutCheck(Layout(vocabulary), options.checked) if options.rank == 0 and options.checked else None
    store = SoundStore(options.corpus, speech_tokenizer, options.rank, options.ranks)
    while store.hours < options.first_hours and not store.finished:
        store.refresh()
        time.sleep(0.5)

    def source(kind: str, size: float, workers: int) -> Source:
        return Source(Work(options.corpus, options.tokenizer, kind, size, options.pool, options.rank, workers))

    spelling = source("spelling", options.seconds, options.workers)
    language = source("language", options.tokens, options.workers)
    companions = Companions(options.meeting or options.out, options.rank, options.ranks, options.meet_every)
    try:
        Run(options, trainer, store, companions, check, log).loop(spelling, language)
    finally:
        companions.leave()
        language.close()
        spelling.close()
    if options.rank == 0:
        trainer.save(options.out)
        (options.out / "done").write_text("done")


class Run:
    """The steps of a run, and what happens between them."""

    def __init__(
        self,
        options: argparse.Namespace,
        trainer: Trainer,
        store: SoundStore,
        companions: Companions,
        check: HeldOutCheck | None,
        log: Log,
    ) -> None:
        self.options, self.trainer, self.store, self.companions = options, trainer, store, companions
        self.check, self.log = check, log
        ear = 0.0 if options.no_ear else options.ear
        self.schedule = Schedule(options.minutes, options.peak, companions.started, ear, options.head_start)
        self.saved = self.shown = self.refreshed = time.monotonic()
        self.saves = 0
        self.recent = Recent()

    def loop(self, spelling: Source, language: Source) -> None:
        """Until the time is over: first steps of the ear, then of everything."""
        step, phase_began, ear_before = 0, 0, True
        while (progress := self.schedule.progress) < 1 and step < self.options.steps:
            ear = progress < self.schedule.ear
            if ear_before and not ear:
                phase_began = step
                spelling.close()
            ear_before = ear
            began = time.monotonic()
            batch = (spelling if ear else language).next()
            waited = time.monotonic() - began
            part = part_of(self.store, batch, spells=ear or kernel_works() or step % 4 == 0)
            rate = self.schedule.rate(step - phase_began, progress)
            seed = step + 1_000_000 * self.options.rank
            figures = self.trainer.step(part, seed, rate, self.schedule.strength(progress))
            self.recent.add(figures, batch, waited)
            step += 1
            self._between(step, progress, ear)

    def _between(self, step: int, progress: float, ear: bool) -> None:
        if self.companions.due:
            self.trainer.meet(self.companions)
        now = time.monotonic()
        if not self.store.finished and now - self.refreshed > self.options.refresh_every:
            self.store.refresh()
            self.refreshed = time.monotonic()
        if now - self.shown > 10 or step < 4:
            state = {"hours": round(self.store.hours, 1), "memory_gb": round(mx.get_peak_memory() / 1e9, 1)}
            state |= {"met_s": round(self.companions.waited_s, 1)}
            self.log.write(
                step=step, progress=round(progress, 4), ear=int(ear), **self.recent.line(now - self.shown), **state
            )
            self.shown = now
        if now - self.saved > self.options.save_every and self.options.rank == 0:
            self._save(step, writes=not ear)
            self.saved = now

    def _save(self, step: int, writes: bool) -> None:
        self.trainer.save(self.options.out)
        self.saves += 1
        if self.check:
            net = self.trainer.averaged()
            try:
                figures = self.check(net, self.trainer.dtype, writes=writes, answers=writes and self.saves % 2 == 0)
            except (RuntimeError, ValueError) as error:  # a measurement must not end a training
                print(f"the check failed: {error}", flush=True)
                return
            self.log.write(step=step, **figures)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--speech-tokenizer", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--peak", type=float, default=1.4e-3)
    parser.add_argument("--ear", type=float, default=0.38, help="share of the time in which the ear learns alone")
    parser.add_argument("--no-ear", action="store_true", help="everything together from the start")
    parser.add_argument("--tokens", type=int, default=49_152, help="ids in a batch")
    parser.add_argument("--seconds", type=float, default=2400.0, help="sound in a spelling batch")
    parser.add_argument("--first-hours", type=float, default=3.0, help="speech to wait for")
    parser.add_argument("--pool", type=int, default=44_000, help="conversations")
    parser.add_argument("--workers", type=int, default=4, help="processes that make batches, of each kind")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--resume", type=Path, help="folder of weights to go on from")
    parser.add_argument("--head-start", type=float, default=0.0, help="share of the schedule that lies behind them")
    parser.add_argument("--rank", type=int, default=0, help="number of this process")
    parser.add_argument("--ranks", type=int, default=1, help="processes that train together")
    parser.add_argument("--meeting", type=Path, help="folder in which they average, best in memory")
    parser.add_argument("--meet-every", type=float, default=4.0, help="seconds between averages")
    parser.add_argument("--refresh-every", type=float, default=20.0, help="seconds between looks for new speech")
    parser.add_argument("--save-every", type=float, default=60.0, help="seconds between weights written")
    parser.add_argument("--checked", type=int, default=100, help="held-out sentences measured at each save, or 0")
    options = parser.parse_args()
    mx.random.seed(1 + options.rank)
    mx.set_cache_limit(_CACHE_BYTES)
    np.random.seed(1)
    train(options)


if __name__ == "__main__":
    main()
