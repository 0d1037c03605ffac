"""Spoken questions the starter never heard: right answers, exact sums and tool calls, thinking that fits."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pytest

from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.timers import TimerService
from engine.engine import Engine
from engine.events import Samples, Thinking, Turn
from engine.session import Session, SessionSettings
from starter.checks.held_out_check import words
from tests.quality.recordings import KNOWN_VOICES, STARTER, Dialogue, dialogues, spoken

COUNT = 200
CALLED_LIVE = ("clock", "timers")  # the right words depend on the time of day


@dataclass(frozen=True)
class Asked:
    """A question, what came of it, and what was right."""

    dialogue: Dialogue
    answer: str
    thinking: str
    calls: list[tuple[str, dict[str, object]]]

    @property
    def right_calls(self) -> bool:
        wanted = [(call.name, dict(call.arguments)) for call in self.dialogue.turns[0].calls]
        return self.calls == wanted

    @property
    def right(self) -> bool:
        """The right words, after the right calls where any are needed. To calculate in vain makes nothing wrong."""
        wanted = self.dialogue.turns[0]
        if self.calls and self.dialogue.topic.split(",")[0] in CALLED_LIVE:
            return self.right_calls
        return words(self.answer) == words(wanted.answer) and (self.right_calls or not wanted.calls)


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    engine = Engine.load(STARTER)
    found = [ask(engine, number, dialogue) for number, dialogue in enumerate(dialogues(COUNT))]
    right = Counter(each.dialogue.topic.split(",")[0] for each in found if each.right)
    for topic, count in sorted(Counter(each.dialogue.topic.split(",")[0] for each in found).items()):
        print(f"{topic}: {right[topic]} of {count}")
    print(f"all: {sum(right.values())} of {len(found)}")
    return found


def ask(engine: Engine, number: int, dialogue: Dialogue, recording: Samples | None = None) -> Asked:
    session = Session(engine, SessionSettings(tools=builtin_tools(TimerService())))
    sound = spoken(dialogue.turns[0].question, number, KNOWN_VOICES) if recording is None else recording
    turn = Turn(sound, spoken_answer=False, thinking=Thinking.AUTO, allow_tools=dialogue.tools)
    for _ in session.ask(turn):
        pass
    record = session.turns[0]
    calls = [(call.name, dict(call.arguments)) for call in record.tool_calls]
    return Asked(dialogue, record.answer, record.thinking, calls)


def test_nine_of_ten_answers_are_right(asked: list[Asked]) -> None:
    assert sum(each.right for each in asked) >= 0.9 * len(asked)


def test_every_call_that_is_made_is_well_formed(asked: list[Asked]) -> None:
    offered = builtin_tools(TimerService())
    assert all(name in offered for each in asked for name, _ in each.calls)


def test_the_answer_says_what_the_thinking_found(asked: list[Asked]) -> None:
    from starter.texts.spoken_numbers import words as said

    checked = [
        (each, re.findall(r"= (-?\d+)(?: remainder \d+)?\s*$", each.thinking.strip()))
        for each in asked
        if each.thinking
    ]
    results = [(each.answer, int(found[-1])) for each, found in checked if found]
    assert results
    assert sum(" ".join(words(said(value))) in " ".join(words(answer)) for answer, value in results) == len(results)
