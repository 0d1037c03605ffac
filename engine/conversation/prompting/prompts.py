"""From the records of a conversation to the prompt the language model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import mlx.core as mx

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
from engine.conversation.prompting.reading import Readable, keys_of
from engine.conversation.remembering.records import Passage, TurnRecord
from engine.events import Samples, ToolResult
from engine.hearing import Hearing
from engine.language import Vocabulary

_REMINDER_CHINESE = "\n\n\n请用口语化形式总结检索结果，简短地回答用户的问题。"
_REMINDER = "\n\n\nPut the result into spoken words and answer the user's question briefly."


@dataclass(frozen=True, eq=False)
class _Sound:
    """A sound once it is encoded; `key` names it in the prompt's keys."""

    key: int
    samples_16k: Samples
    windows: tuple[mx.array, ...]  # (n_i, D) each


@dataclass(frozen=True, eq=False)
class _Written:
    """What a turn is in the prompt. It holds for exactly this `record`, and for a persona in Chinese or not."""

    record: TurnRecord
    chinese: bool
    prompt: Prompt
    keys: tuple[int, ...]
    sounds: tuple[mx.array, ...]  # (n_i, D) each


class Prompts:
    """Builds prompts. Keeps what it made of every turn, so that each sound and each text is encoded once."""

    def __init__(self, vocabulary: Vocabulary, hearing: Hearing, variant: Variant) -> None:
        self._vocabulary = vocabulary
        self._hearing = hearing
        self._variant = variant
        self._sounds: dict[int, _Sound] = {}
        self._written: dict[int, _Written] = {}
        self._made = 0

    def sound(self, record: TurnRecord) -> tuple[mx.array, ...]:
        """Embeddings (n_i, D) of every window of what the user said in this turn; empty without a sound."""
        return self._encoded(record).windows if record.samples_16k is not None else ()

    def _encoded(self, record: TurnRecord) -> _Sound:
        assert record.samples_16k is not None
        known = self._sounds.get(record.key)
        if known is None or known.samples_16k is not record.samples_16k:
            windows = tuple(window for window in self._hearing.encode(record.samples_16k) if window.shape[0])
            mx.eval(windows)
            self._made += 1
            known = self._sounds[record.key] = _Sound(self._made, record.samples_16k, windows)
        return known

    def forget(self, keep: Sequence[TurnRecord]) -> None:
        """Drop what was kept of turns that are gone or no longer shown, and embeddings of sounds left out."""
        heard = {record.key for record in keep if not (record.left_out or record.sound_left_out)}
        shown = {record.key for record in keep if not record.left_out}
        self._sounds = {key: sound for key, sound in self._sounds.items() if key in heard}
        self._written = {key: turn for key, turn in self._written.items() if key in shown}

    def build(self, persona: str, tools: str, records: Sequence[TurnRecord], opening: str) -> Readable:
        """The whole prompt: persona, schemas of the tools (JSON, or empty), the turns, and the opened answer."""
        messages = [Message("system", persona)] if persona else []
        if tools:
            messages.append(Message("tool_json_schemas", tools))
        beginning = written(self._vocabulary, messages, self._variant)
        end = opened(self._vocabulary, opening, self._variant)
        chinese = any("\u4e00" <= sign <= "\u9fff" for sign in persona)
        turns = [self._turn(record, chinese) for record in records if not record.left_out]
        prompt = joined([beginning, *(turn.prompt for turn in turns), end])
        keys = tuple(chain(beginning.ids, *(turn.keys for turn in turns), end.ids))
        sounds = tuple(chain.from_iterable(turn.sounds for turn in turns))
        mark = self._variant != Variant.BASE  # the mark of whatever message comes next is shared as well
        return Readable(prompt, sounds, keys, min(len(beginning) + mark, len(prompt) - 1))

    def _turn(self, record: TurnRecord, chinese: bool) -> _Written:
        known = self._written.get(record.key)
        if known is None or known.record is not record or known.chinese != chinese:
            sound = None if record.samples_16k is None or record.sound_left_out else self._encoded(record)
            prompt = written(self._vocabulary, [self._question(record), *self._answer(record, chinese)], self._variant)
            keys = keys_of(prompt, [sound.key] * len(sound.windows) if sound else [])
            known = _Written(record, chinese, prompt, keys, sound.windows if sound else ())
            self._written[record.key] = known
        return known

    def _question(self, record: TurnRecord) -> Message:
        windows = () if record.sound_left_out else self.sound(record)
        if not windows:
            said = record.transcript if record.samples_16k is not None and record.transcript else ""
            return Message("human", "\n".join(part for part in (said, record.text) if part))
        parts: list[Part] = [SoundPart(tuple(window.shape[0] for window in windows))]
        if record.text:
            parts.append(TextPart(record.text))
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


def _results(results: Sequence[ToolResult], chinese: bool) -> list[Part]:
    """One piece per result, then the reminder, in Chinese or in English."""
    if len(results) == 1:
        texts = [results[0].text]
    else:
        texts = [f"{result.name}: {result.text}\n" for result in results]
    return [TextPart(text) for text in (*texts, _REMINDER_CHINESE if chinese else _REMINDER)]
