"""Conversations made of single utterances, with and without people who talk at once; how wrong their turns are told.

The diarisation error rate is the usual one (NIST Rich Transcription): speech that is missed, speech that nobody said
and speech of the wrong person, in shares of all speech, after the best pairing of the people told with those who
spoke. As usual a quarter of a second around each beginning and end is not counted; people who talk at once are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from engine.events import Samples

RATE_HZ = 16_000
COLLAR_S = 0.25
_STEPS_PER_S = 100
_SILENT = 0.008

Turn = tuple[float, float, str]  # start and end in seconds, who speaks


@dataclass(frozen=True, eq=False)
class Conversation:
    """The sound (n,) at 16 kHz, and who speaks when."""

    samples: Samples
    turns: tuple[Turn, ...]


def conversation(
    voices: Mapping[str, Sequence[Samples]], chance: np.random.Generator, seconds: float, at_once: bool
) -> Conversation:
    """People who take turns for so long, everybody at least once, each louder or softer than the others.

    With `at_once`, four of ten turns begin before the one before is over.
    """
    names = list(voices)
    gains = {name: 10 ** (chance.uniform(-3, 3) / 20) for name in names}
    queues: dict[str, list[int]] = {name: [] for name in names}
    waiting = [str(name) for name in chance.permutation(names)]
    placed: list[tuple[Samples, Turn]] = []
    now, last = 0.5, ""
    while now < seconds or waiting:
        who = waiting.pop(0) if waiting else str(chance.choice([name for name in names if name != last] or names))
        for first in (True, False) if chance.random() < 0.3 else (True,):
            queues[who] = queues[who] or chance.permutation(len(voices[who])).tolist()
            said = voices[who][queues[who].pop()] * gains[who]
            begins = now + chance.uniform(0.15, 0.8)
            if at_once and first and placed and chance.random() < 0.4:
                begins = max(now - chance.uniform(0.3, 1.2), placed[-1][1][0] + 0.8)
            now = begins + len(said) / RATE_HZ
            placed.append((said.astype(np.float32), (begins, now, who)))
        last = who
    sound = chance.normal(scale=1e-3, size=round((max(turn[1] for _, turn in placed) + 0.5) * RATE_HZ))
    for said, (begins, _, _) in placed:
        start = round(begins * RATE_HZ)
        sound[start : start + len(said)] += said
    return Conversation((sound / max(1.0, np.abs(sound).max())).astype(np.float32), tuple(turn for _, turn in placed))


def without_silence(samples: Samples) -> Samples:
    """The utterance from its first sound to its last."""
    loud = np.flatnonzero(np.convolve(np.abs(samples), np.full(400, 1 / 400), "same") > _SILENT)
    return samples[max(0, loud[0] - 400) : loud[-1] + 400]


def diarisation_error(spoken: Sequence[Turn], told: Sequence[Turn]) -> float:
    """The share of speech that is told wrong, 0 … (1 and more where much is told that nobody said)."""
    steps = round(max(turn[1] for turn in (*spoken, *told)) * _STEPS_PER_S) + 1
    counted = np.ones(steps, bool)
    for start_s, end_s, _ in spoken:
        for edge_s in (start_s, end_s):
            counted[max(0, round((edge_s - COLLAR_S) * _STEPS_PER_S)) : round((edge_s + COLLAR_S) * _STEPS_PER_S)] = (
                False
            )
    true, found = _speaking(spoken, steps)[:, counted], _speaking(told, steps)[:, counted]
    together = true.astype(int) @ found.T.astype(int)
    right = together[linear_sum_assignment(-together)].sum()
    wanted = np.maximum(true.sum(axis=0), found.sum(axis=0)).sum()
    return float((wanted - right) / true.sum())


def _speaking(turns: Sequence[Turn], steps: int) -> NDArray[np.bool_]:
    """Who speaks (people, steps) in each hundredth of a second."""
    people = sorted({who for _, _, who in turns})
    table = np.zeros((max(1, len(people)), steps), bool)
    for start_s, end_s, who in turns:
        table[people.index(who), round(start_s * _STEPS_PER_S) : round(end_s * _STEPS_PER_S)] = True
    return table
