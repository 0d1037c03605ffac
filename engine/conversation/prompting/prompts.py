"""From the records of a conversation to the prompt the language model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from engine.conversation.prompting.chat_template import (
    IdsPart,
    Message,
    Part,
    Prompt,
    SoundPart,
    TextPart,
    Variant,
    joined,
    opened,
    written,
)
from engine.conversation.prompting.reading import HeardWindow, Readable, keys_of
from engine.conversation.prompting.trimming import ShownTurn
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.events import Samples, ToolResult
from engine.hearing import patch_counts
from engine.language import Vocabulary

_REMINDER_CHINESE = "\n\n\n请用口语化形式总结检索结果，简短地回答用户的问题。"
_REMINDER = "\n\n\nPut the result into spoken words and answer the user's question briefly."


class Listener(Protocol):
    """What hears, on this machine (`Hearing`) or another."""

    def listen(self, samples_16k: Samples) -> tuple[HeardWindow, ...]:
        """The windows of a sound that have places in a prompt."""


@dataclass(frozen=True, eq=False)
class _Sound:
    """A sound once it is encoded; `key` names it in the prompt's keys."""

    key: int
    samples_16k: Samples
    windows: tuple[HeardWindow, ...]


@dataclass(frozen=True, eq=False)
class _Written:
    """What a turn is in the prompt, shown exactly like this, behind a persona in Chinese or not."""

    record: TurnRecord
    with_sound: bool
    chinese: bool
    prompt: Prompt
    keys: tuple[int, ...]
    sounds: tuple[HeardWindow, ...]


