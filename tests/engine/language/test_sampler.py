"""Sampling equals a plain definition, id by id."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.sampler import Kinds, Sampler, Sampling, candidate_logits, penalised

SIZE = 200


def _plain_distribution(scores: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Probabilities (V,) as transformers' warpers define them, written with sorts and loops."""
    scores = scores.astype(np.float64) / sampling.temperature
    if 0 < sampling.top_k < len(scores):
        scores = np.where(scores < np.sort(scores)[-sampling.top_k], -np.inf, scores)
    if sampling.top_p < 1:
        probabilities = _softmax(scores)
        order = np.argsort(probabilities, kind="stable")
        below = np.cumsum(probabilities[order])
        dropped = order[:-1][below[:-1] <= 1 - sampling.top_p]
        scores[dropped] = -np.inf
    if sampling.min_p > 0:
        probabilities = _softmax(scores)
        scores = np.where(probabilities < sampling.min_p * probabilities.max(), -np.inf, scores)
    return _softmax(scores)


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _our_distribution(scores: np.ndarray, sampling: Sampling) -> np.ndarray:
    ids, logits = candidate_logits(mx.array(scores)[None], sampling)
    probabilities = np.zeros(len(scores))
    probabilities[np.array(ids[0])] = np.array(mx.softmax(logits[0]))
    return probabilities


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    temperature=st.sampled_from([0.1, 0.7, 1.0, 2.5]),
    top_k=st.sampled_from([0, 1, 5, 50, SIZE, SIZE + 9]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.02, 0.3]),
)
def test_the_distribution_equals_the_plain_definition(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, SIZE).astype(np.float32)
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    np.testing.assert_allclose(_our_distribution(scores, sampling), _plain_distribution(scores, sampling), atol=1e-5)


@pytest.mark.parametrize("size", [158_720, 16_001])
def test_the_best_of_a_large_vocabulary_are_those_of_the_plain_definition(size: int) -> None:
    scores = np.random.default_rng(size).normal(0, 3, size).astype(np.float32)
    scores[1000:1060] += 20  # most of the best stand together
    sampling = Sampling(temperature=0.7, top_k=50, top_p=0.95)
    np.testing.assert_allclose(_our_distribution(scores, sampling), _plain_distribution(scores, sampling), atol=1e-5)


def test_ids_of_a_large_vocabulary_that_tie_with_the_last_of_top_k_stay() -> None:
    scores = np.zeros(20_000, dtype=np.float32)
    scores[[3, 19_999]] = 2.0
    tied = np.arange(600, 18_600, 1500)
    scores[tied] = 1.0
    ours = _our_distribution(scores, Sampling(temperature=1.0, top_k=3))
    assert set(np.flatnonzero(ours)) == {3, 19_999, *tied.tolist()}


def test_the_best_id_may_always_be_chosen() -> None:
    scores = np.random.default_rng(2).normal(0, 3, SIZE).astype(np.float32)
    ours = _our_distribution(scores, Sampling(temperature=1.0, top_p=1e-9))
    assert np.flatnonzero(ours).tolist() == [int(scores.argmax())]


def test_ids_that_tie_with_the_last_of_top_k_stay() -> None:
    scores = np.zeros(SIZE, dtype=np.float32)
    scores[[3, 17]] = 2.0
    scores[[5, 90, 111, 150]] = 1.0
    ours = _our_distribution(scores, Sampling(temperature=1.0, top_k=3))
    assert set(np.flatnonzero(ours)) == {3, 17, 5, 90, 111, 150}


def test_drawn_ids_follow_the_distribution() -> None:
    scores = np.array([2.0, 1.0, 0.0, -1.0, -9.0], dtype=np.float32)
    sampling = Sampling(temperature=1.0, top_k=4, seed=1)
    rows = 20_000
    drawn = Sampler(sampling, 5, [[]] * rows)(mx.broadcast_to(mx.array(scores), (rows, 5)))
    shares = np.bincount(np.array(drawn), minlength=5) / rows
    np.testing.assert_allclose(shares, _plain_distribution(scores, sampling), atol=0.015)


def test_the_penalty_counts_prompt_and_drawn_ids_once() -> None:
    scores = np.array([[5.0, 4.9, 4.8, -1.0]], dtype=np.float32)
    sampler = Sampler(Sampling(repetition_penalty=1.05), 4, [[0, 0, 0]])
    drawn = [int(sampler(mx.array(scores)).item()) for _ in range(3)]
    # 0 is penalised from the start (5 / 1.05 = 4.76), then 1 (4.67), then 2 (4.57): the largest comes first again.
    assert drawn == [1, 2, 0]


def test_negative_scores_are_multiplied_by_the_penalty() -> None:
    after = penalised(mx.array([[-2.0, 2.0, -2.0]]), mx.array([[True, True, False]]), 1.5)
    np.testing.assert_allclose(np.array(after)[0], [-3.0, 2.0 / 1.5, -2.0], rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"top_p": 0.0}, {"min_p": 2.0}, {"repetition_penalty": 0.0}])
def test_senseless_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must"):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_the_likelier_kind_comes_before_the_likeliest_id() -> None:
    # Ids 2 to 5 are alike and together likelier than id 0, which is the likeliest of all.
    scores = mx.log(mx.array([[0.3, 0.02, 0.17, 0.17, 0.18, 0.16], [0.7, 0.02, 0.07, 0.07, 0.07, 0.07]]))
    first = Sampler(Sampling(kinds=Kinds(1, 2, 6)), 6, [[], []])(scores)
    assert first.tolist() == [4, 0]
    assert Sampler(Sampling(kinds=Kinds(1, 2, 6, certainty=9)), 6, [[], []])(scores).tolist() == [4, 2]
    assert Sampler(Sampling(), 6, [[], []])(scores).tolist() == [0, 0]


def test_kinds_change_nothing_where_ids_are_drawn() -> None:
    scores = mx.random.normal((1, SIZE), key=mx.random.key(5))
    drawn = [
        Sampler(Sampling(0.7, seed=3, kinds=kinds), SIZE, [[]])(scores).item() for kinds in (None, Kinds(10, 20, 90, 2))
    ]
    assert drawn[0] == drawn[1]


def test_a_mark_is_a_kind_of_its_own() -> None:
    scores = mx.log(mx.array([[0.1, 0.5, 0.1, 0.1, 0.1, 0.1]]))
    assert Sampler(Sampling(kinds=Kinds(1, 2, 6, certainty=9)), 6, [[]])(scores).tolist() == [1]
