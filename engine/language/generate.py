"""The loop that writes: read the prompt, then one id after the other, with one step always in flight."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from engine.language.cache import Cache
from engine.language.llm import LanguageModel
from engine.language.sampler import Sampler, Sampling

_PREFILL = 1024  # places read at once: bounds the memory of attention and the wait for a cancel
SHORT_PREFILL = 128  # of all rows together, where others wait between two steps


class Written(NamedTuple):
    """An id of a row of a batch. `log_probability` is the natural one before any sampling, None if not asked for."""

    row: int
    id: int
    log_probability: float | None = None


def generate(
    llm: LanguageModel,
    cache: Cache,
    embeddings: mx.array,
    *,
    sampling: Sampling,
    end_ids: Collection[int],
    max_tokens: int,
    penalised_ids: Sequence[int] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Read embeddings (T, D) or (1, T, D) after what `cache` holds, then yield ids until one of `end_ids` was yielded.

    Stops after `max_tokens`, or when `cancelled` says so, which is asked before every id and every part of the prompt.
    `penalised_ids` are what the repetition penalty counts besides the ids written here (as a rule the whole prompt).
    While an id is in the caller's hands, `cache` holds the prompt and the yielded ids, or one less; it may be trimmed
    to any earlier place once the generator is closed.
    """
    if embeddings.ndim == 2:
        embeddings = embeddings[None]
    sampler = Sampler(sampling, llm.config.vocab_size, [penalised_ids], llm.chooser(sampling))
    scores = prefill(llm, cache, embeddings, cancelled)
    if scores is None or max_tokens <= 0:
        return
    coming = sampler(scores)
    mx.async_eval(coming)
    for written in range(1, max_tokens + 1):
        if cancelled():
            return
        current = coming
        if written < max_tokens:
            coming = sampler(llm(llm.embed(current[:, None]), cache))
            mx.async_eval(coming)
        id = _ids(current)[0]
        yield id
        if id in end_ids:
            return


def prefill(
    llm: LanguageModel, cache: Cache, embeddings: mx.array, cancelled: Callable[[], bool] = lambda: False
) -> mx.array | None:
    """Scores (B, V) after reading embeddings (B, T, D) in parts; None if cancelled before the end.

    Raises ValueError for an empty prompt.
    """
    reading = _read_in_parts(llm, cache, embeddings, _PREFILL)
    while not cancelled():
        try:
            next(reading)
        except StopIteration as end:
            scores: mx.array = end.value
            return scores
    return None


def _read_in_parts(
    llm: LanguageModel, cache: Cache, embeddings: mx.array, places: int
) -> Generator[None, None, mx.array]:
    """Read so many places (of every row) at a time; the scores after the last of them are returned."""
    T = embeddings.shape[1]
    if T == 0:
        raise ValueError("a prompt needs at least one place")
    last = (T - 1) // places * places
    for start in range(0, last, places):
        llm.hidden_states(embeddings[:, start : start + places], cache)
        mx.eval(cache.arrays())
        yield
    return llm(embeddings[:, last:], cache)


def generate_batch(
    llm: LanguageModel,
    prompts: Sequence[mx.array],
    *,
    sampling: Sampling,
    end_ids: Collection[int],
    max_tokens: int,
    penalised_ids: Sequence[Sequence[int]] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[int, int]]:
    """Answer several prompts (T_i, D) side by side: yields (row, id), each row's last one being an end id.

    Shorter prompts are padded in front and masked. Rows that ended leave the batch when half of it is idle, so that
    long rows do not pay for short ones.
    """
    for step in generate_batch_in_steps(
        llm,
        prompts,
        sampling=sampling,
        end_ids=end_ids,
        max_tokens=max_tokens,
        penalised_ids=penalised_ids,
        cancelled=cancelled,
    ):
        yield from ((written.row, written.id) for written in step)


def generate_batch_in_steps(
    llm: LanguageModel,
    prompts: Sequence[mx.array],
    *,
    sampling: Sampling,
    end_ids: Collection[int],
    max_tokens: int,
    penalised_ids: Sequence[Sequence[int]] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    judge: bool = False,
) -> Iterator[list[Written]]:
    """`generate_batch` for somebody who lets others pass: yields what each step gave, and nothing after each part of
    the prompts that was read. With `judge` the log-probability of every id is computed too.
    """
    if not prompts or max_tokens <= 0:
        return
    embeddings, padding = _side_by_side(prompts)
    cache = llm.new_cache(padding)
    counted = penalised_ids or [[] for _ in prompts]
    chosen = _Chosen(Sampler(sampling, llm.config.vocab_size, counted, llm.chooser(sampling)), judge)
    reading = _read_in_parts(llm, cache, embeddings, max(SHORT_PREFILL // len(prompts), 1))
    while True:
        if cancelled():
            return
        try:
            next(reading)
        except StopIteration as end:
            scores: mx.array = end.value
            break
        yield []
    rows = list(range(len(prompts)))  # which prompt each row of the batch answers
    running = set(rows)
    coming = chosen.after(scores)
    for written in range(1, max_tokens + 1):
        if cancelled():
            return
        current = coming
        if written < max_tokens:
            coming = chosen.after(llm(llm.embed(current[0][:, None]), cache))
        step = [Written(row, *each) for row, each in zip(rows, _read_back(current), strict=True) if row in running]
        yield step
        running.difference_update(each.row for each in step if each.id in end_ids)
        if not running:
            return
        if 2 * len(running) <= len(rows):
            kept = [place for place, row in enumerate(rows) if row in running]
            rows = [rows[place] for place in kept]
            cache.keep_rows(mx.array(kept))
            chosen.sampler.keep_rows(mx.array(kept))
            coming = [array[mx.array(kept)] for array in coming]


class _Chosen:
    """Chooses the next ids of all rows; `judge` says whether to tell how likely they were."""

    def __init__(self, sampler: Sampler, judge: bool) -> None:
        self.sampler, self._judge = sampler, judge

    def after(self, scores: mx.array) -> list[mx.array]:
        """Ids (B,) by scores (B, V), and if asked their log-probabilities (B,); they are on their way."""
        chosen = [self.sampler(scores)]
        if self._judge:
            scores = scores.astype(mx.float32)
            of_ids = mx.take_along_axis(scores, chosen[0][:, None], axis=-1)[:, 0]
            chosen.append(of_ids - mx.logsumexp(scores, axis=-1))
        mx.async_eval(*chosen)
        return chosen


def _read_back(chosen: list[mx.array]) -> Iterator[tuple[int, float | None]]:
    ids, *judged = (np.array(array).tolist() for array in chosen)
    return zip(ids, *judged, strict=True) if judged else ((id, None) for id in ids)


def _ids(chosen: mx.array) -> list[int]:
    return np.array(chosen).tolist()


def _side_by_side(prompts: Sequence[mx.array]) -> tuple[mx.array, mx.array | None]:
    """Prompts (T_i, D) as (B, T, D), padded in front, and the padding (B,); None where all are equally long."""
    lengths = [prompt.shape[0] for prompt in prompts]
    T = max(lengths)
    embeddings = mx.stack([mx.pad(prompt, [(T - prompt.shape[0], 0), (0, 0)]) for prompt in prompts])
    if min(lengths) == T:
        return embeddings, None
    return embeddings, mx.array([T - length for length in lengths])
