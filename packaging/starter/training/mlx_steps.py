"""What training in MLX needs: steps, averaged weights, files of weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

from starter.speech.shards import Shards as Shards
from starter.speech.shards import Utterance as Utterance
from starter.training.plan import Log as Log
from starter.training.plan import Plan as Plan


class Trainer:
    """One network's training. All weights live in one long vector, so that clipping, AdamW and averaging are a few
    operations on it instead of a few for every weight: on a GPU the count of operations is what costs.
    """

    def __init__(
        self,
        network: nn.Module,
        plan: Plan,
        loss: Callable[..., object],
        *,
        clip: float = 1.0,
        weight_decay: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.98),
        decay: float = 0.999,
    ) -> None:
        """`loss(network, *batch)` gives a loss or a tuple that starts with it; `decay` is the averaging's."""
        self.network, self.plan, self.loss = network, plan, loss
        self.clip, self.weight_decay, self.betas, self.decay = clip, weight_decay, betas, decay
        named = tree_flatten(network.trainable_parameters())
        self._names = [name for name, _ in named]
        self._shapes = [value.shape for _, value in named]
        self._starts = np.cumsum([0, *(_room(value.size) for _, value in named)])[:-1].tolist()
        self._weights = in_one_vector([value for _, value in named])
        self._average = self._weights
        self._first = mx.zeros_like(self._weights)
        self._second = mx.zeros_like(self._weights)
        self.steps = 0

    @property
    def averaged(self) -> dict:
        """The averaged weights as a tree: what is kept in the end."""
        return tree_unflatten(self._named(self._average))

    def step(self, *batch: mx.array) -> list[mx.array]:
        """One step on a batch; returns what the loss gives, then the norm of the gradients.

        A step whose gradient is not finite changes nothing but the count.
        """
        losses, gradients = nn.value_and_grad(self.network, self.loss)(self.network, *batch)
        gradient = in_one_vector([value for _, value in tree_flatten(gradients)])
        norm = mx.sqrt(mx.sum(gradient * gradient))
        scale = mx.where(mx.isfinite(norm), mx.minimum(1.0, self.clip / (norm + 1e-6)), 0.0)
        self._adam(mx.where(mx.isfinite(norm), gradient, 0.0) * scale)
        keep = min(self.decay, (self.steps + 1) / (self.steps + 11))
        self._average = self._average * keep + self._weights * (1 - keep)
        self.steps += 1
        self.network.update(tree_unflatten(self._named(self._weights)))
        figures = [*(losses if isinstance(losses, (tuple, list)) else (losses,)), norm]
        mx.async_eval(figures, self._weights, self._first, self._second, self._average)
        return figures

    def _adam(self, gradient: mx.array) -> None:
        """AdamW (arXiv 1711.05101) with bias correction."""
        one, two = self.betas
        self._first = self._first * one + gradient * (1 - one)
        self._second = self._second * two + gradient * gradient * (1 - two)
        rate = self.plan.learning_rate(self.steps)
        count = self.steps + 1
        root = mx.sqrt(self._second / (1 - two**count)) + 1e-8
        moved = self._first * (rate / (1 - one**count)) / root
        self._weights = self._weights * (1 - rate * self.weight_decay) - moved

    def _named(self, weights: mx.array) -> list[tuple[str, mx.array]]:
        places = zip(self._names, self._shapes, self._starts, strict=True)
        return [(name, weights[start : start + math.prod(shape)].reshape(shape)) for name, shape, start in places]


def _room(size: int) -> int:
    """Places of a weight in the vector: matrix products on a GPU refuse what does not begin on a whole 256 bytes."""
    return -(-size // 64) * 64


def in_one_vector(arrays: Sequence[mx.array]) -> mx.array:
    """Arrays end to end, each in the room that it has among the weights: (N,)."""
    return mx.concatenate([mx.pad(array.reshape(-1), (0, _room(array.size) - array.size)) for array in arrays])


def save(weights: dict, path: Path, dtype: mx.Dtype = mx.float32) -> None:
    """Write a tree of weights as safetensors, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name("unfinished-" + path.name)
    mx.save_safetensors(str(unfinished), {k: v.astype(dtype) for k, v in tree_flatten(weights)})
    unfinished.rename(path)


def load(network: nn.Module, path: Path) -> None:
    """Put weights written by `save` into the network as float32. Raises ValueError when names or shapes differ."""
    weights = {k: v.astype(mx.float32) for k, v in mx.load(str(path)).items()}
    network.load_weights(list(weights.items()), strict=True)


def with_weights(network: nn.Module, weights: dict) -> nn.Module:
    """The network with these weights in it (a tree)."""
    network.update(tree_unflatten(tree_flatten(weights)))
    return network
