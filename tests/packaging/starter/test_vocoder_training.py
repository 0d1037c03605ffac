"""What the vocoder's training computes by itself: gradients of convolutions, steps as pure functions."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from compiled_training import PureTrainer
from convolution_gradient import use_product_gradients
from training import Plan, Trainer


def gradients(layer: nn.Conv1d, x: mx.array) -> list[np.ndarray]:
    def loss(weight: mx.array, x: mx.array) -> mx.array:
        layer.weight = weight
        return mx.sin(layer(x)).sum()

    return [np.array(one) for one in mx.grad(loss, argnums=(0, 1))(layer.weight, x)]


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(7, 1, 3), (3, 1, 0), (5, 3, 2), (4, 3, 1)])
def test_gradients_by_products_are_those_of_mlx(kernel: int, stride: int, padding: int) -> None:
    mx.random.seed(0)
    layer, x = nn.Conv1d(6, 5, kernel, stride=stride, padding=padding), mx.random.normal((4, 33, 6))
    expected = gradients(layer, x)
    use_product_gradients(True)
    try:
        found = gradients(layer, x)
    finally:
        use_product_gradients(False)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def squares(network: nn.Linear, x: mx.array, y: mx.array) -> tuple[mx.array, ...]:
    return (((network(x) - y) ** 2).mean(),)


def trained(kind: type[Trainer], steps: int, *batch: mx.array) -> Trainer:
    mx.random.seed(0)
    trainer = kind(nn.Linear(4, 3), Plan(100, 1000, 1e-2, warm_up=2), squares)
    for _ in range(steps):
        trainer.step(*batch)
    return trainer


def test_a_pure_step_does_what_a_step_does() -> None:
    batch = mx.random.normal((8, 4)), mx.random.normal((8, 3))
    one, other = trained(Trainer, 5, *batch), trained(PureTrainer, 5, *batch)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(one.averaged[name], other.averaged[name], rtol=1e-6)


def test_a_step_without_a_finite_gradient_is_counted_and_changes_nothing() -> None:
    x, y = mx.random.normal((8, 4)), mx.random.normal((8, 3))
    trainer = trained(PureTrainer, 2, x, y)
    before = np.array(trainer.weights)
    trainer.step(x * float("nan"), y)
    assert trainer.skipped.item() == 1
    np.testing.assert_array_equal(before, np.array(trainer.weights))