class Prompts:
    """Builds prompts. Keeps what it made of every turn, so that each sound and each text is encoded once."""

    def __init__(
        self, vocabulary: Vocabulary, hearing: Listener, variant: Variant, typed: Callable[[str], str] = str
    ) -> None:
        """`typed` is how a text that somebody typed is written for the model."""
        self._typed = typed
        self._vocabulary = vocabulary
        self._hearing = hearing
        self._variant = variant
        self._sounds: dict[int, _Sound] = {}
        self._written: dict[str, _Written] = {}
        self._made = 0

    def sound(self, record: TurnRecord) -> tuple[HeardWindow, ...]:
        """The windows of what the user said in this turn; empty without a sound."""
        return self._encoded(record.samples_16k).windows if record.samples_16k is not None else ()

    def _encoded(self, samples_16k: Samples) -> _Sound:
        """A sound is known by its array: turns with the same one, such as versions of a question, share it."""
        known = self._sounds.get(id(samples_16k))
        if known is None:
            windows = self._hearing.listen(samples_16k)
            self._made += 1
            known = self._sounds[id(samples_16k)] = _Sound(self._made, samples_16k, windows)
        return known

    def keep_only(self, turns: Sequence[ShownTurn]) -> None:
        """Drop what was kept of turns that are not shown, or not with their sound."""
        heard = {id(turn.record.samples_16k) for turn in turns if turn.with_sound}
        shown = {turn.record.id for turn in turns}
        self._sounds = {key: sound for key, sound in self._sounds.items() if key in heard}
        self._written = {turn_id: turn for turn_id, turn in self._written.items() if turn_id in shown}

    def length(self, persona: str, tools: str, turns: Sequence[ShownTurn], opening: str) -> int:
        """How many places `build` would make; no sound is encoded for it."""
        ends = self._beginning(persona, tools), opened(self._vocabulary, opening, self._variant)
        chinese = _is_chinese(persona)
        return sum(map(len, ends)) + sum(self._turn_length(turn, chinese) for turn in turns)

    def build(self, persona: str, tools: str, shown: Sequence[ShownTurn], opening: str) -> Readable:
        """The whole prompt: persona, schemas of the tools (JSON, or empty), the turns, and the opened answer."""
        return self._with_end(persona, tools, shown, opened(self._vocabulary, opening, self._variant))

    def build_beginning(self, persona: str, tools: str, shown: Sequence[ShownTurn]) -> Readable:
        """What a prompt begins with that shows these turns, one at the least, and others after them."""
        return self._with_end(persona, tools, shown, Prompt((), ()))

    def _with_end(self, persona: str, tools: str, shown: Sequence[ShownTurn], end: Prompt) -> Readable:
        beginning = self._beginning(persona, tools)
        chinese = _is_chinese(persona)
        turns = [self._turn(turn, chinese) for turn in shown]
        prompt = joined([beginning, *(turn.prompt for turn in turns), end])
        keys = tuple(chain(beginning.ids, *(turn.keys for turn in turns), end.ids))
        sounds = tuple(chain.from_iterable(turn.sounds for turn in turns))
        mark = self._variant != Variant.BASE  # the mark of whatever message comes next is shared as well
        return Readable(prompt, sounds, keys, min(len(beginning) + mark, len(prompt) - 1))

    def _beginning(self, persona: str, tools: str) -> Prompt:
        messages = [Message("system", persona)] if persona else []
        if tools:
            messages.append(Message("tool_json_schemas", tools))
        return written(self._vocabulary, messages, self._variant)

    def _known(self, turn: ShownTurn, chinese: bool) -> _Written | None:
        known = self._written.get(turn.record.id)
        if known is None or (known.record, known.with_sound, known.chinese) != (turn.record, turn.with_sound, chinese):
            return None
        return known

    def _turn(self, turn: ShownTurn, chinese: bool) -> _Written:
        known = self._known(turn, chinese)
        if known is None:
            samples = turn.record.samples_16k if turn.with_sound else None
            sound = self._encoded(samples) if samples is not None else None
            windows = sound.windows if sound else ()
            prompt = self._exchange(turn.record, [window.shape[0] for window in windows], chinese)
            keys = keys_of(prompt, [sound.key] * len(windows) if sound else [])
            known = _Written(turn.record, turn.with_sound, chinese, prompt, keys, windows)
            self._written[turn.record.id] = known
        return known

    def _turn_length(self, turn: ShownTurn, chinese: bool) -> int:
        if known := self._known(turn, chinese):
            return len(known.prompt)
        samples = turn.record.samples_16k if turn.with_sound else None
        patches = patch_counts(len(samples)) if samples is not None else []
        return len(self._exchange(turn.record, [count for count in patches if count], chinese))

    def _exchange(self, record: TurnRecord, patches: Sequence[int], chinese: bool) -> Prompt:
        """What was asked and answered in a turn; `patches` are the embeddings of its sound, window by window."""
        messages = [self._question(record, patches), *self._answer(record, chinese)]
        return written(self._vocabulary, messages, self._variant)

    def _question(self, record: TurnRecord, patches: Sequence[int]) -> Message:
        text = self._typed(record.text) if record.text else ""
        if not patches:
            said = record.transcript if record.samples_16k is not None and record.transcript else ""
            return Message("human", "\n".join(part for part in (said, text) if part))
        parts: list[Part] = [SoundPart(tuple(patches))]
        if text:
            parts.append(TextPart(text))
        return Message("human", parts)

    def _answer(self, record: TurnRecord, chinese: bool) -> list[Message]:
        messages = []
        for passage in record.passages:
            if passage.ids:
                messages.append(Message("assistant", [IdsPart(self._ids(passage))]))
            if passage.results:
                messages.append(Message("input", _results(passage.results, chinese)))
        return messages

    def _ids(self, passage: Passage) -> tuple[int, ...]:
        return (self._vocabulary.tts_start, *passage.ids) if passage.spoken else passage.ids


def _is_chinese(persona: str) -> bool:
    return any("\u4e00" <= sign <= "\u9fff" for sign in persona)


def _results(results: Sequence[ToolResult], chinese: bool) -> list[Part]:
    """One piece per result, then the reminder, in Chinese or in English."""
    if len(results) == 1:
        texts = [results[0].text]
    else:
        texts = [f"{result.name}: {result.text}\n" for result in results]
    return [TextPart(text) for text in (*texts, _REMINDER_CHINESE if chinese else _REMINDER)]
