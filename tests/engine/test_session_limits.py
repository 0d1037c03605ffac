"""What has no room: earlier turns in the context, replies longer than their budget."""

from __future__ import annotations

from engine.conversation.replying.settings import SessionSettings
from engine.events import ContextTrimmed, EndReason, Heard, ReplyEnded, Turn
from engine.session import Session
from tests.engine.session_scripts import interrupted, kinds, spoken, written
from tests.fakes import SmallEngine, tone


def test_old_sounds_become_transcripts_then_old_turns_go() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine)
    trimmed: list[ContextTrimmed] = []
    for _ in range(12):
        engine.llm.scripts += [written(engine, "Yes."), written(engine, "good morning")]
        events = list(session.ask(Turn(samples_16k=tone(4), spoken_answer=False, max_tokens=30, transcribe=True)))
        assert isinstance(events[-1], ReplyEnded)
        assert events[-1].statistics.prompt_tokens + 30 <= 400
        trimmed += [event for event in events if isinstance(event, ContextTrimmed)]
    assert trimmed[0].sounds_dropped >= 1
    assert trimmed[0].turns_dropped == 0
    assert all(event.tokens_freed > 0 for event in trimmed)
    assert any(event.turns_dropped for event in trimmed)
    assert session.path[0] in session._context.trimming.left_out
    assert all(session.turn(turn_id).transcript is not None for turn_id in session._context.trimming.without_sound)
    assert len(session.turns) == 12


def test_a_sound_is_transcribed_before_it_is_dropped() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine)
    heard: list[Heard] = []
    for _ in range(5):
        engine.llm.scripts += [written(engine, "Yes.")] * 5
        heard += [e for e in session.ask(Turn(samples_16k=tone(6), spoken_answer=False)) if isinstance(e, Heard)]
        engine.llm.scripts.clear()
    assert heard
    assert session.turns[0].transcript == "Yes."


def test_an_interruption_while_room_is_made_costs_no_turn_its_sound() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine)
    for _ in range(2):
        engine.llm.scripts.append(written(engine, "Yes."))
        list(session.ask(Turn(samples_16k=tone(4), spoken_answer=False, max_tokens=30)))
    engine.llm.scripts.append(interrupted(session, written(engine, "good morning"), 4))
    events = list(session.ask(Turn(samples_16k=tone(20), spoken_answer=False, max_tokens=30)))
    assert kinds(events) == ["ReplyEnded"]
    assert not session._context.trimming
    assert [turn.transcript for turn in session.turns] == [None, None, None]


def test_turns_that_are_not_shown_make_no_room() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine, SessionSettings(remember_turns=0))
    for _ in range(2):
        engine.llm.scripts.append(written(engine, "Yes."))
        list(session.ask(Turn(samples_16k=tone(2), spoken_answer=False, max_tokens=30)))
    engine.llm.scripts.append(written(engine, "Yes."))
    events = list(session.ask(Turn(text="word " * 400, spoken_answer=False, max_tokens=30)))
    assert kinds(events) == ["ContextTrimmed", "AnswerText", "ReplyEnded"]
    assert not session._context.trimming.left_out
    assert not session._context.trimming.without_sound


def test_a_single_turn_longer_than_the_context_is_answered_all_the_same() -> None:
    engine = SmallEngine(context_length=300)
    session = Session(engine)
    for turn in (Turn(text="word " * 3000, max_tokens=10), Turn(samples_16k=tone(60), max_tokens=10)):
        events = list(session.ask(turn))
        assert any(isinstance(event, ContextTrimmed) for event in events)
        assert isinstance(events[-1], ReplyEnded)


def test_a_reply_that_uses_up_its_budget_ends_for_length(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "a long story " * 50))
    session = Session(engine)
    events = list(session.ask(Turn(text="tell", max_tokens=100)))
    assert isinstance(events[-1], ReplyEnded)
    assert events[-1].reason is EndReason.LENGTH
    assert events[-1].statistics.generated_tokens == 100
    assert session.turns[0].passages[0].ids[-1] == engine.vocabulary.tts_end


def test_speech_that_goes_on_without_words_is_ended(engine: SmallEngine) -> None:
    speech = engine.vocabulary.speech
    endless = [speech[number % 50] for number in range(3000)]
    engine.llm.scripts.append([*engine.vocabulary.encode("Yes."), *endless])
    session = Session(engine)
    end = list(session.ask(Turn(text="go", max_tokens=2500)))[-1]
    assert isinstance(end, ReplyEnded)
    assert end.reason is EndReason.LENGTH
    assert end.statistics.speech_tokens <= 200 + 20 * len("Yes.") + 1
