"""What every training run here shares: batches from shards, a schedule, averaged weights, a log of figures."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten, tree_map, tree_unflatten
from numpy.typing import NDArray


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence: views into the shard's samples at both rates."""

    text: str
    speaker: str
    samples_16k: NDArray[np.int16]
    samples_24k: NDArray[np.int16]

    @property
    def tokens(self) -> int:
        """Its length in speech tokens (25 a second)."""
        return len(self.samples_24k) // 960


class Shards:
    """The utterances of a folder that `speaking_data.py` writes, or is still writing."""

    def __init__(self, folder: Path, held_out: int = 1) -> None:
        """The first `held_out` shards are kept for measuring."""
        self.folder = folder
        self.held_out = held_out
        self.training: list[Utterance] = []
        self.measuring: list[Utterance] = []
        self._read: set[str] = set()

    def refresh(self) -> int:
        """Read shards that were finished since; returns the number of training utterances."""
        for path in sorted(self.folder.glob("*.json")):
            if path.stem not in self._read:
                self._read.add(path.stem)
                target = self.measuring if int(path.stem) < self.held_out else self.training
                target.extend(_read_shard(path))
        return len(self.training)

    def wait(self, utterances: int) -> None:
        """Return when so many training utterances are there, or the speaking has finished."""
        while self.refresh() < utterances and not (self.folder / "finished").exists():
            time.sleep(1.0)
        self.refresh()


