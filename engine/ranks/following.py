"""What the other ranks do: read what rank 0 reads, each with its part of the network."""

from __future__ import annotations

import mlx.core as mx

from engine.language import LanguageModel
from engine.language.cache import Cache
from engine.ranks.group import Message, Ranks
from engine.ranks.leading import Act, scores_of
from engine.ranks.parts import head_is_cut


def follow(llm: LanguageModel, ranks: Ranks) -> bool:
    """Read whatever rank 0 reads until it says that it ends (True) or is gone (False)."""
    follower = _Follower(llm, ranks)
    while (message := ranks.told()) is not None:
        if message[0] == Act.END:
            return True
        follower.act(message)
    return False


class _Follower:
    def __init__(self, llm: LanguageModel, ranks: Ranks) -> None:
        self._llm, self._ranks = llm, ranks
        self._caches: dict[int, Cache] = {}

    def act(self, message: Message) -> None:
        act, *values = message
        if act == Act.READ:
            self._read(*values[:5], padding=values[5:])
        elif act == Act.FORK:
            self._fork(*values)
        elif act == Act.KEEP_ROWS:
            self._caches[values[0]].keep_rows(mx.array(values[1:]))
        elif act == Act.DROP:
            for number in values:
                self._caches.pop(number, None)
        else:
            raise ValueError(f"rank 0 told of an act {act} that is not known")

    def _read(self, number: int, length: int, B: int, T: int, scores: int, *, padding: list[int]) -> None:
        cache = self._caches.get(number)
        if cache is None:
            cache = self._caches[number] = self._llm.new_cache(mx.array(padding) if padding else None)
        cache.trim(length)
        weight = self._llm.model.norm.weight
        embeddings = self._ranks.from_leader(mx.zeros((B, T, self._llm.config.hidden_size), weight.dtype))
        if scores and head_is_cut(self._llm.config, self._ranks.size):
            found = scores_of(self._llm, self._llm.read(embeddings, cache, last_only=True)[:, -1], self._ranks)
        else:
            found = self._llm.read(embeddings, cache, last_only=bool(scores))
        mx.async_eval(found, cache.arrays())

    def _fork(self, number: int, other: int, length: int) -> None:
        cache = self._caches.get(number)
        if cache is not None:  # else it never read anything
            cache.trim(length)
            self._caches[other] = cache.fork()
