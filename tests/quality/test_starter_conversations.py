"""Spoken conversations of fifteen turns with the starter: all that it answers are sentences that it learned to say."""

from __future__ import annotations

import random
import re

import pytest

from engine.conversation.replying.tools.builtin import builtin_tools
from engine.conversation.replying.tools.timers import TimerService
from engine.engine import Engine
from engine.events import EndReason, Thinking, Turn
from engine.session import Session, SessionSettings
from starter.checks.held_out_check import words
from tests.fakes import SmallSpeaking
from tests.quality.recordings import KNOWN_VOICES, STARTER, conversations, dialogues, spoken

CONVERSATIONS, TURNS = 10, 15
TOOLS = ("calculator", "date_and_time", "convert_units", "set_timer", "list_timers", "cancel_timer")
_SENTENCES = re.compile(r"[A-Z][^.!?]*[.!?]( [A-Z][^.!?]*[.!?])*")


@pytest.fixture(scope="module")
def vocabulary() -> set[str]:
    """All words of the answers it learned."""
    chance = random.Random(1)
    answers = [turn.answer for _ in range(20_000) for turn in conversations.conversation(chance).turns]
    return {word for answer in answers for word in words(answer)}


def is_sentence_of_its_kind(answer: str, vocabulary: set[str]) -> bool:
    return bool(_SENTENCES.fullmatch(answer)) and set(words(answer)) <= vocabulary and len(words(answer)) <= 80


SENTENCES = (
    "A young pig is called a piglet.",
    "Piano is spelled P, I, A, N, O.",
    "Good morning. What can I do for you?",
)
GIBBERISH = (
    *("", "Good morning.. E. ow", "Nine divided by nine is one.ungity.", "There is no tool together.aw result."),
    *("That is noise. * 4,. a Friday, tell,. hear k weather", "Four hundred is ninety aale..ix"),
)


def test_what_is_gibberish_is_told_apart(vocabulary: set[str]) -> None:
    assert all(is_sentence_of_its_kind(answer, vocabulary) for answer in SENTENCES)
    assert not any(is_sentence_of_its_kind(answer, vocabulary) for answer in GIBBERISH)


def test_ten_spoken_conversations_of_fifteen_turns_do_not_turn_to_gibberish(vocabulary: set[str]) -> None:
    engine = Engine.load(STARTER)
    engine._speaking = SmallSpeaking()  # type: ignore[assignment]  # the words are looked at, not their sound
    asked = dialogues(CONVERSATIONS * TURNS, 77)
    wrong, right = [], 0
    for number in range(CONVERSATIONS):
        session = Session(engine, SessionSettings(tools=builtin_tools(TimerService())))
        for dialogue in asked[number * TURNS : (number + 1) * TURNS]:
            sound = spoken(dialogue.turns[0].question, number, KNOWN_VOICES)
            list(session.ask(Turn(sound, thinking=Thinking.AUTO, allow_tools=TOOLS)))
            turn = session.turns[-1]
            right += words(turn.answer) == words(dialogue.turns[0].answer)
            labels = {
                word for call in turn.tool_calls for value in call.arguments.values() for word in words(str(value))
            }
            if turn.reason is not EndReason.COMPLETE or not is_sentence_of_its_kind(turn.answer, vocabulary | labels):
                wrong.append((number, len(session.path), dialogue.turns[0].question, turn.answer))
        assert len(session.path) == TURNS
    print(f"{right} of {len(asked)} answered as expected")
    assert not wrong
