"""What a conversation needs of the loaded model, and the single tasks it gives it on the side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import mlx.core as mx

from engine.conversation.chat_template import Variant, embedded
from engine.conversation.passages import passages
from engine.conversation.reading import SharedPrefixes
from engine.conversation.settings import TALK, WRITE_DOWN, sampling_for
from engine.conversation.tasks import read_aloud_prompt, transcribe_prompt
from engine.hearing import Hearing
from engine.language import LanguageModel, Sampling, Vocabulary, generate

if TYPE_CHECKING:
    from engine.speaking import Speaking

_MOST_WRITTEN = 448  # ids for each window of 25 s
_SPOKEN_FOR_A_CHARACTER = 20  # ids, generously: a Chinese character takes about seven
_SPOKEN_AT_LEAST = 200


class Abilities(Protocol):
    """What the model can do."""

    @property
    def thinks(self) -> bool: ...
    @property
    def speaks(self) -> bool: ...


class Model(Protocol):
    """The engine, as a session sees it."""

    name: str
    variant: str
    context_length: int
    vocabulary: Vocabulary
    llm: LanguageModel
    hearing: Hearing
    shared_prefixes: SharedPrefixes

    @property
    def capabilities(self) -> Abilities: ...
    @property
    def speaking(self) -> Speaking: ...
    @property
    def about(self) -> dict[str, Any]: ...


def written_down(model: Model, sounds: Sequence[mx.array], cancelled: Callable[[], bool]) -> str:
    """What is said in a sound, whose windows have the embeddings `sounds` (n_i, D). On a cache of its own.

    Nothing where there are none: the sound was too short to say anything.
    """
    if not sounds:
        return ""
    vocabulary, llm = model.vocabulary, model.llm
    prompt = transcribe_prompt(vocabulary, [sound.shape[0] for sound in sounds], Variant(model.variant))
    ids = generate(
        llm,
        llm.new_cache(),
        embedded(llm, prompt, sounds),
        sampling=sampling_for("transcribe", model.about, WRITE_DOWN),
        end_ids=vocabulary.end_ids,
        max_tokens=min(_MOST_WRITTEN * len(sounds), model.context_length - len(prompt)),
        cancelled=cancelled,
    )
    return vocabulary.decode(id for id in ids if vocabulary.text_bytes(id) is not None).strip()


def read_aloud(model: Model, text: str, asked: Sampling | None, cancelled: Callable[[], bool]) -> Iterator[int]:
    """Speech tokens (0 …) of the model reading `text` aloud, as they come. On a cache of its own.

    Text that the model's context does not hold together with its speech is read in passages.
    """
    for passage in passages(text, model.context_length - _SPOKEN_AT_LEAST):
        if cancelled():
            return
        yield from _read_passage(model, passage, asked, cancelled)


def _read_passage(model: Model, text: str, asked: Sampling | None, cancelled: Callable[[], bool]) -> Iterator[int]:
    vocabulary, llm = model.vocabulary, model.llm
    prompt = read_aloud_prompt(vocabulary, text, Variant(model.variant))
    ids = generate(
        llm,
        llm.new_cache(),
        embedded(llm, prompt, ()),
        penalised_ids=prompt.ids,
        sampling=asked or sampling_for("speech", model.about, TALK),
        end_ids=vocabulary.end_ids,
        max_tokens=min(_SPOKEN_AT_LEAST + _SPOKEN_FOR_A_CHARACTER * len(text), model.context_length - len(prompt)),
        cancelled=cancelled,
    )
    return (id - vocabulary.speech.start for id in ids if id in vocabulary.speech)
