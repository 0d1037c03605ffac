"""What the language model has read so far, kept so that a new prompt costs only what is new in it.

Every prompt is built whole. Its places are named by keys: an id for text and speech, a number of its own for each
embedding of a sound. What a prompt has in common with what was read before, from the beginning on, is reused; the rest
is read. Interrupting, editing, regenerating and deleting are all this one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import mlx.core as mx
import numpy as np

from engine.conversation.prompting.chat_template import Prompt, embedded
from engine.language import Cache, LanguageModel, Sampling, generate
from engine.language.generate import SHORT_PREFILL, prefill

_SOUND_KEYS = 1 << 24  # places of one sound; more than any context holds


class HeardWindow(Protocol):
    """A window of a sound as a prompt holds it: its embeddings (n, D), or what stands for them where another machine
    hears.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...


class PromptReader(Protocol):
    """Reads the prompts of one conversation and writes what follows them, on this machine (`Reader`) or another."""

    @property
    def reused(self) -> int:
        """Places of the last prompt that had been read before."""

    def write(
        self,
        readable: Readable,
        *,
        sampling: Sampling,
        end_ids: Collection[int],
        max_tokens: int,
        penalise_prompt: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """See `Reader.write`."""

    def prefers(
        self, readable: Readable, id: int, other: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """See `Reader.prefers`."""

    @property
    def reads_ahead(self) -> bool:
        """Whether `read` is of use: another machine reads only what something is to follow."""

    def read(self, readable: Readable) -> bool:
        """See `Reader.read`."""

    def forget(self) -> None:
        """Start over, after a failure."""


@dataclass(frozen=True, eq=False)
class Readable:
    """A prompt with what is needed to read it: `sounds` (n_i, D) for `prompt.sounds`, and the key of every place.

    `shared` is the number of places at its beginning that other conversations begin with as well.
    """

    prompt: Prompt
    sounds: tuple[HeardWindow, ...]
    keys: tuple[int, ...]
    shared: int = 0

    @classmethod
    def alone(cls, prompt: Prompt, sounds: Sequence[HeardWindow] = ()) -> Readable:
        """A prompt that has nothing in common with others; `sounds` has a window for each of `prompt.sounds`."""
        return cls(prompt, tuple(sounds), keys_of(prompt, range(len(sounds))))

    def __len__(self) -> int:
        return len(self.keys)

    def followed_by(self, ids: Sequence[int]) -> Readable:
        """The prompt with ids behind it."""
        prompt = Prompt((*self.prompt.ids, *ids), self.prompt.sounds)
        return replace(self, prompt=prompt, keys=(*self.keys, *ids))

    def up_to(self, length: int) -> Readable:
        """The first `length` places. Must not end within a sound."""
        kept = sum(places.stop <= length for places in self.prompt.sounds)
        prompt = Prompt(self.prompt.ids[:length], self.prompt.sounds[:kept])
        return Readable(prompt, self.sounds[:kept], self.keys[:length], min(self.shared, length))


def keys_of(prompt: Prompt, owners: Sequence[int]) -> tuple[int, ...]:
    """The keys of a prompt's places; `owners` says for each of its windows to which sound, by number, it belongs."""
    keys = list(prompt.ids)
    used: dict[int, int] = {}
    for places, owner in zip(prompt.sounds, owners, strict=True):
        first = owner * _SOUND_KEYS + used.get(owner, 0)
        keys[places.start : places.stop] = [-1 - key for key in range(first, first + len(places))]
        used[owner] = used.get(owner, 0) + len(places)
    return tuple(keys)


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many places two sequences of keys begin with together."""
    shorter = min(len(one), len(other))
    if tuple(one[:shorter]) == tuple(other[:shorter]):
        return shorter
    return next(place for place in range(shorter) if one[place] != other[place])


class SharedPrefixes:
    """Beginnings that several conversations share (system prompt, tools), read once and forked."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: list[tuple[tuple[int, ...], Cache]] = []

    def fork(self, keys: Sequence[int]) -> tuple[Cache, int] | None:
        """A cache that holds the longest beginning of `keys` there is, and its length."""
        fitting = [(len(kept), cache) for kept, cache in self._kept if tuple(keys[: len(kept)]) == kept]
        if not fitting:
            return None
        length, cache = max(fitting, key=lambda entry: entry[0])
        return cache.fork(), length

    def keep(self, keys: Sequence[int], cache: Cache) -> None:
        """Remember what `cache` holds, all of it, under `keys`; the oldest entry goes when there are too many."""
        self._kept = [entry for entry in self._kept if entry[0] != tuple(keys)]
        self._kept.append((tuple(keys), cache.fork()))
        del self._kept[: -self._most]

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


class Reader:
    """One conversation's cache. `write` is the only way to write with it."""

    reads_ahead = True

    def __init__(self, llm: LanguageModel, shared: SharedPrefixes | None = None) -> None:
        self._llm = llm
        self._shared = shared
        self._cache = llm.new_cache()
        self._keys: tuple[int, ...] = ()
        self.reused = 0  # places of the last prompt that had been read before

    @property
    def length(self) -> int:
        """Places the cache holds."""
        return len(self._keys)

    @property
    def nbytes(self) -> int:
        """Bytes of the cache."""
        return self._cache.nbytes

    def forget(self) -> None:
        """Start over, after a failure."""
        self._cache, self._keys = self._llm.new_cache(), ()

    def read(self, readable: Readable) -> bool:
        """Read some places more of what later prompts begin with; False, and nothing is read, where all of it was.

        What was read beyond it is kept as long as it begins like this.
        """
        if common_length(self._keys, readable.keys) == len(readable):
            return False
        some = self._begin(readable)[:SHORT_PREFILL]
        self._llm.hidden_states(some[None], self._cache)
        mx.eval(self._cache.arrays())
        self._keys = readable.keys[: self._cache.length]
        return True

    def prefers(
        self, readable: Readable, id: int, other: int | None, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """Whether `id` is likelier to follow the prompt than `other`, or where that is None than any other one. False
        if cancelled.
        """
        scores = self._scores(readable, cancelled)
        if scores is None:
            return False
        rival = np.array(mx.argmax(scores)).item() if other is None else other
        return id == rival or bool((scores[id] > scores[rival]).item())

    def _scores(self, readable: Readable, cancelled: Callable[[], bool]) -> mx.array | None:
        """Scores (V,) of what follows the prompt; None if cancelled."""
        embeddings = self._begin(readable)
        try:
            scores = prefill(self._llm, self._cache, embeddings[None], cancelled)
        finally:
            self._keys = readable.keys[: self._cache.length]
        return None if scores is None else scores[0]

    def write(
        self,
        readable: Readable,
        *,
        sampling: Sampling,
        end_ids: Collection[int],
        max_tokens: int,
        penalise_prompt: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """Read what is new in the prompt and yield the ids that follow, an end id last. May be closed at any id.

        The repetition penalty counts what was written, and the prompt's ids with `penalise_prompt`.
        """
        embeddings = self._begin(readable)
        written: list[int] = []
        stream = generate(
            self._llm,
            self._cache,
            embeddings,
            penalised_ids=readable.prompt.ids if penalise_prompt else (),
            sampling=sampling,
            end_ids=end_ids,
            max_tokens=max_tokens,
            cancelled=cancelled,
        )
        try:
            for id in stream:
                written.append(id)
                yield id
        finally:
            stream.close()  # type: ignore[attr-defined]
            self._keys = (*readable.keys, *written)[: self._cache.length]

    def _begin(self, readable: Readable) -> mx.array:
        """Trim the cache to what the prompt shares with it; embeddings of the rest, at least of the last place."""
        most = len(readable) - 1
        same = self.reused = min(common_length(self._keys, readable.keys), most)
        if same < readable.shared:
            same = self._from_shared(readable, same)
        self._cache.trim(same)
        self._keys = self._keys[:same]
        return embedded(self._llm, readable.prompt, _embeddings(readable), same)

    def _from_shared(self, readable: Readable, same: int) -> int:
        """Put the shared beginning into the cache: forked if it was read before, else read and kept for others.

        Returns how many places the cache now has in common with the prompt.
        """
        if self._shared is None:
            return same
        found = self._shared.fork(readable.keys[: readable.shared])
        if found and found[1] > same:
            self._cache, same = found
            self._keys, self.reused = readable.keys[:same], same
        if same < readable.shared < len(readable):
            self._cache.trim(same)
            beginning = readable.up_to(readable.shared)
            embeddings = embedded(self._llm, beginning.prompt, _embeddings(beginning), same)
            self._llm.hidden_states(embeddings[None], self._cache)
            mx.eval(self._cache.arrays())
            self._keys, same = beginning.keys, readable.shared
            self._shared.keep(beginning.keys, self._cache)
        return same


def _embeddings(readable: Readable) -> tuple[mx.array, ...]:
    """The windows of a prompt that was heard on this machine."""
    return cast("tuple[mx.array, ...]", readable.sounds)
