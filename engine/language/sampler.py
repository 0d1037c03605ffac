"""From scores to the next id: repetition penalty, temperature, top-k, top-p, min-p, as transformers defines them.

Source: transformers' logits processors, in their order (docs/model.md, Language model); min-p: arXiv 2407.01082.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import mlx.core as mx
import numpy as np

_TIES = 64  # how many ids that score exactly like the last one of top-k are kept beside it
_GROUP = 64  # ids that are looked at together when the best are sought
_KEYS = 256  # random keys made at a time
_SEEDS = 1 << 64  # that there are; any other number stands for one of them

# Ids (B,) by scores (B, V) and a random key; takes and gives what was seen (B, V) where that is penalised.
Chooser = Callable[..., tuple[mx.array, ...]]


@dataclass(frozen=True)
class Kinds:
    """Text (ids below `text_end`), speech (from `speech_first` to `speech_end`), and whatever else marks something.

    Speech has a hundred good ids where text has one, so that a bad one of text may still be the likeliest of all. The
    kind that is likeliest as a whole is chosen, but text only where it is `certainty` times as likely as speech.
    """

    text_end: int
    speech_first: int
    speech_end: int
    certainty: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """How the next id is chosen. Temperature 0 takes the likeliest and ignores the rest but the penalty.

    `top_k` 0, `top_p` 1 and `min_p` 0 switch those off; 50 is what the official code uses without saying so.
    The same `seed` gives the same ids; None draws a new one each time. With `kinds`, at temperature 0, what kind of id
    comes is decided before which.
    """

    temperature: float = 0.0
    top_k: int = 50
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    kinds: Kinds | None = None

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.top_k < 0 or self.repetition_penalty <= 0:
            raise ValueError(f"temperature and top_k must not be negative, the penalty positive: {self}")
        if not (0 < self.top_p <= 1 and 0 <= self.min_p <= 1):
            raise ValueError(f"top_p must lie in (0, 1] and min_p in [0, 1]: {self}")


class Sampler:
    """Chooses ids row by row and remembers, on the device, which ids each row already has."""

    def __init__(
        self, sampling: Sampling, size: int, penalised_ids: Sequence[Sequence[int]], choose: Chooser | None = None
    ) -> None:
        """`size` is V; `penalised_ids` are each row's ids so far (the prompt's), which the penalty counts too.

        `choose` is what `chooser` made of `sampling`, or what a back-end put in its place.
        """
        self._seen: list[mx.array] = []  # one array (B, V), or none where nothing is penalised
        if sampling.repetition_penalty != 1.0:
            self._seen = [mx.array(_membership(penalised_ids, size))]
        self._key = mx.random.key(secrets.randbits(63) if sampling.seed is None else sampling.seed % _SEEDS)
        self._keys: list[mx.array] = []
        self._choose = choose or chooser(sampling)
        self._draws = sampling.temperature > 0

    def __call__(self, scores: mx.array) -> mx.array:
        """The next id (B,) of each row, from scores (B, V). Nothing is evaluated."""
        key = self._next_key() if self._draws else self._key
        ids, *self._seen = self._choose(scores, key, *self._seen)
        return ids

    def keep_rows(self, rows: mx.array) -> None:
        """Go on with only the given rows."""
        self._seen = [seen[rows] for seen in self._seen]

    def _next_key(self) -> mx.array:
        if not self._keys:
            self._key, *self._keys = mx.random.split(self._key, _KEYS + 1)
            self._keys.reverse()
        return self._keys.pop()


def chooser(sampling: Sampling) -> Chooser:
    """What chooses ids by `sampling`, whatever its seed."""
    return partial(_chosen, sampling)


def _chosen(sampling: Sampling, scores: mx.array, key: mx.array, *seen: mx.array) -> tuple[mx.array, ...]:
    """Ids (B,), and what has been seen, these ids included."""
    scores = scores.astype(mx.float32)
    if seen:
        scores = penalised(scores, seen[0], sampling.repetition_penalty)
    if sampling.temperature == 0:
        ids = mx.argmax(scores if sampling.kinds is None else of_likeliest_kind(scores, sampling.kinds), axis=-1)
    else:
        candidates, logits = candidate_logits(scores, sampling)
        place = mx.random.categorical(logits, axis=-1, key=key)
        ids = mx.take_along_axis(candidates, place[:, None], axis=-1)[:, 0]
    return (ids, *(mx.put_along_axis(array, ids[:, None], mx.array(True), axis=-1) for array in seen))


def penalised(scores: mx.array, seen: mx.array, penalty: float) -> mx.array:
    """Scores (B, V) with those of `seen` ids (B, V) made less likely: negative ones times `penalty`, others divided."""
    return mx.where(seen, mx.where(scores < 0, scores * penalty, scores / penalty), scores)


def of_likeliest_kind(scores: mx.array, kinds: Kinds) -> mx.array:
    """Scores (B, V), −inf for ids of the kinds that are less likely than another."""
    places = mx.arange(scores.shape[-1])
    text, speech = places < kinds.text_end, (places >= kinds.speech_first) & (places < kinds.speech_end)
    sorts = (speech, text, ~(text | speech))
    each = [mx.logsumexp(mx.where(sort, scores, -mx.inf), axis=-1, keepdims=True) for sort in sorts]
    each[1] = each[1] - math.log(kinds.certainty)
    chosen = mx.argmax(mx.concatenate(each, axis=-1), axis=-1, keepdims=True)
    return mx.where(mx.where(speech, 0, mx.where(text, 1, 2)) == chosen, scores, -mx.inf)


def candidate_logits(scores: mx.array, sampling: Sampling) -> tuple[mx.array, mx.array]:
    """Ids (B, C) that may be chosen, best first, and the logits (B, C) to draw from, −inf where one may not.

    Ids that tie with the last of top-k stay, as in transformers (up to 64 of them).
    """
    V = scores.shape[-1]
    limited = 0 < sampling.top_k < V
    C = min(sampling.top_k + _TIES, V) if limited else V
    scores = scores / sampling.temperature
    if C < V:
        ids, scores = _best(scores, C)
        order = mx.argsort(-scores, axis=-1)
        ids = mx.take_along_axis(ids, order, axis=-1)
    else:
        ids = order = mx.argsort(-scores, axis=-1)
    logits = mx.take_along_axis(scores, order, axis=-1)
    if limited:
        logits = mx.where(logits < logits[:, sampling.top_k - 1, None], -mx.inf, logits)
    return ids, _nucleus(logits, sampling.top_p, sampling.min_p)


def _best(scores: mx.array, count: int) -> tuple[mx.array, mx.array]:
    """Ids (B, count) of the best scores (B, V), in any order, and their scores.

    They lie in the `count` groups whose best is best, so that only those are told apart: a vocabulary has a hundred
    times as many ids as can be chosen.
    """
    B, V = scores.shape
    groups = -(-V // _GROUP)
    if groups <= 2 * count:
        ids = mx.argpartition(-scores, count - 1, axis=-1)[:, :count]
        return ids, mx.take_along_axis(scores, ids, axis=-1)
    apart = mx.pad(scores, [(0, 0), (0, groups * _GROUP - V)], constant_values=-mx.inf).reshape(B, groups, _GROUP)
    chosen = mx.argpartition(-apart.max(axis=-1), count - 1, axis=-1)[:, :count]
    members = mx.take_along_axis(apart, chosen[..., None], axis=1).reshape(B, -1)
    places = mx.argpartition(-members, count - 1, axis=-1)[:, :count]
    ids = mx.take_along_axis(chosen, places // _GROUP, axis=-1) * _GROUP + places % _GROUP
    return ids, mx.take_along_axis(members, places, axis=-1)


def _nucleus(logits: mx.array, top_p: float, min_p: float) -> mx.array:
    """Logits (B, C), best first, with −inf for the tail that holds 1 − top_p and for what is under min_p × the best."""
    if top_p == 1.0 and min_p == 0.0:
        return logits
    best = mx.arange(logits.shape[-1]) == 0
    probabilities = mx.softmax(logits, axis=-1)
    if top_p < 1.0:
        tail = mx.cumsum(probabilities, axis=-1, reverse=True)
        logits = mx.where(best | (tail > 1.0 - top_p), logits, -mx.inf)
    if min_p > 0.0:
        logits = mx.where(best | (probabilities >= min_p * probabilities[:, :1]), logits, -mx.inf)
    return logits


def _membership(rows: Sequence[Sequence[int]], size: int) -> np.ndarray:
    seen = np.zeros((len(rows), size), dtype=np.bool_)
    for row, ids in enumerate(rows):
        seen[row, np.asarray(list(ids), dtype=np.int64)] = True
    return seen
