"""What the starter's language model learns from: right answers, nothing held out, and the prompts of the app."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from engine.conversation.prompting.chat_template import SPOKEN, THINKING, Message, SoundPart, build
from engine.conversation.replying.tools.calculator import calculator
from engine.language import Vocabulary
from engine.resources import resource
from starter.texts import conversations, dialogues, prompt_layout, spoken_numbers, sums, topics_arithmetic


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


def claims(thinking: str) -> Iterator[str]:
    """The equations of a thinking."""
    return (claim for claim in thinking.rstrip(".").split(". ") if " = " in claim and "remainder" not in claim)


def test_every_step_of_thinking_is_true() -> None:
    draw = dialogues.Draw(random.Random(1))
    for _ in range(300):
        total = topics_arithmetic.any_sum(draw, 1000)
        for claim in claims(sums.steps(total) or ""):
            assert len({calculator(value) for value in claim.split(" = ")}) == 1, claim


@pytest.mark.parametrize(
    ("total", "thinking"),
    [
        (sums.Sum(47, "+", 38), "47 + 38 = 47 + 30 + 8 = 77 + 8 = 85"),
        (sums.Sum(18, "-", 47), "18 - 47 = -(47 - 18). 47 - 18 = 47 - 10 - 8 = 37 - 8 = 29. 18 - 47 = -29"),
        (sums.Sum(-13, "+", 20), "-13 + 20 = 20 - 13 = 20 - 10 - 3 = 10 - 3 = 7"),
        (sums.Sum(7, "*", 8), "7 * 8 = 8 * 7 = 56"),
        (sums.Sum(47, "*", 6), "47 * 6 = 40 * 6 + 7 * 6 = 240 + 42 = 240 + 40 + 2 = 280 + 2 = 282"),
        (sums.Sum(56, "/", 7), "56 / 7. 7 * 5 = 35. 7 * 6 = 42. 7 * 7 = 49. 7 * 8 = 56. 56 / 7 = 8"),
        (sums.Sum(17, "/", 7), "17 / 7. 7 * 1 = 7. 7 * 2 = 14. 7 * 3 = 21. 17 - 14 = 17 - 10 - 4 = 7 - 4 = 3. 17 / 7 = 2 remainder 3"),  # noqa: E501
        (sums.Sum(47, "*", 38), None),
        (sums.Sum(5, "/", 0), None),
    ],
)  # fmt: skip
def test_a_sum_is_taken_apart_into_small_steps(total: sums.Sum, thinking: str | None) -> None:
    assert sums.steps(total) == thinking


def test_thinking_ends_with_what_the_answer_says() -> None:
    for dialogue in (*conversations.Conversations(range(1500)), *of_the_tests(500)):
        for turn in dialogue.turns:
            found = re.findall(r"= (-?\d+)(?: remainder \d+)?$", turn.thinking)
            if found:
                assert spoken_numbers.words(int(found[0])) in turn.answer.lower(), turn
            for claim in claims(turn.thinking):
                assert len({calculator(value) for value in claim.split(" = ")}) == 1, turn


def of_the_tests(count: int) -> list[dialogues.Dialogue]:
    chance = random.Random(9)
    return [conversations.conversation(chance, test=True) for _ in range(count)]


def test_a_question_with_the_same_tools_has_one_right_answer() -> None:
    right: dict[object, object] = {}
    for dialogue in (*conversations.Conversations(range(6000)), *of_the_tests(1500)):
        turn = dialogue.turns[0]
        calls = [(call.name, dict(call.arguments)) for call in turn.calls]
        live = any(name in ("date_and_time", "list_timers", "cancel_timer") for name, _ in calls)
        found = (calls, turn.thinks, turn.thinking, None if live else turn.answer)
        assert right.setdefault((turn.question.casefold(), dialogue.tools), found) == found


def test_only_tools_that_are_offered_are_called() -> None:
    for dialogue in (*conversations.Conversations(range(2000)), *of_the_tests(500)):
        assert all(call.name in dialogue.tools for turn in dialogue.turns for call in turn.calls)


def test_the_calculator_is_for_what_is_not_easy() -> None:
    draw = dialogues.Draw(random.Random(4))
    for _ in range(300):
        total = topics_arithmetic.any_sum(draw, 1000)
        alone = topics_arithmetic.sum_turn(draw, total, ())
        assert alone.thinks
        assert not alone.calls
        assert (alone.answer == topics_arithmetic.TOO_LARGE) == (sums.steps(total) is None and total.b != 0)
        assert bool(topics_arithmetic.sum_turn(draw, total, ("calculator",)).calls) == (not total.easy)


def test_all_that_is_easy_is_worked_out_in_the_head() -> None:
    table = [sums.Sum(a, "*", b) for a in range(13) for b in range(13)]
    added = [sums.Sum(a, op, b) for a in range(101) for b in range(0, 101, 7) for op in "+-"]
    assert all(total.easy and sums.steps(total) for total in table + added)


def test_percentages_are_made_of_tenths_and_halves() -> None:
    assert topics_arithmetic.percent_steps(75, 380) == (
        "300 / 2 = 150. 80 / 2 = 40. 150 + 40 = 190. 100 / 2 = 50. 90 / 2 = 45. 50 + 45 = 50 + 40 + 5 = 90 + 5 = 95. "
        "190 + 95 = 190 + 90 + 5 = 280 + 5 = 285. 75% of 380 = 285"
    )


def test_what_the_tests_ask_is_never_asked_that_way_in_training() -> None:
    ways = ("What is {x}?", "How much is {x}?", "Work out {x}.", "Tell me what {x} is.")
    more = dialogues.indirectly(ways)
    assert "Please tell me what {x} is." in more
    assert "Tell me how much {x} is." in more
    assert "Tell me what {x} is." not in more
    draw = dialogues.Draw(random.Random(6))
    assert ways[-1] not in {draw.phrasing(ways) for _ in range(300)}


def test_a_question_within_a_sentence_has_its_verb_at_the_end() -> None:
    asked = dialogues.indirectly(("What is the longest river?", "Which river is the longest?", "Do you know it?", "x"))
    assert {"Tell me what the longest river is.", "Can you tell me which river is the longest?"} <= set(asked)
    assert "Name the longest river." in asked
    assert not any("you know it" in ask for ask in asked)


def test_two_numbers_are_not_said_as_one() -> None:
    for number in range(400):
        draw = dialogues.Draw(random.Random(number))
        turn = topics_arithmetic.sum_turn(draw, sums.Sum(100, "+", 12), ())
        assert "hundred and twelve" not in turn.question


def test_training_never_sees_the_numbers_of_the_tests() -> None:
    trained = dialogues.Draw(random.Random(2))
    tested = dialogues.Draw(random.Random(3), test=True)
    for _ in range(200):
        kept, used = topics_arithmetic.any_sum(tested), topics_arithmetic.any_sum(trained)
        assert dialogues.held_out(kept.a, kept.op, kept.b)
        assert not dialogues.held_out(used.a, used.op, used.b)


def test_conversations_are_the_same_every_time() -> None:
    made = conversations.Conversations(range(40))
    assert list(made) == list(conversations.Conversations(range(40)))
    assert list(made[3::4]) == list(made)[3::4]
    assert made[5] == made[5]


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


def test_it_is_the_timer_that_was_just_set() -> None:
    found = 0
    for dialogue in conversations.Conversations(range(6000)):
        for before, turn in itertools.pairwise(dialogue.turns):
            if before.calls and before.calls[0].name == "set_timer" and " it" in turn.question and turn.calls:
                (call,) = turn.calls
                assert before.calls[0].result.startswith(f"Timer {call.arguments['number']} ")
                found += call.name == "cancel_timer"
    assert found > 3
