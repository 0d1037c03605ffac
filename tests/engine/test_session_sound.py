"""What was said is transcribed, and what was answered is spoken again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.conversation.prompting import reading
from engine.conversation.replying.settings import SessionSettings
from engine.events import Heard, Turn
from engine.language import generate
from engine.session import Session
from tests.engine.session_scripts import interrupted, kinds, sound_of, spoken, written
from tests.fakes import SmallEngine, tone


def test_what_was_said_is_transcribed_when_asked(engine: SmallEngine) -> None:
    engine.llm.scripts += [spoken(engine, "Hello."), written(engine, "good morning")]
    session = Session(engine)
    events = list(session.ask(Turn(samples_16k=tone(), transcribe=True)))
    assert kinds(events)[-2:] == ["Heard", "ReplyEnded"]
    assert session.turns[0].transcript == "good morning"
    assert list(session.transcribe(session.path[0])) == [Heard(session.path[0], "good morning")]


def test_what_was_said_can_be_transcribed_later(engine: SmallEngine) -> None:
    engine.llm.scripts += [spoken(engine, "Hello."), None, written(engine, "good evening")]
    session = Session(engine)
    list(session.ask(Turn(samples_16k=tone())))
    list(session.ask(Turn(text="typed", max_tokens=4)))
    assert list(session.transcribe(session.path[0])) == [Heard(session.path[0], "good evening")]
    assert list(session.transcribe(session.path[1])) == []


def test_what_was_said_is_never_kept_half_transcribed(engine: SmallEngine) -> None:
    session = Session(engine)
    engine.llm.scripts += [spoken(engine, "Hello."), interrupted(session, written(engine, "good morning"), 4)]
    events = list(session.ask(Turn(samples_16k=tone(), transcribe=True)))
    assert kinds(events)[-2:] == ["Speech", "ReplyEnded"]
    engine.llm.scripts.append(written(engine, "good morning"))
    assert list(session.transcribe(session.path[0])) == [Heard(session.path[0], "good morning")]


def test_a_sound_longer_than_the_context_is_transcribed_to_its_end() -> None:
    engine = SmallEngine(context_length=800)
    engine.llm.scripts += [written(engine, "Yes."), written(engine, "the beginning"), written(engine, "and the end")]
    session = Session(engine)
    events = list(session.ask(Turn(samples_16k=tone(45), spoken_answer=False, max_tokens=30, transcribe=True)))
    assert Heard(session.path[0], "the beginning and the end") in events
    assert len(session.turns[0].samples_16k) == 45 * 16_000  # type: ignore[arg-type]


def test_nothing_was_said_in_a_sound_too_short_to_hear(engine: SmallEngine) -> None:
    engine.llm.scripts += [written(engine, "Yes."), written(engine, "made up")]
    session = Session(engine)
    turn = Turn(text="typed", samples_16k=tone(0.01), spoken_answer=False, transcribe=True)
    assert list(session.ask(turn))[-2] == Heard(turn.id, "")


def test_a_transcript_may_repeat_words_of_the_request_for_it(
    engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    penalised: list[int] = []

    def noted(*given: Any, penalised_ids: Sequence[int] = (), **options: Any) -> Iterator[int]:
        penalised.append(len(penalised_ids))
        return generate(*given, penalised_ids=penalised_ids, **options)

    monkeypatch.setattr(reading, "generate", noted)
    engine.llm.scripts += [spoken(engine, "Hello."), written(engine, "good morning")]
    list(Session(engine).ask(Turn(samples_16k=tone(), transcribe=True)))
    answer, transcript = penalised
    assert (answer > 0, transcript) == (True, 0)


def test_an_answer_is_spoken_again_in_another_voice(engine: SmallEngine) -> None:
    engine.llm.scripts.append(spoken(engine, "Hello there.", tail=70))
    session = Session(engine)
    first = sound_of(list(session.ask(Turn(text="hi"))))
    again = list(session.speak_again(session.path[0], voice="other"))  # type: ignore[arg-type]
    assert sound_of(again) == first
    assert engine.speaking.made[-1].voice == "other"
    assert again[-1].text_end == len("Hello there.")


def test_a_written_answer_is_read_aloud(engine: SmallEngine) -> None:
    engine.llm.scripts += [written(engine, "Quiet words."), spoken(engine, "Quiet words.", tail=30)]
    session = Session(engine)
    list(session.ask(Turn(text="hi", spoken_answer=False)))
    assert len(sound_of(session.speak_again(session.path[0]))) == 4 * len(engine.vocabulary.encode("Quiet words.")) + 30


def test_an_interpreter_answers_in_the_voice_of_whoever_spoke(engine: SmallEngine) -> None:
    session = Session(engine, SessionSettings(own_voice=True, remember_turns=0))
    for seconds, voice in ((1, "built-in"), (4, "own of 4 s"), (1, "own of 4 s")):
        engine.llm.scripts.append(spoken(engine, "Hola."))
        list(session.ask(Turn(samples_16k=tone(seconds))))
        assert engine.speaking.made[-1].voice == voice
    assert session.turns[2].statistics.prompt_tokens < 70
