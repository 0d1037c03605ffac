"""Messages → the exact ids the model was trained on, and where the embeddings of sounds go.

Source: the official wheel's `apply_chat_template` and examples (docs/model.md, Prompts). Each piece of the template
is tokenised on its own and the ids are joined, so no merge crosses pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import mlx.core as mx

from engine.language import LanguageModel, Vocabulary

SPOKEN = "<tts_start>"
THINKING = "\n<think>\n"
THINKING_ENDS = "</think>"


class Variant(StrEnum):
    """Which of the published models: chat and think take roles, base takes plain text and sound."""

    CHAT = "chat"
    BASE = "base"
    THINK = "think"


@dataclass(frozen=True)
class TextPart:
    """A piece of text; special names in it stay text."""

    text: str


@dataclass(frozen=True)
class SoundPart:
    """A sound: how many embeddings each of its 25 s windows has (`patch_counts`)."""

    patches: tuple[int, ...]


@dataclass(frozen=True)
class IdsPart:
    """Ids as they are: what the model itself wrote, its speech included."""

    ids: tuple[int, ...]


Part = TextPart | SoundPart | IdsPart


@dataclass(frozen=True)
class Message:
    """One message. Text is one piece together with its header; None is the header alone, left open.

    Roles: system, human (user is the same), assistant, tool_json_schemas, input.
    """

    role: str
    content: str | Sequence[Part] | None


@dataclass(frozen=True)
class Prompt:
    """The ids of a prompt; `sounds` are the places of each window's `<audio_patch>` ids, in order."""

    ids: tuple[int, ...]
    sounds: tuple[range, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


def build(
    vocabulary: Vocabulary, messages: Sequence[Message], opening: str = "", variant: Variant = Variant.CHAT
) -> Prompt:
    """The prompt of `messages` and, behind them, the assistant's unfinished message that begins with `opening`."""
    return joined([written(vocabulary, messages, variant), opened(vocabulary, opening, variant)])


def written(vocabulary: Vocabulary, messages: Sequence[Message], variant: Variant = Variant.CHAT) -> Prompt:
    """The part of a prompt that finished messages are. A base model has no roles: their pieces follow one another."""
    builder = _Builder(vocabulary)
    for message in messages:
        if variant == Variant.BASE:
            builder.add_content(message.content)
        else:
            builder.add_message(message)
    return builder.prompt()


def opened(vocabulary: Vocabulary, opening: str = "", variant: Variant = Variant.CHAT) -> Prompt:
    """The end of a prompt: the assistant's unfinished message.

    `opening` is "", SPOKEN, THINKING, or thinking that was done followed by SPOKEN; only there SPOKEN is a mark.
    """
    builder = _Builder(vocabulary)
    if variant == Variant.BASE:
        builder.add_opening("", opening)
    else:
        builder.ids.append(vocabulary.bot)
        builder.add_opening("assistant\n", opening)
    return builder.prompt()


def joined(parts: Iterable[Prompt]) -> Prompt:
    """Parts of a prompt one behind the other."""
    ids: list[int] = []
    sounds: list[range] = []
    for part in parts:
        sounds += [range(len(ids) + places.start, len(ids) + places.stop) for places in part.sounds]
        ids += part.ids
    return Prompt(tuple(ids), tuple(sounds))


class _Builder:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.ids: list[int] = []
        self._sounds: list[range] = []

    def prompt(self) -> Prompt:
        return Prompt(tuple(self.ids), tuple(self._sounds))

    def add_message(self, message: Message) -> None:
        role = "human" if message.role == "user" else message.role
        self.ids.append(self._vocabulary.bot)
        if isinstance(message.content, str):
            self._add_text(f"{role}\n{message.content}")
        else:
            self._add_text(f"{role}\n")
            self.add_content(message.content)
        if message.content is not None:
            self.ids.append(self._vocabulary.eot)

    def add_content(self, content: str | Sequence[Part] | None) -> None:
        parts = [TextPart(content)] if isinstance(content, str) else content or ()
        for part in parts:
            match part:
                case TextPart(text):
                    self._add_text(text)
                case IdsPart(ids):
                    self.ids.extend(ids)
                case SoundPart(patches):
                    for count in patches:
                        self._add_window(count)

    def add_opening(self, header: str, opening: str) -> None:
        before, mark, after = opening.partition(SPOKEN)
        self._add_text(header + before)
        if mark:
            self.ids.append(self._vocabulary.tts_start)
        self._add_text(after)

    def _add_text(self, text: str) -> None:
        self.ids.extend(self._vocabulary.encode(text))

    def _add_window(self, patches: int) -> None:
        self.ids.append(self._vocabulary.audio_start)
        self._sounds.append(range(len(self.ids), len(self.ids) + patches))
        self.ids.extend([self._vocabulary.audio_patch] * patches)
        self.ids.append(self._vocabulary.audio_end)


def embedded(llm: LanguageModel, prompt: Prompt, sounds: Sequence[mx.array], start: int = 0) -> mx.array:
    """Embeddings (T − start, D) of the prompt from place `start` on, the sounds' own (n_i, D) in their places.

    `sounds` has one array for each of `prompt.sounds`; those that lie wholly before `start` may be empty.
    Raises ValueError when an array does not fit its places.
    """
    pieces = list(_pieces(llm, prompt, sounds, start))
    if not pieces:
        raise ValueError(f"the prompt has {len(prompt)} places, none after {start}")
    return mx.concatenate(pieces)


def _pieces(llm: LanguageModel, prompt: Prompt, sounds: Sequence[mx.array], start: int) -> Iterator[mx.array]:
    place = start
    for places, sound in zip(prompt.sounds, sounds, strict=True):
        if places.stop <= start:
            continue
        if sound.shape[0] != len(places):
            raise ValueError(f"a sound has {sound.shape[0]} embeddings for {len(places)} places")
        yield from _text_embeddings(llm, prompt.ids[place : places.start])
        wanted = sound[max(start - places.start, 0) :]
        yield wanted.astype(llm.model.norm.weight.dtype)
        place = places.stop
    yield from _text_embeddings(llm, prompt.ids[place:])


def _text_embeddings(llm: LanguageModel, ids: Sequence[int]) -> Iterator[mx.array]:
    if ids:  # quantised embeddings cannot be asked for none
        yield llm.embed(mx.array(list(ids), dtype=mx.int32))
