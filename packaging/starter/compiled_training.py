"""Training steps as one pure function of arrays, so that MLX may compile them: on a GPU a small network's step costs
as much as its operations are many, and compiling joins most of them.
"""

from __future__ import annotations

from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten
from training import Trainer, in_one_vector


class PureTrainer(Trainer):
    """A `Trainer` whose step is `arrays -> arrays`; `compile()` makes it one compiled function.

    While it is traced the network holds traced weights: `current()` and `averaged` give real ones.
    """

    def __init__(self, network: nn.Module, *arguments: object, **settings: object) -> None:
        """As `Trainer`; the loss gives a tuple that starts with the loss."""
        super().__init__(network, *arguments, **settings)
        self._pure: Callable[..., tuple[mx.array, ...]] = self._moved
        self.skipped = mx.zeros(())

    def compile(self) -> None:
        """From the next step on the step is compiled; that step takes a minute or so."""
        self._pure = mx.compile(self._moved)

    @property
    def weights(self) -> mx.array:
        """All weights in one vector, as `put` takes them."""
        return self._weights

    def put(self, weights: mx.array) -> None:
        """Let the network compute with these weights (a vector, traced or real)."""
        self.network.update(tree_unflatten(self._named(weights)))

    def step(self, *batch: mx.array) -> list[mx.array]:
        """One step on a batch; returns what the loss gives, then the norm of the gradients.

        A step whose gradient is not finite changes nothing but the counts.
        """
        one, two = self.betas
        count = self.steps + 1
        rate = self.plan.learning_rate(self.steps)
        keep = min(self.decay, (self.steps + 1) / (self.steps + 11))
        numbers = mx.array([rate, rate / (1 - one**count), 1 - two**count, keep])
        state = (self._weights, self._first, self._second, self._average, self.skipped)
        state, figures = self._pure(state, numbers, *batch)
        self._weights, self._first, self._second, self._average, self.skipped = state
        self.steps += 1
        mx.async_eval(figures, state)
        return list(figures)

    def _moved(
        self, state: tuple[mx.array, ...], numbers: mx.array, *batch: mx.array
    ) -> tuple[tuple[mx.array, ...], tuple[mx.array, ...]]:
        weights, first, second, average, skipped = state
        self.put(weights)
        losses, gradients = nn.value_and_grad(self.network, self.loss)(self.network, *batch)
        found = dict(tree_flatten(gradients))
        gradient = in_one_vector([found[name] for name in self._names])
        norm = mx.sqrt(mx.sum(gradient * gradient))
        finite = mx.isfinite(norm)
        gradient = mx.where(finite, gradient, 0.0) * mx.where(finite, mx.minimum(1.0, self.clip / (norm + 1e-6)), 0.0)
        one, two = self.betas
        moved_first = first * one + gradient * (1 - one)
        moved_second = second * two + gradient * gradient * (1 - two)
        moved = weights * (1 - numbers[0] * self.weight_decay)
        moved = moved - moved_first * numbers[1] / (mx.sqrt(moved_second / numbers[2]) + 1e-8)
        weights = mx.where(finite, moved, weights)
        average = average * numbers[3] + weights * (1 - numbers[3])
        state = (
            weights,
            mx.where(finite, moved_first, first),
            mx.where(finite, moved_second, second),
            average,
            skipped + mx.where(finite, 0.0, 1.0),
        )
        return state, (*losses, norm)
