"""Rank 0's language model: what it reads, the other ranks are told to read too."""

from __future__ import annotations

import itertools
import threading
import weakref
from enum import IntEnum

import mlx.core as mx

from engine.language import LanguageModel, LlmConfig
from engine.language.cache import Cache
from engine.ranks.group import Ranks
from engine.ranks.parts import head_is_cut


class Act(IntEnum):
    """What rank 0 does next; the first value of a message."""

    READ = 0  # cache, its length, B, T, 1 for scores, then the padding of a new cache's rows
    FORK = 1  # cache, the new one, its length
    KEEP_ROWS = 2  # cache, then the rows
    DROP = 3  # caches
    END = 4


class LeadingModel(LanguageModel):
    """As `LanguageModel`; every forward pass is one of all ranks.

    Belongs to one thread, as MLX's arrays do. Nothing in it can be differentiated.
    """

    def __init__(self, config: LlmConfig, ranks: Ranks) -> None:
        super().__init__(config)
        self._ranks = ranks
        self._numbers = itertools.count()
        self._dropped: list[int] = []
        self._dropping = threading.Lock()  # a cache may be collected on any thread

    def new_cache(self, padding: mx.array | None = None) -> Cache:
        """See `LanguageModel`."""
        return self._numbered(LeadingCache(self.config.num_hidden_layers, self._ranks, next(self._numbers), padding))

    def _numbered(self, cache: LeadingCache) -> LeadingCache:
        cache.model = weakref.ref(self)
        weakref.finalize(cache, self._drop, cache.number)
        return cache

    def _drop(self, number: int) -> None:
        with self._dropping:
            self._dropped.append(number)

    def hidden_states(self, embeddings: mx.array, cache: Cache | None = None) -> mx.array:
        """See `LanguageModel`; there must be a cache."""
        return _started(self.read(self._told(embeddings, cache, scores=False), cache))

    def __call__(self, embeddings: mx.array, cache: Cache | None = None) -> mx.array:
        """See `LanguageModel`; there must be a cache."""
        embeddings = self._told(embeddings, cache, scores=True)
        hidden = self.read(embeddings, cache, last_only=True)[:, -1]
        return _started(scores_of(self, hidden, self._ranks))

    def _told(self, embeddings: mx.array, cache: Cache | None, *, scores: bool) -> mx.array:
        if not isinstance(cache, LeadingCache):
            raise ValueError("a model on several ranks reads with a cache of its own")
        with self._dropping:
            dropped, self._dropped = self._dropped, []
        if dropped:
            self._ranks.tell((Act.DROP, *dropped))
        B, T, _ = embeddings.shape
        new = cache.padding is not None and not cache.length
        padding: list[int] = cache.padding.tolist() if new else []  # type: ignore[union-attr, assignment]
        self._ranks.tell((Act.READ, cache.number, cache.length, B, T, int(scores), *padding))
        return self._ranks.from_leader(embeddings.astype(self.model.norm.weight.dtype))

    def end(self) -> None:
        """Tell the other ranks to end. Raises LostRankError if one is gone already."""
        self._ranks.tell((Act.END,))


class LeadingCache(Cache):
    """This rank's keys and values; what happens to them happens to the other ranks' as well."""

    def __init__(self, layers: int, ranks: Ranks, number: int, padding: mx.array | None) -> None:
        super().__init__(layers, padding)
        self._ranks = ranks
        self.number = number
        self.model: weakref.ref[LeadingModel] | None = None

    def fork(self) -> Cache:
        """See `Cache`."""
        model = self.model() if self.model is not None else None
        if model is None:
            raise ValueError("the model of this cache is gone")
        other = model.new_cache(self.padding)
        assert isinstance(other, LeadingCache)
        self._ranks.tell((Act.FORK, self.number, other.number, self.length))
        other.take_from(super().fork())
        return other

    def keep_rows(self, rows: mx.array) -> None:
        """See `Cache`."""
        self._ranks.tell((Act.KEEP_ROWS, self.number, *rows.tolist()))  # type: ignore[misc]
        super().keep_rows(rows)


def scores_of(llm: LanguageModel, hidden: mx.array, ranks: Ranks) -> mx.array:
    """Scores (B, V) of hidden states (B, D): each rank finds those of its own ids where the head is cut."""
    scores = llm.head(hidden)
    return ranks.side_by_side(scores) if head_is_cut(llm.config, ranks.size) else scores


def _started(array: mx.array) -> mx.array:
    """All sums must be begun in one order on all ranks: the order in which the reading was told."""
    mx.async_eval(array)
    return array
