"""Train the audio encoder, the adaptor and the language model on the spoken corpus, while it is still being spoken.

    python packaging/starter/train_language.py CORPUS OUT --tokenizer FOLDER --speech-tokenizer tokenizer.safetensors

The encoder is taught to spell (CTC) beside everything else, most at the beginning: a language model alone learns to
listen slowly. Averaged weights are written to OUT every two minutes in shards of less than 16 MB.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import engine  # noqa: F401  (chooses the BLAS on Linux)

import mlx.core as mx  # isort: skip
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from ctc import LETTERS, ctc_loss
from mlx.utils import tree_flatten, tree_map
from network_sizes import AUDIO, HIDDEN, TEXT
from rows import Batch, Source
from sounds_on_gpu import SoundStore, heard
from speech_tokenizer import SpeechTokenizer, TokenizerConfig
from spoken_corpus import BLOCK
from training import Log, clipped, load

from engine.hearing import Adaptor, Encoder
from engine.language import LanguageModel, LlmConfig, Vocabulary

_SHARD_BYTES = 14_000_000


class Starter(nn.Module):
    """All that is trained here; attribute names are the checkpoint's."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.encoder = Encoder.from_config(AUDIO)
        self.adapter = Adaptor.from_config(AUDIO, HIDDEN)
        self.llm = LanguageModel(LlmConfig.from_dict(TEXT))
        self.letters = nn.Linear(AUDIO["n_audio_state"], len(LETTERS) + 1)


def with_dtype(tree: dict, dtype: mx.Dtype) -> dict:
    """The weights as `dtype`."""
    return tree_map(lambda w: w.astype(dtype) if mx.issubdtype(w.dtype, mx.floating) else w, tree)


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
) -> mx.array:
    """Mean CTC loss a letter."""
    x, lengths = features(net, sound, width, seed, dtype)
    losses = ctc_loss(net.letters(x).astype(mx.float32), lengths, *letters)
    return (losses / letters[1]).mean()


@dataclass
class Schedule:
    """Learning rates over `minutes`: linear warm-up, then half a cosine."""

    minutes: float
    peak: float
    started: float
    warm_up: int = 300

    @property
    def progress(self) -> float:
        """0 to 1."""
        return min(1.0, (time.monotonic() - self.started) / (60 * self.minutes))

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        return self.peak * min(1.0, (step + 1) / self.warm_up) * (0.505 + 0.495 * math.cos(math.pi * self.progress))

    def spells(self, step: int) -> bool:
        """Whether a spelling step goes before this step: two of three early, one in two, one in four, none."""
        p = self.progress
        return p < 0.2 or (p < 0.35 and step % 2 == 0) or (p < 0.7 and step % 4 == 0)


