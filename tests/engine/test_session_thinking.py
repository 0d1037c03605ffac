"""Thinking comes before the answer, may be cut short, and is not remembered."""

from __future__ import annotations

import itertools

import pytest

from engine.errors import RequestError
from engine.events import AnswerText, SessionEvent, Thinking, ThinkingEnded, ThinkingText, Turn
from engine.session import Session
from tests.engine.session_scripts import kinds, spoken, written
from tests.fakes import SmallEngine


def test_thinking_comes_first_and_is_not_kept(engine: SmallEngine) -> None:
    engine.llm.scripts += [written(engine, "12 * 7 = 84\n</think>\n\n")[:-1], spoken(engine, "Eighty four.")]
    session = Session(engine)
    events = list(session.ask(Turn(text="12*7?", thinking=Thinking.ALWAYS)))
    assert kinds(events)[:3] == ["ThinkingText", "ThinkingEnded", "AnswerText"]
    assert "".join(event.text for event in events if isinstance(event, ThinkingText)) == "12 * 7 = 84\n"
    assert session.turns[0].thinking == "12 * 7 = 84\n"
    assert session.turns[0].answer == "Eighty four."
    list(session.ask(Turn(text="thanks", spoken_answer=False, max_tokens=2)))
    prompt = engine.vocabulary.decode(session._reader._keys)
    assert "12 * 7 = 84" not in prompt
    assert "<|BOT|>human\n12*7?<|EOT|><|BOT|>assistant\n<tts_start>E" in prompt


def test_the_answer_is_opened_exactly_as_the_model_was_trained(engine: SmallEngine) -> None:
    vocabulary = engine.vocabulary
    engine.llm.scripts += [written(engine, "so\n</think>")[:-1], spoken(engine, "Yes.")]
    session = Session(engine)
    stream = session.ask(Turn(text="hm", thinking=Thinking.ALWAYS))
    for event in stream:
        if isinstance(event, AnswerText):
            break
    read = [id for id in session._reader._keys if id >= 0]
    stream.close()
    whole = (*session._reader._keys, *read)[: session._reader.length]
    assert vocabulary.decode(whole).startswith(
        "<|BOT|>system\nYou are a helpful assistant.<|EOT|><|BOT|>human\nhm<|EOT|>"
        "<|BOT|>assistant\n\n<think>\nso\n</think>\n\n<tts_start>"
    )


@pytest.mark.parametrize("by", ["budget", "skip", "end of text"])
def test_thinking_cut_short_goes_on_to_the_answer(engine: SmallEngine, by: str) -> None:
    long = engine.vocabulary.encode("and so on " * 50)
    engine.llm.scripts += [
        [*long[:10], engine.vocabulary.eot] if by == "end of text" else long,
        spoken(engine, "Done."),
    ]
    session = Session(engine)
    seen: list[SessionEvent] = []
    budget = 12 if by == "budget" else 400
    for event in session.ask(Turn(text="hm", thinking=Thinking.ALWAYS, thinking_budget=budget)):
        seen.append(event)
        if by == "skip" and len(seen) == 5:
            session.skip_thinking()
    ended = next(event for event in seen if isinstance(event, ThinkingEnded))
    assert ended.skipped
    assert ended.tokens <= 13
    assert session.turns[0].answer == "Done."


def test_thinking_that_cannot_be_is_refused_with_a_sentence_but_automatic_is_fine() -> None:
    engine = SmallEngine(variant="chat")
    session = Session(engine)
    with pytest.raises(RequestError, match="cannot think"):
        session.ask(Turn(text="hm", thinking=Thinking.ALWAYS))
    engine.llm.scripts.append(spoken(engine, "Fine."))
    list(session.ask(Turn(text="hm", thinking=Thinking.AUTO)))
    assert session.turns[0].answer == "Fine."


@pytest.mark.parametrize("wants", [True, False])
def test_automatic_thinking_is_the_models_own_choice(engine: SmallEngine, wants: bool) -> None:
    vocabulary = engine.vocabulary
    think_id = vocabulary.encode("assistant\n\n<think>\n")[len(vocabulary.encode("assistant\n"))]
    engine.llm.scripts.append([think_id if wants else vocabulary.tts_start])
    engine.llm.scripts += [vocabulary.encode("hm</think>")] if wants else []
    engine.llm.scripts.append(spoken(engine, "Yes."))
    session = Session(engine)
    names = kinds(session.ask(Turn(text="hm", thinking=Thinking.AUTO)))
    assert ("ThinkingText" in names) is wants
    assert session.turns[0].answer == "Yes."


def test_thinking_the_model_opens_itself_is_not_kept_either(engine: SmallEngine) -> None:
    engine.llm.scripts.append(written(engine, "<think>hm</think>\n\nYes."))
    session = Session(engine)
    list(session.ask(Turn(text="hm", spoken_answer=False)))
    turn = session.turns[0]
    assert (turn.thinking, turn.answer) == ("hm", "Yes.")
    assert engine.vocabulary.decode(turn.passages[0].ids) == "Yes."


@pytest.mark.parametrize("closed", [False, True])
def test_thinking_that_never_ends_is_not_kept_either(engine: SmallEngine, closed: bool) -> None:
    engine.llm.scripts.append(engine.vocabulary.encode("<think>" + "and so on " * 20))
    session = Session(engine)
    stream = session.ask(Turn(text="hm", spoken_answer=False, max_tokens=30))
    for _ in itertools.islice(stream, 10 if closed else None):
        pass
    stream.close()
    turn = session.turns[0]
    assert turn.thinking.startswith("and so on")
    assert turn.passages[0].ids == ()
