"""How full the context is after a reply: what was read and written for the passage that was written last."""

from __future__ import annotations

from engine.events import AnswerText, ReplyEnded, Turn
from engine.session import Session
from tests.engine.session_scripts import call, with_tools, written
from tests.fakes import SmallEngine


def ended(session: Session, turn: Turn) -> ReplyEnded:
    *events, last = session.ask(turn)
    assert any(isinstance(event, AnswerText) for event in events)
    assert isinstance(last, ReplyEnded)
    return last


def test_prompt_and_answer_are_counted_and_the_next_prompt_begins_with_them() -> None:
    engine = SmallEngine(context_length=500)
    session = Session(engine)
    engine.llm.scripts += [written(engine, "Yes."), written(engine, "And that, too.")]
    first = ended(session, Turn(text="Is it so?", spoken_answer=False))
    assert first.context_length == 500
    assert first.context_tokens == first.statistics.prompt_tokens + first.statistics.generated_tokens
    second = ended(session, Turn(text="And that?", spoken_answer=False))
    assert second.statistics.prompt_tokens > first.context_tokens
    assert second.context_tokens == second.statistics.prompt_tokens + second.statistics.generated_tokens


def test_with_a_tool_the_last_prompt_counts_which_holds_call_and_result() -> None:
    engine = SmallEngine()
    answer = written(engine, "84.")
    engine.llm.scripts += [
        [*call(engine, "calculator", '{"expression": "12*7"}'), engine.vocabulary.eot],
        answer,
    ]
    last = ended(Session(engine, with_tools()), Turn(text="12*7?", spoken_answer=False, allow_tools=("calculator",)))
    figures = last.statistics
    assert last.context_tokens > figures.prompt_tokens + figures.generated_tokens, "the result is in it"
