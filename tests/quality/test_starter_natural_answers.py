"""Questions in natural voices: two hundred alone, and conversations of fifteen spoken turns, answered aloud."""

from __future__ import annotations

from collections import defaultdict

import pytest

from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.timers import TimerService
from engine.engine import Engine
from engine.events import Samples, Thinking, Turn
from engine.session import Session, SessionSettings
from tests.quality.natural_recordings import spoken_naturally
from tests.quality.recordings import STARTER, Dialogue, dialogues
from tests.quality.test_starter_answers import Asked, ask

COUNT = 200
TURNS, CONVERSATIONS = 15, 10
LATE = 9  # turns ten to fifteen


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(STARTER)


def recording(dialogue: Dialogue, number: int) -> Samples:
    return spoken_naturally(dialogue.turns[0].question, number)


def test_questions_in_natural_voices_are_answered_right(engine: Engine) -> None:
    found = [
        ask(engine, number, dialogue, recording(dialogue, number)) for number, dialogue in enumerate(dialogues(COUNT))
    ]
    right = sum(each.right for each in found)
    print(f"\nnatural voices: {right} of {len(found)} right")
    assert right >= 0.92 * len(found)


def conversations() -> list[list[Dialogue]]:
    """Questions that are asked with the same tools, fifteen in a row."""
    alike: dict[tuple[str, ...], list[Dialogue]] = defaultdict(list)
    made: list[list[Dialogue]] = []
    for dialogue in dialogues(600, seed=2003):
        group = alike[dialogue.tools]
        group.append(dialogue)
        if len(group) == TURNS:
            made.append(alike.pop(dialogue.tools))
    return made[:CONVERSATIONS]


def test_late_turns_of_spoken_conversations_are_answered_right(engine: Engine) -> None:
    early: list[bool] = []
    late: list[bool] = []
    for first, group in enumerate(conversations()):
        session = Session(engine, SessionSettings(tools=builtin_tools(TimerService())))
        for number, dialogue in enumerate(group):
            turn = Turn(recording(dialogue, first), thinking=Thinking.AUTO, allow_tools=dialogue.tools)
            for _ in session.ask(turn):
                pass
            record = session.turns[-1]
            calls = [(call.name, dict(call.arguments)) for call in record.tool_calls]
            asked = Asked(dialogue, record.answer, record.thinking, calls)
            (late if number >= LATE else early).append(asked.right)
    print(f"\nturns 1 to 9: {sum(early)} of {len(early)} right; 10 to 15: {sum(late)} of {len(late)}")
    assert sum(late) >= 0.9 * len(late)
