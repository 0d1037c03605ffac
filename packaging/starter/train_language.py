"""Train the audio encoder, the adaptor and the language model on the spoken corpus, while it is still being spoken.

    python packaging/starter/train_language.py CORPUS OUT --tokenizer FOLDER --speech-tokenizer tokenizer.safetensors

The encoder is taught to spell (CTC) beside everything else, most at the beginning: a language model alone learns to
listen slowly. Averaged weights are written to OUT every minute in shards of less than 16 MB.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import mlx.nn as nn
import numpy as np
from ctc import LETTERS, ctc_loss
from mlx.utils import tree_flatten, tree_unflatten
from network_sizes import AUDIO, HIDDEN, TEXT
from rows import Batch, Source
from sounds_on_gpu import SoundStore, heard
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from spoken_corpus import BLOCK
from training import Log, load

from engine.hearing import Adaptor, Encoder
from engine.language import LanguageModel, LlmConfig, Vocabulary

_SHARD_BYTES = 14_000_000
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


def features(
    net: Starter, sound: tuple[mx.array, ...], width: int, seed: mx.array, dtype: mx.Dtype
) -> tuple[mx.array, mx.array]:
    """Encoder features (A, T, D) of disturbed sounds and their valid lengths."""
    mel, frames = heard(*sound, width, seed)
    return net.encoder(mx.stop_gradient(mel).astype(dtype), frames - 2)


def language_loss(
    net: Starter, batch: tuple[mx.array, ...], sound: tuple[mx.array, ...], width: int, seed: mx.array, dtype: mx.Dtype
) -> tuple[mx.array, mx.array, mx.array]:
    """Weighted mean cross entropy of what is to be written; and that of text and of speech alone."""
    ids, weights, places = batch
    x = net.llm.embed(ids)
    if sound:
        embeddings = net.adapter(features(net, sound, width, seed, dtype)[0])
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        x = mx.where((places >= 0)[..., None], flat[mx.maximum(places, 0)], x)
    hidden = net.llm.hidden_states(x.astype(dtype))
    scores = net.llm.head(hidden[:, :-1]).astype(mx.float32)
    targets, wanted = ids[:, 1:], weights[:, 1:]
    losses = mx.logsumexp(scores, axis=-1) - mx.take_along_axis(scores, targets[..., None], axis=-1)[..., 0]
    text, speech = wanted > 1.5, wanted == 1.0
    mean = (losses * wanted).sum() / mx.maximum(wanted.sum(), 1.0)
    return (
        mean,
        mx.stop_gradient((losses * text).sum() / mx.maximum(text.sum(), 1)),
        mx.stop_gradient((losses * speech).sum() / mx.maximum(speech.sum(), 1)),
    )


def spelling_loss(
    net: Starter,
    letters: tuple[mx.array, mx.array],
    sound: tuple[mx.array, ...],
    width: int,
    seed: mx.array,
    dtype: mx.Dtype,
) -> tuple[mx.array]:
    """Mean CTC loss a letter."""
    x, lengths = features(net, sound, width, seed, dtype)
    losses = ctc_loss(net.letters(x).astype(mx.float32), lengths, *letters)
    return ((losses / letters[1]).mean(),)


@dataclass
class Schedule:
    """Learning rates over `minutes`: linear warm-up, then half a cosine."""

    minutes: float
    peak: float
    started: float
    head_start: float = 0.0
    warm_up: int = 200

    @property
    def progress(self) -> float:
        """0 to 1; a run that goes on from weights starts at `head_start`."""
        passed = (time.monotonic() - self.started) / (60 * self.minutes)
        return min(1.0, self.head_start + (1 - self.head_start) * passed)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.peak * min(1.0, (step + 1) / self.warm_up) * (0.505 + 0.495 * math.cos(math.pi * self.progress))

    def spells(self, step: int) -> bool:
        """Whether this step teaches spelling too: all early, then every other, every fourth, none."""
        p = self.progress
        return p < 0.2 or (p < 0.35 and step % 2 == 0) or (p < 0.7 and step % 4 == 0)


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

    def step(self, parts: Sequence[Part], seed: int, rate: float) -> list[mx.array]:
        """One update by the sum of the parts' losses; returns what each part's loss gives, not evaluated."""
        weights = tree_unflatten(self._tree(self._weights.astype(self.dtype)))

        def loss(weights: dict) -> tuple[mx.array, list[mx.array]]:
            self.net.update(weights)
            keys = mx.random.split(mx.random.key(seed), len(parts))
            made = [
                (language_loss if part.kind == "language" else spelling_loss)(
                    self.net, part.written, part.sound, part.width, key, self.dtype
                )
                for part, key in zip(parts, keys, strict=True)
            ]
            return sum((losses[0] for losses in made), mx.array(0.0)), [value for losses in made for value in losses]

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
        self._weights = self._weights * (1 - rate * self.decay) - moved
        keep = min(0.999, (self.steps + 1) / (self.steps + 11))
        self._average = self._average * keep + self._weights * (1 - keep)

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
        """Go on from weights written by `save`."""
        for path in sorted(folder.glob("weights-*.safetensors")):
            self.net.load_weights(list(mx.load(str(path)).items()), strict=False)
        self.take(self.net.trainable_parameters())


@dataclass(frozen=True)
class Part:
    """What one loss of a step needs: what is to be written, sounds and their width in samples."""

    kind: str
    written: tuple[mx.array, ...]
    sound: tuple[mx.array, ...]
    width: int


def part_of(store: SoundStore, batch: Batch) -> Part:
    """A batch on the GPU."""
    kind = "language" if "ids" in batch else "spelling"
    names = ("ids", "weights", "places") if kind == "language" else ("letters", "letter_counts")
    sound, width = (), 0
    if "blocks" in batch:
        sound, width = store.arguments(batch), int(batch["blocks"]) * BLOCK
    return Part(kind, tuple(mx.array(batch[name]) for name in names), sound, width)


def train(options: argparse.Namespace) -> None:
    """The whole run."""
    options.out.mkdir(parents=True, exist_ok=True)
    speech_tokenizer = SpeechTokenizer(TokenizerConfig())
    load(speech_tokenizer, options.speech_tokenizer)
    store = SoundStore(options.corpus, speech_tokenizer)
    while store.hours < options.first_hours and not store.finished:
        store.refresh()
        time.sleep(1.0)
    assert Vocabulary.load(options.tokenizer).size == TEXT["vocab_size"]
    source = partial(Source, options.corpus, options.tokenizer, pool_size=options.pool)
    language = source(kind="language", size=options.tokens, workers=options.workers)
    spelling = source(kind="spelling", size=options.seconds, workers=max(1, options.workers // 3))
    trainer = Trainer(getattr(mx, options.dtype))
    if options.resume:
        trainer.load(options.resume)
    log = Log(options.out / "language.jsonl")
    try:
        _loop(trainer, store, language, spelling, options, log)
    finally:
        language.close()
        spelling.close()
    trainer.save(options.out)
    (options.out / "done").write_text("done")


def _loop(
    trainer: Trainer, store: SoundStore, language: Source, spelling: Source, options: argparse.Namespace, log: Log
) -> None:
    schedule = Schedule(options.minutes, options.peak, time.monotonic(), options.head_start)
    step, spelled, tokens, waited = 0, 0, 0, 0.0
    saved = shown = refreshed = time.monotonic()
    recent: dict[str, list[float]] = {"text": [], "speech": [], "spelling": []}
    pending: list[list[mx.array]] = []
    while schedule.progress < 1 and step < options.steps:
        began = time.monotonic()
        drawn = [language.next()]
        if schedule.spells(step) and not options.no_spelling:
            drawn.append(spelling.next())
            spelled += 1
        waited += time.monotonic() - began
        tokens += drawn[0]["ids"].size
        pending.append(trainer.step([part_of(store, batch) for batch in drawn], step, schedule.rate(step)))
        while len(pending) > 3:
            _note(pending.pop(0), recent)
        step += 1
        now = time.monotonic()
        if not store.finished and now - refreshed > 15:
            refreshed = now
            store.refresh()
        if now - shown > 10 or step < 5:
            figures = {name: round(float(np.mean(values)), 4) for name, values in recent.items() if values}
            speed = round(tokens / (now - shown))
            memory_gb = round(mx.get_peak_memory() / 1e9, 1)
            state = {"tokens_per_s": speed, "waited_s": round(waited, 1), "memory_gb": memory_gb}
            done = round(schedule.progress, 3)
            log.write(step=step, spelled=spelled, progress=done, **figures, hours=round(store.hours, 1), **state)
            shown, tokens, waited = now, 0, 0.0
            recent = {name: [] for name in recent}
        if now - saved > 60:
            trainer.save(options.out)
            saved = now


def _note(figures: list[mx.array], recent: dict[str, list[float]]) -> None:
    values = [figure.item() for figure in figures]
    recent["text"].append(values[1])
    if values[2] > 0:
        recent["speech"].append(values[2])
    recent["spelling"] += values[3:]


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
    parser.add_argument("--tokens", type=int, default=49_152, help="ids in a batch")
    parser.add_argument("--seconds", type=float, default=1200.0, help="sound in a spelling batch")
    parser.add_argument("--first-hours", type=float, default=3.0, help="speech to wait for")
    parser.add_argument("--pool", type=int, default=44_000, help="conversations")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--no-spelling", action="store_true")
    parser.add_argument("--resume", type=Path, help="folder of weights to go on from")
    parser.add_argument("--head-start", type=float, default=0.0, help="share of the schedule that lies behind them")
    options = parser.parse_args()
    mx.random.seed(1)
    mx.set_cache_limit(_CACHE_BYTES)
    np.random.seed(1)
    train(options)


if __name__ == "__main__":
    main()
