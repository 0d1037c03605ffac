"""Conversations as the ids that the app writes and the model is to write: the layout of the prompt, case by case.

A row is a list of pieces: ids to read, ids to learn, and places of sounds. It must equal what a session writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.timers import TimerService
from engine.language.vocabulary import Vocabulary
from starter.texts.dialogues import REMINDER, Dialogue, Turn

NOTHING_TO_THINK = "There is nothing to work out."
RUN_AHEAD = 4  # text ids before the first speech
SPEECH_PER_TEXT = 4


@cache
def schemas(names: tuple[str, ...]) -> str:
    """The JSON of the named tools as it stands in a prompt."""
    return builtin_tools(TimerService()).schemas(names)


def interleaved(text: Sequence[int], speech: Sequence[int]) -> list[int]:
    """Text ids and speech ids as the model writes them: a few of text first, then one of text, four of speech."""
    ids = list(text[:RUN_AHEAD])
    place = 0
    for id in text[RUN_AHEAD:]:
        ids += speech[place : place + SPEECH_PER_TEXT]
        ids.append(id)
        place += SPEECH_PER_TEXT
    return ids + list(speech[place:])


@dataclass
class Row:
    """Ids (T,), which of them are learned (weights), and the sounds: (place of the first patch, patches, key)."""

    ids: list[int] = field(default_factory=list)
    learned: list[float] = field(default_factory=list)
    sounds: list[tuple[int, int, object]] = field(default_factory=list)

    def read(self, ids: Sequence[int]) -> None:
        """Ids that are given."""
        self.ids += ids
        self.learned += [0.0] * len(ids)

    def write(self, ids: Sequence[int], weight: float = 1.0) -> None:
        """Ids that are learned."""
        self.ids += ids
        self.learned += [weight] * len(ids)

    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Ids and weights as arrays."""
        return np.array(self.ids, dtype=np.int32), np.array(self.learned, dtype=np.float32)


@dataclass(frozen=True)
class Sound:
    """A question that is heard: how many patches it takes and where its samples are."""

    patches: int
    key: object


class Layout:
    """Writes rows with one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._pieces: dict[str, list[int]] = {}
        v = vocabulary
        self.plain = [v.bot, *self.text("assistant\n")]
        self.thinking = [v.bot, *self.text("assistant\n\n<think>\n")]
        pairs = zip(self.plain, self.thinking, strict=False)
        self.common = next((i for i, (a, b) in enumerate(pairs) if a != b), len(self.plain))
        self.call_open, self.call_close = v.special("<tool_call>"), v.special("</tool_call>")

    def text(self, piece: str) -> list[int]:
        """Ids of one piece of text."""
        known = self._pieces.get(piece)
        if known is None:
            known = self._pieces[piece] = self.vocabulary.encode(piece)
        return known

    def message(self, row: Row, role: str, content: str) -> None:
        """A whole message of text."""
        row.read([self.vocabulary.bot, *self.text(f"{role}\n{content}"), self.vocabulary.eot])

    def human(self, row: Row, question: str | Sound) -> None:
        """The user's message, typed or heard."""
        if isinstance(question, str):
            self.message(row, "human", question)
            return
        v = self.vocabulary
        row.read([v.bot, *self.text("human\n"), v.audio_start])
        row.sounds.append((len(row.ids), question.patches, question.key))
        row.read([v.audio_patch] * question.patches)
        row.read([v.audio_end, v.eot])

    def frame(self, row: Row, persona: str, tools: tuple[str, ...] = ()) -> None:
        """The beginning of every prompt."""
        self.message(row, "system", persona)
        if tools:
            self.message(row, "tool_json_schemas", schemas(tools))

    def opening(self, row: Row, thinking: str | None, chooses: bool, spoken: bool) -> None:
        """The opening of an answer; the choice to think is learned where the model has it (`chooses`)."""
        v = self.vocabulary
        opened = self.plain if thinking is None else self.thinking
        row.read(opened[: self.common])
        if thinking is None:
            rest = opened[self.common :] + ([v.tts_start] if spoken else [])
            row.write(rest[:1], float(chooses))
            row.read(rest[1:])
            return
        row.write(opened[self.common : self.common + 1], float(chooses))
        row.read(opened[self.common + 1 :])
        ended = self.text(thinking + "\n</think>\n\n")
        mark = self.text("\n</think>\n\n")
        row.write(ended if ended[-len(mark) :] == mark else self.text(thinking) + mark, 2.0)
        if spoken:
            row.read([v.tts_start])

    def answer(self, row: Row, text: str, speech: Sequence[int] | None, learned: bool = True) -> None:
        """The answer and the end of its message; `speech` are speech tokens, None for a written answer."""
        v = self.vocabulary
        if speech is None:
            ids, weights = [*self.text(text), v.eot], None
        else:
            said = interleaved(self.text(text), [v.speech.start + int(token) for token in speech])
            ids, weights = [*said, v.tts_end, v.eot], v.speech
        for id in ids:
            row.ids.append(id)
            row.learned.append(0.0 if not learned else 1.0 if weights is not None and id in weights else 2.0)

    def call(self, row: Row, name: str, arguments: Mapping[str, object], learned: bool = True) -> None:
        """A tool call and the end of its message."""
        body = f"function\n{name}\n{json.dumps(dict(arguments), ensure_ascii=False)}"
        ids = [self.call_open, *self.text(body), self.call_close, self.vocabulary.eot]
        row.ids += ids
        row.learned += [3.0 if learned else 0.0] * len(ids)

    def result(self, row: Row, result: str) -> None:
        """What the tool gave, with the reminder."""
        v = self.vocabulary
        row.read([v.bot, *self.text("input\n"), *self.text(result), *self.text(REMINDER), v.eot])

    def turn(
        self,
        row: Row,
        turn: Turn,
        question: str | Sound,
        speech: Sequence[int] | None,
        spoken: bool,
        how: str,
        last: bool,
        learned: bool | None = None,
    ) -> None:
        """One exchange. `how` is "auto", "on" or "off" for thinking; only the last turn's thinking is in the prompt.

        `learned` says whether what the model writes is learned; the last turn's is, where nothing is said.
        """
        learned = last if learned is None else learned
        self.human(row, question)
        thinks = last and (how == "on" or (how == "auto" and turn.thinks))
        chooses = last and how == "auto"
        if last:
            self.opening(row, (turn.thinking or NOTHING_TO_THINK) if thinks else None, chooses, spoken)
        else:
            row.read([*self.plain, *([self.vocabulary.tts_start] if spoken else [])])
        for call in turn.calls:
            self.call(row, call.name, call.arguments, learned=learned)
            self.result(row, call.result)
            row.read([*self.plain, *([self.vocabulary.tts_start] if spoken else [])])
        self.answer(row, turn.answer, speech if spoken else None, learned=learned)

    def conversation(
        self,
        dialogue: Dialogue,
        questions: Sequence[str | Sound],
        speeches: Sequence[Sequence[int] | None],
        how: str,
        all_learned: bool = False,
    ) -> Row:
        """A whole conversation whose last answer is learned; a turn is spoken when its speech is given.

        With `all_learned` earlier answers are learned too, where nothing is thought before them.
        """
        row = Row()
        self.frame(row, dialogue.persona, dialogue.tools)
        final = len(dialogue.turns) - 1
        for number, (turn, question, speech) in enumerate(zip(dialogue.turns, questions, speeches, strict=True)):
            last = number == final
            learned = last or (all_learned and not turn.thinks)
            self.turn(row, turn, question, speech, speech is not None, how, last, learned)
        return row
