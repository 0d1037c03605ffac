"""From the records of a conversation to the prompt the language model reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx

from engine.conversation.chat_template import IdsPart, Message, Part, SoundPart, TextPart, Variant, build
from engine.conversation.history import Passage, TurnRecord
from engine.conversation.reading import Readable, keys_of
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


class Prompts:
    """Builds prompts; keeps the embeddings of every sound, so that each is encoded once."""

    def __init__(self, vocabulary: Vocabulary, hearing: Hearing, variant: Variant) -> None:
        self._vocabulary = vocabulary
        self._hearing = hearing
        self._variant = variant
        self._sounds: dict[int, _Sound] = {}
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
        """Drop embeddings of turns that are gone or no longer shown with their sound."""
        shown = {record.key for record in keep if not (record.left_out or record.sound_left_out)}
        self._sounds = {key: sound for key, sound in self._sounds.items() if key in shown}

    def build(self, persona: str, tools: str, records: Sequence[TurnRecord], opening: str) -> Readable:
        """The whole prompt: persona, schemas of the tools (JSON, or empty), the turns, and the opened answer."""
        beginning = [Message("system", persona)] if persona else []
        if tools:
            beginning.append(Message("tool_json_schemas", tools))
        messages = list(beginning)
        owners: list[int] = []
        sounds: list[mx.array] = []
        for record in records:
            if record.left_out:
                continue
            messages.append(self._question(record))
            if record.samples_16k is not None and not record.sound_left_out:
                sound = self._encoded(record)
                owners += [sound.key] * len(sound.windows)
                sounds += sound.windows
            messages += self._answer(record, persona)
        prompt = build(self._vocabulary, messages, opening, self._variant)
        shared = prompt.shared_with(build(self._vocabulary, beginning, opening, self._variant))
        return Readable(prompt, tuple(sounds), keys_of(prompt, owners), min(shared, len(prompt) - 1))

    def _question(self, record: TurnRecord) -> Message:
        windows = () if record.sound_left_out else self.sound(record)
        if not windows:
            said = record.transcript if record.samples_16k is not None and record.transcript else ""
            return Message("human", "\n".join(part for part in (said, record.text) if part))
        parts: list[Part] = [SoundPart(tuple(window.shape[0] for window in windows))]
        if record.text:
            parts.append(TextPart(record.text))
        return Message("human", parts)

    def _answer(self, record: TurnRecord, persona: str) -> list[Message]:
        messages = []
        for passage in record.passages:
            if passage.ids:
                messages.append(Message("assistant", [IdsPart(self._ids(passage))]))
            if passage.results:
                messages.append(Message("input", _results(passage.results, persona)))
        return messages

    def _ids(self, passage: Passage) -> tuple[int, ...]:
        return (self._vocabulary.tts_start, *passage.ids) if passage.spoken else passage.ids


def _results(results: Sequence[ToolResult], persona: str) -> list[Part]:
    """One piece per result, then the reminder, in the language of the persona."""
    if len(results) == 1:
        texts = [results[0].text]
    else:
        texts = [f"{result.name}: {result.text}\n" for result in results]
    chinese = any("\u4e00" <= sign <= "\u9fff" for sign in persona)
    return [TextPart(text) for text in (*texts, _REMINDER_CHINESE if chinese else _REMINDER)]