class Trainer:
    """Weights, optimisers and compiled steps."""

    def __init__(self, dtype: mx.Dtype, compiled: bool) -> None:
        self.net = Starter()
        mx.eval(self.net.parameters())
        self.dtype, self.compiled = dtype, compiled
        betas = [0.9, 0.97]
        self.language = optim.AdamW(1e-3, betas=betas, weight_decay=0.02, bias_correction=True)
        self.spelling = optim.AdamW(1e-3, betas=betas, weight_decay=0.01, bias_correction=True)
        self.language.init(self._part("language"))
        self.spelling.init(self._part("spelling"))
        self.average = tree_map(lambda w: w + 0, self.net.trainable_parameters())
        self._averaged = 0
        self._steps: dict[tuple[object, ...], object] = {}

    def _part(self, kind: str) -> dict:
        names = ("encoder", "adapter", "llm") if kind == "language" else ("encoder", "letters")
        everything = self.net.trainable_parameters()
        return {name: everything[name] for name in names}

    def _made(self, kind: str, width: int) -> object:
        """A step for sounds of `width` samples; what it changes is weights and one optimiser's state."""
        optimiser = self.language if kind == "language" else self.spelling
        loss_of = language_loss if kind == "language" else spelling_loss
        net, dtype = self.net, self.dtype
        state = [net.state, optimiser.state]

        def loss(weights: dict, batch: tuple, sound: tuple, seed: mx.array):
            net.update(with_dtype(weights, dtype))
            return loss_of(net, batch, sound, width, seed, dtype)

        def step(batch: tuple, sound: tuple, seed: mx.array):
            weights = self._part(kind)
            value, gradients = mx.value_and_grad(loss)(weights, batch, sound, seed)
            gradients, norm = clipped(with_dtype(gradients, mx.float32), 1.0)
            net.update(optimiser.apply_gradients(gradients, weights))
            return value, norm

        return partial(mx.compile, inputs=state, outputs=state)(step) if self.compiled else step

    def step(self, kind: str, arguments: tuple, sound: tuple, width: int, seed: int, rate: float):
        """One update; returns losses and the gradient's norm, not evaluated."""
        key = (kind, width)
        if key not in self._steps:
            self._steps[key] = self._made(kind, width)
        optimiser = self.language if kind == "language" else self.spelling
        optimiser.learning_rate = mx.array(rate)
        figures = self._steps[key](arguments, sound, mx.random.key(seed))
        mx.async_eval(figures, self.net.state, optimiser.state)
        return figures

    def blend(self) -> None:
        """Take the present weights into the average."""
        self._averaged += 1
        keep = min(0.995, self._averaged / (self._averaged + 9))
        present = self.net.trainable_parameters()
        self.average = tree_map(lambda a, w: a * keep + w * (1 - keep), self.average, present)
        mx.async_eval(self.average)

    def save(self, out: Path) -> None:
        """Write the averaged weights as float16 shards `weights-N.safetensors`."""
        named = tree_flatten(with_dtype(self.average, mx.float16))
        shards: list[dict[str, mx.array]] = [{}]
        size = 0
        for name, array in named:
            if size + array.nbytes > _SHARD_BYTES and shards[-1]:
                shards.append({})
                size = 0
            shards[-1][name] = array
            size += array.nbytes
        for number, shard in enumerate(shards):
            unfinished = out / "unfinished.safetensors"
            mx.save_safetensors(str(unfinished), shard)
            unfinished.rename(out / f"weights-{number}.safetensors")

    def load(self, folder: Path) -> None:
        """Go on from weights written by `save`."""
        for path in sorted(folder.glob("weights-*.safetensors")):
            self.net.load_weights([(k, v.astype(mx.float32)) for k, v in mx.load(str(path)).items()], strict=False)
        self.average = tree_map(lambda w: w + 0, self.net.trainable_parameters())


def arguments_of(store: SoundStore, batch: Batch) -> tuple[str, tuple[mx.array, ...], tuple[mx.array, ...], int]:
    """Kind, what is to be written, sounds and their width of a batch."""
    kind = "language" if "ids" in batch else "spelling"
    names = ("ids", "weights", "places") if kind == "language" else ("letters", "letter_counts")
    sound, width = (), 0
    if "blocks" in batch:
        sound, width = store.arguments(batch), int(batch["blocks"]) * BLOCK
    return kind, tuple(mx.array(batch[name]) for name in names), sound, width


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
    trainer = Trainer(getattr(mx, options.dtype), not options.eager)
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
    schedule = Schedule(options.minutes, options.peak, time.monotonic())
    step, spelled, tokens, waited = 0, 0, 0, 0.0
    saved = shown = refreshed = time.monotonic()
    recent: dict[str, list[float]] = {"spelling": [], "text": [], "speech": []}
    pending: list[tuple[str, object]] = []
    while schedule.progress < 1 and step < options.steps:
        kinds = ["language"] + (["spelling"] if schedule.spells(step) and not options.no_spelling else [])
        for kind in kinds:
            began = time.monotonic()
            batch = (language if kind == "language" else spelling).next()
            waited += time.monotonic() - began
            arguments = arguments_of(store, batch)
            rate = schedule.rate(step) * (1.0 if kind == "language" else 0.8)
            pending.append((kind, trainer.step(*arguments, seed=2 * step + len(kind) % 2, rate=rate)))
            tokens += batch["ids"].size if kind == "language" else 0
            spelled += kind == "spelling"
        while len(pending) > 4:
            _note(pending.pop(0), recent)
        step += 1
        if step % 4 == 0:
            trainer.blend()
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
        if now - saved > 120:
            trainer.save(options.out)
            saved = now


def _note(done: tuple[str, object], recent: dict[str, list[float]]) -> None:
    kind, (value, _norm) = done
    if kind == "spelling":
        recent["spelling"].append(value.item())
    else:
        recent["text"].append(value[1].item())
        if value[2].item() > 0:
            recent["speech"].append(value[2].item())


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
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--no-spelling", action="store_true")
    parser.add_argument("--resume", type=Path)
    options = parser.parse_args()
    mx.random.seed(1)
    np.random.seed(1)
    train(options)


if __name__ == "__main__":
    main()