def _read_shard(path: Path) -> Iterator[Utterance]:
    at_16k = np.load(path.with_suffix(".16k.npy"), mmap_mode=None)
    at_24k = np.load(path.with_suffix(".24k.npy"), mmap_mode=None)
    for entry in json.loads(path.read_text()):
        start, stop = entry["start"], entry["start"] + entry["length"]
        yield Utterance(
            entry["text"], entry["speaker"], at_16k[start // 3 : stop // 3], at_24k[start // 2 : stop // 2]
        )


def batches(
    utterances: Callable[[], Sequence[Utterance]], tokens_per_batch: int, seed: int, bucket_tokens: int = 25
) -> Iterator[list[Utterance]]:
    """Endless batches of utterances of like length, each padded length times rows being about `tokens_per_batch`.

    Lengths are rounded up to `bucket_tokens`, so few shapes occur and compiled steps are reused.
    """
    chance = np.random.default_rng(seed)
    known = -1
    while True:
        pool = utterances()
        if len(pool) != known:
            known = len(pool)
            lengths = np.array([-(-u.tokens // bucket_tokens) * bucket_tokens for u in pool])
            buckets = {int(length): np.flatnonzero(lengths == length) for length in np.unique(lengths)}
            choices = np.array(list(buckets))
            weights = np.array([len(buckets[c]) * c for c in choices], dtype=float)
        length = int(chance.choice(choices, p=weights / weights.sum()))
        rows = max(1, tokens_per_batch // length)
        yield [pool[i] for i in chance.choice(buckets[length], rows)]


def padded_samples(batch: Sequence[Utterance], rate_hz: int, bucket_tokens: int = 25) -> mx.array:
    """Samples (B, N) in ±1 of a batch, filled with zeros to its bucket's length."""
    longest = -(-max(u.tokens for u in batch) // bucket_tokens) * bucket_tokens
    table = np.zeros((len(batch), longest * rate_hz // 25), dtype=np.int16)
    for row, utterance in enumerate(batch):
        samples = utterance.samples_16k if rate_hz == 16_000 else utterance.samples_24k
        table[row, : len(samples)] = samples
    return mx.array(table).astype(mx.float32) / 32768.0


@dataclass
class Plan:
    """How long a run lasts: whichever of steps and minutes ends first; the learning rate follows the same clock."""

    steps: int
    minutes: float
    peak: float
    warm_up: int = 200
    started: float = field(default_factory=time.monotonic)

    def progress(self, step: int) -> float:
        """0 at the start, 1 at the end."""
        return max(step / self.steps, (time.monotonic() - self.started) / (60 * self.minutes))

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a fiftieth of the peak."""
        fall = 0.51 + 0.49 * math.cos(math.pi * min(1.0, self.progress(step)))
        return self.peak * min(1.0, (step + 1) / self.warm_up) * fall


class Averaged:
    """An exponential moving average of a network's weights: what is kept in the end."""

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        """Starts at the network's present weights."""
        self.decay = decay
        self.weights = tree_map(lambda w: w + 0, network.trainable_parameters())


def optimiser(peak: float, weight_decay: float = 0.01, betas: tuple[float, float] = (0.9, 0.98)) -> optim.AdamW:
    """AdamW as all runs use it; its learning rate is set at every step."""
    return optim.AdamW(learning_rate=peak, betas=list(betas), weight_decay=weight_decay, eps=1e-8, bias_correction=True)


def clipped(gradients: dict, limit: float) -> tuple[dict, mx.array]:
    """Gradients scaled so that their norm is at most `limit`, with a step that is not finite made zero; the norm."""
    norm = mx.sqrt(sum(mx.sum(g.astype(mx.float32) ** 2) for _, g in tree_flatten(gradients)))
    finite = mx.isfinite(norm)
    scale = mx.where(finite, mx.minimum(1.0, limit / (norm + 1e-6)), 0.0)
    return tree_map(lambda g: mx.where(finite, g, 0.0) * scale, gradients), norm


class Trainer:
    """One network's training: gradients, then clipping, AdamW and averaging as one compiled update.

    With `compiled` the gradients are compiled too (for few and fixed shapes). Networks that the loss uses but that are
    not trained by it are `frozen`; the loss gets them as they are at each step.
    """

    def __init__(
        self,
        network: nn.Module,
        plan: Plan,
        loss: Callable[..., object],
        *,
        frozen: Sequence[nn.Module] = (),
        compiled: bool = False,
        clip: float = 1.0,
        **options: object,
    ) -> None:
        """`loss(network, *batch)` gives a loss or a tuple that starts with it; `options` go to `optimiser`."""
        self.network, self.plan, self.loss, self.frozen = network, plan, loss, frozen
        self.average = Averaged(network)
        self.updates = optimiser(plan.peak, **options)
        self.updates.init(network.trainable_parameters())
        self._update = mx.compile(partial(_updated, self.updates, clip))
        self._gradients = mx.compile(self._pure) if compiled else self._pure

    def step(self, number: int, *batch: mx.array) -> list[mx.array]:
        """One step on a batch; returns what the loss gives, then the norm of the gradients."""
        weights = self.network.trainable_parameters()
        others = [network.trainable_parameters() for network in self.frozen]
        losses, gradients = self._gradients(weights, others, *batch)
        keep = min(self.average.decay, (number + 1) / (number + 11))
        rate = mx.array(self.plan.learning_rate(number))
        weights, state, average, norm = self._update(
            weights, gradients, self.updates.state, self.average.weights, rate, mx.array(keep)
        )
        self.network.update(weights)
        for network, own in zip(self.frozen, others, strict=True):
            network.update(own)
        self.updates.state = state
        self.average.weights = average
        figures = [*(losses if isinstance(losses, (tuple, list)) else (losses,)), norm]
        mx.eval(figures, weights, state, average)
        return figures

    def _pure(self, weights: dict, others: list[dict], *batch: mx.array) -> tuple[object, dict]:
        self.network.update(weights)
        for network, own in zip(self.frozen, others, strict=True):
            network.update(own)
        return nn.value_and_grad(self.network, self.loss)(self.network, *batch)


def _updated(
    updates: optim.AdamW, clip: float, weights: dict, gradients: dict, state: dict, average: dict, rate: mx.array, keep: mx.array
) -> tuple[dict, dict, dict, mx.array]:
    gradients, norm = clipped(gradients, clip)
    updates.state = {**state, "learning_rate": rate}
    weights = updates.apply_gradients(gradients, weights)
    average = tree_map(lambda a, w: a * keep + w * (1 - keep), average, weights)
    return weights, updates.state, average, norm


class Log:
    """Figures of a run, one JSON line at a time, printed too."""

    def __init__(self, path: Path) -> None:
        """Starts the file anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", buffering=1)
        self._started = time.monotonic()

    def write(self, **figures: float | int | str) -> None:
        """Add one line with the seconds since the start."""
        line = json.dumps({"s": round(time.monotonic() - self._started, 1), **figures})
        self._file.write(line + "\n")
        print(line, flush=True)


def save(weights: dict, path: Path, dtype: mx.Dtype = mx.float32) -> None:
    """Write a tree of weights as safetensors, whole or not at all."""
    unfinished = path.with_name("unfinished-" + path.name)
    mx.save_safetensors(str(unfinished), {k: v.astype(dtype) for k, v in tree_flatten(weights)})
    unfinished.rename(path)


def load(network: nn.Module, path: Path) -> None:
    """Put weights written by `save` into the network as float32. Raises ValueError when names or shapes differ."""
    weights = {k: v.astype(mx.float32) for k, v in mx.load(str(path)).items()}
    network.load_weights(list(weights.items()), strict=True)


def with_weights(network: nn.Module, weights: dict) -> nn.Module:
    """The network with these weights in it (a tree as `Averaged` keeps)."""
    network.update(tree_unflatten(tree_flatten(weights)))
    return network
