"""What the starter's language model learns from: right answers, nothing held out, and the prompts of the app."""

from __future__ import annotations

import random
from datetime import datetime

import conversations
import dialogues
import prompt_layout
import pytest
import spoken_numbers
import topics_arithmetic

from engine.conversation.chat_template import SPOKEN, THINKING, Message, SoundPart, build
from engine.conversation.tools.calculator import calculator
from engine.language import Vocabulary
from engine.resources import resource


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(resource("starter"))


def test_numbers_are_said_as_people_say_them() -> None:
    assert spoken_numbers.words(1692) == "one thousand six hundred ninety-two"
    assert spoken_numbers.words(-40) == "minus forty"
    assert spoken_numbers.ordinal(21) == "twenty-first"
    assert spoken_numbers.ordinal(30) == "thirtieth"
    assert spoken_numbers.decimal_words("3.106856") == "three point one one"
    assert spoken_numbers.decimal_words("-13.33333") == "minus thirteen point three three"
    assert spoken_numbers.clock_words(datetime(2026, 1, 1, 16, 5)) == "four oh five in the afternoon"
    assert spoken_numbers.year_words(2026) == "twenty twenty-six"


def test_every_step_of_thinking_is_true() -> None:
    draw = dialogues.Draw(random.Random(1))
    for _ in range(300):
        total = topics_arithmetic.any_sum(draw, 1000)
        for claim in topics_arithmetic.steps(total).split(". "):
            values = [part.partition(" remainder ")[0] for part in claim.split(" = ")]
            if "remainder" not in claim:
                assert len({calculator(value) for value in values}) == 1, claim


def test_training_never_sees_the_numbers_of_the_tests() -> None:
    trained = dialogues.Draw(random.Random(2))
    tested = dialogues.Draw(random.Random(3), test=True)
    for _ in range(200):
        kept, used = topics_arithmetic.any_sum(tested), topics_arithmetic.any_sum(trained)
        assert dialogues.held_out(kept.a, kept.op, kept.b)
        assert not dialogues.held_out(used.a, used.op, used.b)


def test_conversations_are_the_same_every_time() -> None:
    assert [conversations.conversation(random.Random(7)) for _ in range(3)] == [
        conversations.conversation(random.Random(7)) for _ in range(3)
    ]


@pytest.mark.parametrize("tools", [(), ("calculator", "set_timer")])
@pytest.mark.parametrize(("how", "opening"), [("off", SPOKEN), ("on", THINKING)])
def test_rows_begin_with_the_prompt_that_the_app_writes(
    vocabulary: Vocabulary, tools: tuple[str, ...], how: str, opening: str
) -> None:
    turn = dialogues.Turn("What is two plus two?", "Two plus two is four.", "2 + 2 = 4", thinks=True)
    layout = prompt_layout.Layout(vocabulary)
    sound = prompt_layout.Sound(17, None)
    row = layout.conversation(dialogues.Dialogue("sum", (turn,), tools=tools), [sound], [[5] * 40], how)
    messages = [Message("system", dialogues.ASSISTANT)]
    if tools:
        messages.append(Message("tool_json_schemas", prompt_layout.schemas(tools)))
    messages.append(Message("human", [SoundPart((17,))]))
    prompt = build(vocabulary, messages, opening)
    assert tuple(row.ids[: len(prompt)]) == prompt.ids
    assert [range(start, start + count) for start, count, _ in row.sounds] == list(prompt.sounds)


def test_speech_and_text_alternate_with_the_text_ahead() -> None:
    assert prompt_layout.interleaved([1, 2, 3, 4, 5, 6], list(range(100, 110))) == [
        *(1, 2, 3, 4),
        *(100, 101, 102, 103, 5),
        *(104, 105, 106, 107, 6),
        *(108, 109),
    ]
