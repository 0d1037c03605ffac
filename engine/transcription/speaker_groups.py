"""Groups stretches of speech by voice: one group for each speaker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.transcription.agglomeration import Labels, groups_of_points, groups_within

Voices = NDArray[np.float32]  # (n, D), each of length one

# Two groups whose voices are less alike on average (their cosine) are two speakers.
_ALIKE = 0.38
# And where they are nearly as alike as those within each group, they are one: some people's voices vary much.
_AS_ALIKE_AS_WITHIN = 0.65
_LEAST_S, _LEAST_SHARE = 5.0, 0.1  # whoever speaks less than the smaller of both is none of his own
_RELIABLE_S = 1.0  # a shorter stretch says too little of a voice to make groups with
_COMPARED = 1500  # stretches that are compared with each other: memory grows with the square
_ROUNDS = 4


def unit(voices: NDArray[np.floating]) -> Voices:
    """The same directions, of length one."""
    lengths = np.linalg.norm(voices, axis=-1, keepdims=True)
    return (voices / np.maximum(lengths, 1e-9)).astype(np.float32)


def speaker_voices(voices: Voices, seconds: NDArray[np.floating], count: int) -> Voices:
    """The voice of every speaker (k, D), from those of stretches (n, D) and how long each is.

    `count` is how many speakers there are, 0 to find out. Fewer come back where there are fewer stretches.
    """
    used = _worth_comparing(seconds)
    labels = _grouped(voices[used], count)
    groups = [used[labels == label] for label in np.unique(labels)]
    if not count:
        groups = _joined(_large_enough(groups, seconds), voices)
    centres = np.stack([_mean(voices[group], seconds[group]) for group in groups])
    for _ in range(_ROUNDS):  # every stretch goes to the speaker it is most like, and counts for that voice
        nearest = np.argmax(voices @ centres.T, axis=1)
        taken = np.unique(nearest)
        centres = np.stack([_mean(voices[nearest == each], seconds[nearest == each]) for each in taken])
    return centres


def _worth_comparing(seconds: NDArray[np.floating]) -> NDArray[np.intp]:
    """The stretches that groups are made of: long enough, and not too many."""
    used = np.flatnonzero(seconds >= _RELIABLE_S)
    if len(used) < 2:
        used = np.arange(len(seconds))
    if len(used) > _COMPARED:
        used = used[np.argsort(-seconds[used], kind="stable")[:_COMPARED]]
    return np.sort(used)


def _grouped(voices: Voices, count: int) -> Labels:
    """A label for each voice: agglomerative clustering, which needs no start by chance.

    By average cosine where the number is to be found, for it can be compared with a limit; by Ward's rule where it is
    known, for that makes no group of one stray stretch.
    """
    if count:
        return groups_of_points(voices, count)
    return groups_within(np.maximum(1 - voices @ voices.T, 0), 1 - _ALIKE)


def _large_enough(groups: list[NDArray[np.intp]], seconds: NDArray[np.floating]) -> list[NDArray[np.intp]]:
    lengths = [float(seconds[group].sum()) for group in groups]
    least = min(_LEAST_S, _LEAST_SHARE * sum(lengths), max(lengths))
    return [group for group, length in zip(groups, lengths, strict=True) if length >= least]


def _joined(groups: list[NDArray[np.intp]], voices: Voices) -> list[NDArray[np.intp]]:
    """The two that are most alike become one, again and again, while that is much for how alike each is within."""
    while len(groups) > 1:
        shares = _shares_of_likeness(groups, voices)
        first, second = (int(place) for place in np.unravel_index(np.argmax(shares), shares.shape))
        if shares[first, second] <= _AS_ALIKE_AS_WITHIN:
            break
        one = np.concatenate([groups[first], groups[second]])
        groups = [group for place, group in enumerate(groups) if place not in (first, second)] + [one]
    return groups


def _shares_of_likeness(groups: list[NDArray[np.intp]], voices: Voices) -> NDArray[np.float64]:
    """How alike any two groups are on average, divided by how alike voices within the two are (k, k); −∞ of a group and
    itself. Sums of voices, each of length one, say both. Of a group of a single voice nothing is known.
    """
    sums = np.stack([voices[group].sum(axis=0, dtype=np.float64) for group in groups])
    counts = np.array([len(group) for group in groups], np.float64)
    products = sums @ sums.T
    pairs = counts * (counts - 1)
    several = pairs > 0
    within = np.where(several, (np.diag(products) - counts) / np.maximum(pairs, 1), 0.0)
    known = np.add.outer(several, several, dtype=np.float64)
    usual = np.where(known > 0, np.add.outer(within, within) / np.maximum(known, 1), 1.0)
    shares = products / np.outer(counts, counts) / usual
    np.fill_diagonal(shares, -np.inf)
    return shares


def _mean(voices: Voices, seconds: NDArray[np.floating]) -> Voices:
    return unit((voices * seconds[:, None]).sum(axis=0))
