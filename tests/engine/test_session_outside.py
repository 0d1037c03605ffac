"""Tools that are answered outside: the reply ends with their calls, and goes on with their results."""

from __future__ import annotations

import pytest

from engine.conversation.replying.answered_outside import calling
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import Tool, ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.errors import RequestError
from engine.events import ReplyEnded, ToolCall, ToolResult, Turn
from engine.session import Session
from tests.engine.session_scripts import call, kinds, spoken, text_of, written
from tests.fakes import SmallEngine

WEATHER = Tool("weather", "Tells the weather.", {"type": "object", "properties": {"place": {"type": "string"}}}, None)


def session_of(engine: SmallEngine) -> Session:
    return Session(engine, SessionSettings(tools=ToolRegistry([WEATHER, tool(calculator)])))  # type: ignore[arg-type]


def asked(text: str = "Weather?", spoken_answer: bool = False) -> Turn:
    return Turn(text=text, spoken_answer=spoken_answer, allow_tools=("weather", "calculator"))


def result(made: ToolCall, text: str) -> ToolResult:
    return ToolResult(made.id, made.name, text)


def test_a_reply_ends_with_the_call_and_goes_on_with_its_result(engine: SmallEngine) -> None:
    arguments = '{"place": "Oslo"}'
    engine.llm.scripts[:] = [[*call(engine, "weather", arguments), engine.vocabulary.eot], written(engine, "It rains.")]
    session = session_of(engine)
    events = list(session.ask(turn := asked()))
    assert kinds(events) == ["ToolCall", "ReplyEnded"]
    made = events[0]
    assert isinstance(made, ToolCall)
    assert (made.name, made.arguments) == ("weather", {"place": "Oslo"})
    events = list(session.go_on(turn.id, [result(made, "rain")]))
    assert text_of(events) == "It rains."
    assert isinstance(events[-1], ReplyEnded)
    record = session.turn(turn.id)
    assert (record.answer, record.tool_results) == ("It rains.", (result(made, "rain"),))
    assert session.path == (turn.id,)


def test_results_are_read_in_the_order_of_the_calls_and_own_tools_run_at_once(engine: SmallEngine) -> None:
    eot = engine.vocabulary.eot
    both = [*call(engine, "weather"), *call(engine, "calculator", '{"expression": "6*7"}'), *call(engine, "weather")]
    engine.llm.scripts[:] = [[*both, eot], written(engine, "Done.")]
    session = session_of(engine)
    events = list(session.ask(turn := asked()))
    assert kinds(events) == ["ToolCall", "ToolResult", "ToolCall", "ReplyEnded"]
    first, _, last = session.turn(turn.id).tool_calls
    list(session.go_on(turn.id, [result(last, "snow"), result(first, "sun")]))
    assert [each.text for each in session.turn(turn.id).tool_results] == ["sun", "42", "snow"]


def test_the_answer_to_a_spoken_turn_is_spoken_too(engine: SmallEngine) -> None:
    engine.llm.scripts[:] = [[*call(engine, "weather"), engine.vocabulary.eot], spoken(engine, "It rains.")]
    session = session_of(engine)
    list(session.ask(turn := asked(spoken_answer=True)))
    (made,) = session.turn(turn.id).tool_calls
    events = list(session.go_on(turn.id, [result(made, "rain")]))
    assert "Speech" in kinds(events)
    assert text_of(events) == "It rains."


def test_a_remembered_call_stands_in_the_prompt_as_one_that_the_model_wrote(engine: SmallEngine) -> None:
    arguments = '{"place": "Oslo"}'
    engine.llm.scripts[:] = [[*call(engine, "weather", arguments), engine.vocabulary.eot], None, None]
    lived, told = session_of(engine), session_of(engine)
    list(lived.ask(asked()))
    (made,) = lived.turns[0].tool_calls
    told.remember("t", asked(), "", calls=[calling(engine.vocabulary, "", [made], [result(made, "rain")])])
    told.follow(["t"])
    prompts = []
    for session, turn_id, results in ((lived, lived.path[0], [result(made, "rain")]), (told, "t", [])):
        stream = session.go_on(turn_id, results)
        next(stream, None)
        stream.close()
        record = session.turn(turn_id)
        shown = session._context.prompt(session._instructions(record.request), "", record.passages[:1])
        prompts.append(shown.keys)
    assert prompts[0] == prompts[1]


def test_what_cannot_go_on_is_refused_and_changes_nothing(engine: SmallEngine) -> None:
    engine.llm.scripts[:] = [written(engine, "Hello."), [*call(engine, "weather"), engine.vocabulary.eot]]
    session = session_of(engine)
    list(session.ask(first := asked("Hello")))
    with pytest.raises(RequestError, match="called no tool"):
        session.go_on(first.id)
    list(session.ask(second := asked()))
    (made,) = session.turn(second.id).tool_calls
    with pytest.raises(RequestError, match="is missing"):
        session.go_on(second.id, [ToolResult("another", "weather", "rain")])
    with pytest.raises(RequestError, match="Only the last turn"):
        session.go_on(first.id, [result(made, "rain")])
    assert session.turn(second.id).tool_results == ()
    assert session.path == (first.id, second.id)


def test_a_tool_that_was_not_offered_is_refused_to_the_model(engine: SmallEngine) -> None:
    engine.llm.scripts[:] = [[*call(engine, "weather"), engine.vocabulary.eot], written(engine, "I cannot know.")]
    events = list(session_of(engine).ask(Turn(text="Weather?", spoken_answer=False, allow_tools=("calculator",))))
    assert kinds(events) == ["ToolCall", "ToolResult", "AnswerText", "ReplyEnded"]
