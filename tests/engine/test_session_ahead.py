"""Reading ahead: what stands before the next question is read while nobody asks anything, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.events import ContextTrimmed, Pause, Turn
from engine.language import Cache
from engine.session import Session
from tests.engine.session_scripts import spoken, text_of
from tests.fakes import SmallEngine, tone

NEW = 80  # places of a question, at most


def ask(session: Session, engine: SmallEngine, text: str = "Yes, that is so.", **more: object) -> list[object]:
    engine.llm.scripts[:] = [spoken(engine, text)]
    return list(session.ask(Turn(samples_16k=tone(1.0), **more)))  # type: ignore[arg-type]


def saved_conversation(engine: SmallEngine, folder: Path, turns: int = 6) -> None:
    session = Session(engine)
    for number in range(turns):
        ask(session, engine, f"Answer number {number}.")
    session.save(folder)


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Session, SmallEngine]:
    """A conversation of six turns that was saved and is opened again."""
    engine = SmallEngine(context_length=8192)
    saved_conversation(engine, tmp_path / "saved")
    return Session(engine, saved=tmp_path / "saved"), engine


def new_places(session: Session) -> int:
    statistics = session.turns[-1].statistics
    return statistics.prompt_tokens - statistics.reused_tokens


def test_a_conversation_that_is_opened_again_is_read_before_it_is_asked(tmp_path: Path) -> None:
    engine = SmallEngine(context_length=8192)
    saved_conversation(engine, tmp_path / "saved")
    later = Session(engine, saved=tmp_path / "saved")
    ask(later, engine)
    assert new_places(later) > 3 * NEW
    session = Session(engine, saved=tmp_path / "saved")
    steps = list(session.reading_ahead())
    assert steps
    assert all(isinstance(step, Pause) for step in steps)
    ask(session, engine)
    assert new_places(session) < NEW
    assert session.turns[-1].answer == later.turns[-1].answer
    assert session.turns[-1].statistics.prompt_tokens == later.turns[-1].statistics.prompt_tokens


def test_what_was_read_is_what_the_question_would_have_read() -> None:
    """What the network itself chooses afterwards is the same."""
    engine = SmallEngine(context_length=8192)
    answers = []
    for ahead in (False, True):
        session = Session(engine, SessionSettings(seed=3))
        for question in ("one", "two"):
            engine.llm.scripts[:] = [spoken(engine, f"This is {question}.")]
            list(session.ask(Turn(text=question)))
        session._reader.forget()
        if ahead:
            list(session.reading_ahead())
        engine.llm.scripts.clear()  # what the network itself chooses
        list(session.ask(Turn(text="three", max_tokens=12, spoken_answer=False)))
        answers.append(session.turns[-1].passages[-1].ids)
    assert answers[0] == answers[1] != ()


def test_no_step_is_long(opened: tuple[Session, SmallEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    (session, _), read = opened, []
    advance = Cache.advance
    monkeypatch.setattr(Cache, "advance", lambda cache, count: (read.append(count), advance(cache, count))[1])
    list(session.reading_ahead())
    assert max(read) <= 128
    assert sum(read) > 3 * NEW


def test_a_question_between_two_steps_is_answered_and_ends_them(opened: tuple[Session, SmallEngine]) -> None:
    session, engine = opened
    reading = session.reading_ahead()
    next(reading)
    assert "that is so" in text_of(ask(session, engine))  # type: ignore[arg-type]
    assert list(reading) == []
    list(session.reading_ahead())
    ask(session, engine)
    assert new_places(session) < NEW
    assert len(session.path) == 8


def test_what_is_deleted_meanwhile_is_not_read(opened: tuple[Session, SmallEngine]) -> None:
    session, engine = opened
    reading = session.reading_ahead()
    next(reading)
    session.forget(session.path[:5])
    assert list(reading) == []
    list(session.reading_ahead())
    length = session._reader.length
    ask(session, engine)
    assert session.turns[-1].statistics.prompt_tokens < length + NEW
    assert new_places(session) < NEW


def test_a_conversation_of_which_something_will_be_left_out_is_not_read(tmp_path: Path) -> None:
    saved_conversation(SmallEngine(context_length=8192), tmp_path / "saved", turns=8)
    engine = SmallEngine(context_length=400)
    session = Session(engine, saved=tmp_path / "saved")
    assert list(session.reading_ahead()) == []
    assert any(isinstance(event, ContextTrimmed) for event in ask(session, engine))


@pytest.mark.parametrize("remembered", [2, 3, 4])
def test_only_those_turns_are_read_that_the_question_will_show(tmp_path: Path, remembered: int) -> None:
    engine = SmallEngine(context_length=8192)
    settings = SessionSettings(remember_turns=remembered)
    saved_conversation(engine, tmp_path / "saved", turns=7)
    session = Session(engine, settings, saved=tmp_path / "saved")
    list(session.reading_ahead())
    ask(session, engine)
    assert new_places(session) < NEW


def test_a_new_conversation_has_nothing_to_read() -> None:
    assert list(Session(SmallEngine()).reading_ahead()) == []
