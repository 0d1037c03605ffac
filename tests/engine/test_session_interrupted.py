"""A reply that is interrupted, closed or fails keeps what was heard, and nothing else."""

from __future__ import annotations

import threading

import pytest

from engine.events import AnswerText, EndReason, ReplyEnded, SessionEvent, Speech, Turn
from engine.session import Session
from tests.engine.session_scripts import GREEDY, kinds, sound_of, spoken, text_of
from tests.fakes import SmallEngine


def test_closing_keeps_only_what_was_handed_out(engine: SmallEngine) -> None:
    engine.llm.scripts.append(
        spoken(engine, "One two three four five six seven eight nine ten eleven twelve.", tail=200)
    )
    session = Session(engine)
    stream = session.ask(Turn(text="count"))
    seen: list[SessionEvent] = []
    for event in stream:
        seen.append(event)
        if sum(isinstance(each, Speech) for each in seen) == 3:
            break
    stream.close()
    turn = session.turns[0]
    assert turn.reason is EndReason.INTERRUPTED
    assert turn.speech_tokens.tolist() == sound_of(seen)
    assert "One two".startswith(turn.answer[:7])
    assert text_of(seen).startswith(turn.answer)
    assert len(turn.answer) < 40
    assert turn.passages[0].ids[-1] == engine.vocabulary.tts_end


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_played_cuts_text_and_speech_at_the_same_point(engine: SmallEngine, share: float) -> None:
    sentence = "The quick brown fox jumps over the lazy dog near the river."
    engine.llm.scripts.append(spoken(engine, sentence, tail=60))
    session = Session(engine)
    events = list(session.ask(Turn(text="go")))
    samples = sum(len(event.samples_24k) for event in events if isinstance(event, Speech))
    tokens = session.turns[0].speech_tokens.tolist()
    session.played(session.path[0], int(samples * share))
    turn = session.turns[0]
    assert turn.speech_tokens.tolist() == tokens[: int(len(tokens) * share)]
    assert sentence.startswith(turn.answer)
    assert len(turn.answer) == pytest.approx(len(sentence) * share, abs=12)
    assert not (turn.answer[-1:].isalnum() and sentence[len(turn.answer) :][:1].isalnum())
    assert turn.reason is EndReason.INTERRUPTED


def test_a_reply_heard_to_its_end_is_complete(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "All of it."))
    session = Session(engine)
    events = list(session.ask(Turn(text="go")))
    session.played(session.path[0], sum(len(event.samples_24k) for event in events if isinstance(event, Speech)))
    assert (session.turns[0].reason, session.turns[0].answer) == (EndReason.COMPLETE, "All of it.")


def test_interrupt_from_another_thread_ends_the_reply_with_its_last_event(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "word " * 300))
    session = Session(engine)
    seen: list[SessionEvent] = []
    for event in session.ask(Turn(text="go")):
        if len(seen) == 20:
            thread = threading.Thread(target=session.interrupt)
            thread.start()
            thread.join()
        seen.append(event)
    assert len(seen) < 40
    assert isinstance(seen[-1], ReplyEnded)
    assert seen[-1].reason is EndReason.INTERRUPTED


def test_no_sound_is_made_after_the_wish_to_stop(engine: SmallEngine) -> None:
    speech, held, after = engine.vocabulary.speech, engine.vocabulary.encode("<"), engine.vocabulary.encode("x")
    engine.llm.scripts.append(
        [*held, *speech[:40], *after, *speech[40:90]]
    )  # "<" may begin a mark: speech waits for it
    session, events = Session(engine, GREEDY), []
    for event in session.ask(Turn(text="go")):
        if isinstance(event, AnswerText):  # with it, forty speech tokens are let go
            session.interrupt()
        events.append(event)
    assert kinds(events) == ["AnswerText", "ReplyEnded"]


def test_an_interruption_between_asking_and_the_first_event_counts(engine: SmallEngine) -> None:
    session = Session(engine)
    stream = session.ask(Turn(text="go"))
    session.interrupt()
    events = list(stream)
    assert kinds(events) == ["ReplyEnded"]
    assert session.turns[0].reason is EndReason.INTERRUPTED


def test_closing_before_the_first_event_leaves_the_question_and_no_answer(engine: SmallEngine) -> None:
    session = Session(engine)
    stream = session.ask(Turn(text="go"))
    stream.close()
    assert session.turns == ()
    engine.llm.scripts.append(spoken(engine, "One."))
    stream = session.ask(Turn(text="go"))
    next(stream)
    stream.close()
    assert session.turns[0].answer == ""
    engine.llm.scripts.append(spoken(engine, "Two."))
    list(session.ask(Turn(text="again")))
    assert [turn.answer for turn in session.turns] == ["", "Two."]


def test_only_one_generator_may_be_open(engine: SmallEngine) -> None:
    session = Session(engine)
    stream = session.ask(Turn(text="go", max_tokens=20))
    next(stream)
    with pytest.raises(RuntimeError):
        session.ask(Turn(text="too early"))
    stream.close()
    list(session.ask(Turn(text="now", max_tokens=5)))


def test_a_failure_leaves_the_history_as_it_was(engine: SmallEngine) -> None:
    session = Session(engine)
    list(session.ask(Turn(text="one", max_tokens=5)))

    def fails(*arguments: object, **options: object) -> object:
        raise MemoryError

    engine.speaking.synthesizer, kept = fails, engine.speaking.synthesizer  # type: ignore[assignment]
    session._voices._synthesizer = None
    with pytest.raises(MemoryError):
        list(session.ask(Turn(text="two", max_tokens=5)))
    engine.speaking.synthesizer = kept  # type: ignore[method-assign]
    assert [turn.text for turn in session.turns] == ["one"]
    list(session.ask(Turn(text="three", max_tokens=5)))
