"""A conversation from turn to turn: its events, what a later turn reads, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.errors import RequestError, SoundError
from engine.events import EndReason, ReplyEnded, Speech, Turn, new_turn_id
from engine.session import Session
from tests.engine.session_scripts import GREEDY, kinds, sound_of, spoken, text_of, with_tools, written
from tests.fakes import SmallEngine, tone


def test_a_spoken_answer_comes_as_text_and_sound_and_ends_with_its_statistics(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "Good morning to you.", tail=40))
    session = Session(engine)
    events = list(session.ask(Turn(samples_16k=tone(), spoken_answer=True)))
    assert text_of(events) == "Good morning to you." == session.turns[0].answer
    assert sound_of(events) == session.turns[0].speech_tokens.tolist()
    end = events[-1]
    assert isinstance(end, ReplyEnded)
    assert (end.turn, end.reason) == (session.path[0], EndReason.COMPLETE)
    assert end.statistics.speech_tokens == len(session.turns[0].speech_tokens)
    assert end.statistics.first_sound_s is not None
    assert end.statistics.speech_s == pytest.approx(len(session.turns[0].speech_tokens) / 25)


def test_sound_comes_before_the_text_is_finished(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "One two three four five six seven eight nine ten."))
    names = [type(event).__name__ for event in Session(engine).ask(Turn(text="count"))]
    assert names.index("Speech") < len(names) - 1 - names[::-1].index("AnswerText")


def test_speech_events_cover_the_text_and_the_tokens_without_a_gap(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "Twelve times seven is eighty four.", tail=50))
    events = list(Session(engine).ask(Turn(text="hi")))
    pieces = [event for event in events if isinstance(event, Speech)]
    assert pieces[0].text_start == 0
    assert pieces[-1].text_end == len(text_of(events))
    for one, other in itertools.pairwise(pieces):
        assert other.text_start == one.text_end
        assert other.first_token == one.first_token + one.tokens


def test_a_written_answer_has_no_sound_and_needs_no_networks_for_it() -> None:
    engine = SmallEngine(speaks=False)
    engine.llm.scripts.append(written(engine, "Just text."))
    session = Session(engine)
    events = list(session.ask(Turn(text="hi", spoken_answer=False)))
    assert kinds(events) == ["AnswerText", "ReplyEnded"]
    assert engine.speaking.made == []
    session.played(session.path[0], 0)
    assert session.turns[0].answer == "Just text."


def test_a_second_turn_reads_only_what_is_new(engine: SmallEngine) -> None:
    session = Session(engine, GREEDY)
    engine.llm.scripts += [spoken(engine, "First."), spoken(engine, "Second.")]
    list(session.ask(Turn(samples_16k=tone(3))))
    list(session.ask(Turn(text="and now?")))
    statistics = session.turns[1].statistics
    new = len(engine.vocabulary.encode("human\nand now?")) + len(engine.vocabulary.encode("assistant\n")) + 5
    assert statistics.prompt_tokens - statistics.reused_tokens <= new + 1


def test_new_conversations_share_the_reading_of_the_system_prompt(engine: SmallEngine) -> None:
    settings = SessionSettings(persona="You are a helpful assistant. " * 10)
    list(Session(engine, settings).ask(Turn(text="hi", spoken_answer=False, max_tokens=3)))
    other = Session(engine, settings)
    list(other.ask(Turn(text="hello", spoken_answer=False, max_tokens=3)))
    assert other.turns[0].statistics.reused_tokens > 100


def test_a_persona_applies_from_the_next_turn(engine: SmallEngine) -> None:
    session = Session(engine, SessionSettings(persona="You are calm."))
    list(session.ask(Turn(text="hi", spoken_answer=False, max_tokens=3)))
    session.settings.persona = "You are brisk."
    list(session.ask(Turn(text="hi", spoken_answer=False, max_tokens=3)))
    assert session.turns[1].statistics.reused_tokens < 12


def test_the_models_folder_chooses_the_sampling_unless_the_settings_do(engine: SmallEngine) -> None:
    engine.about = {"sampling": {"chat": {"temperature": 0.0, "repetition_penalty": 1.0}}}
    answers = []
    for _ in range(2):
        session = Session(engine)
        list(session.ask(Turn(text="hi", spoken_answer=False, max_tokens=15)))
        answers.append(session.turns[0].passages)
    assert answers[0] == answers[1]


def test_regenerate_edit_and_delete_change_the_history(engine: SmallEngine) -> None:
    session = Session(engine)
    for text in ("a", "b", "c"):
        engine.llm.scripts.append(spoken(engine, f"Answer {text}."))
        list(session.ask(Turn(text=text)))
    engine.llm.scripts.append(spoken(engine, "Another b."))
    list(session.regenerate(session.path[1]))
    assert [turn.answer for turn in session.turns] == ["Answer a.", "Another b."]
    engine.llm.scripts.append(spoken(engine, "Answer x."))
    list(session.edit(session.path[0], Turn(text="x")))
    assert [(turn.text, turn.answer) for turn in session.turns] == [("x", "Answer x.")]
    session.forget(session.path)
    assert session.turns == ()


def test_a_turn_that_does_not_exist_is_a_sentence(engine: SmallEngine) -> None:
    session = Session(engine)
    for action in (session.regenerate, session.turn, session.transcribe, session.speak_again):
        with pytest.raises(RequestError, match="no turn"):
            action(new_turn_id())
    with pytest.raises(RequestError, match="no turn"):
        session.edit(new_turn_id(), Turn(text="x"))


def test_instructions_that_leave_no_room_for_a_question_are_a_sentence() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine, SessionSettings())
    list(session.ask(Turn(samples_16k=tone(1), spoken_answer=False, max_tokens=5)))
    session.settings.persona = "Be brief. " * 100
    with pytest.raises(RequestError, match="Small takes 400 tokens at once, and its instructions and tools leave no"):
        list(session.ask(Turn(text="What is the capital of France?", spoken_answer=False, max_tokens=5)))
    assert len(session.turns) == 1
    assert not session._context.trimming


@pytest.mark.parametrize(
    ("turn", "error"),
    [
        (Turn(), RequestError),
        (Turn(text="  \n"), RequestError),
        (Turn(samples_16k=np.zeros(0, np.float32)), RequestError),
        (Turn(samples_16k=np.zeros(50, np.float32)), RequestError),
        (Turn(samples_16k=np.full(16000, np.nan, np.float32)), SoundError),
        (Turn(samples_16k=np.zeros((2, 16000), np.float32)), SoundError),
    ],
)
def test_a_turn_that_says_nothing_is_refused_with_a_sentence(
    engine: SmallEngine, turn: Turn, error: type[Exception]
) -> None:
    session = Session(engine)
    with pytest.raises(error):
        session.ask(turn)
    assert session.turns == ()


def test_a_model_without_speech_refuses_to_speak() -> None:
    with pytest.raises(RequestError, match="cannot speak"):
        Session(SmallEngine(speaks=False)).ask(Turn(text="hi"))


def test_a_base_model_talks_without_roles_and_refuses_tools() -> None:
    engine = SmallEngine(variant="base")
    engine.llm.scripts.append(spoken(engine, "Yes."))
    session = Session(engine, with_tools())
    list(session.ask(Turn(text="hi")))
    assert engine.vocabulary.bot not in session._reader._keys
    with pytest.raises(RequestError, match="cannot use tools"):
        session.ask(Turn(text="hi", allow_tools=("calculator",)))
