"""Turns are named by their ids: branches, going back, forgetting, repairing, and failures that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.errors import RequestError, SoundError
from engine.events import ContextTrimmed, Heard, ReplyEnded, Speech, Turn, new_turn_id
from engine.language import Sampling
from engine.session import Session
from tests.engine.session_scripts import interrupted, spoken, written
from tests.fakes import SmallEngine, tone

pytestmark = pytest.mark.slow


def answered(session: Session, engine: SmallEngine, *texts: str) -> None:
    """Ask each text; the answer repeats it."""
    for text in texts:
        engine.llm.scripts.append(spoken(engine, f"You said {text}.", tail=40))
        list(session.ask(Turn(text=text)))


def texts(session: Session) -> list[str]:
    return [turn.text for turn in session.turns]


def test_ids_are_never_the_same() -> None:
    assert len({Turn().id for _ in range(1000)}) == 1000
    assert len(Turn().id) == len(new_turn_id()) == 32


def test_a_turn_keeps_the_id_it_came_with(engine: SmallEngine) -> None:
    session, turn = Session(engine), Turn(text="hi", id="mine")
    engine.llm.scripts.append(spoken(engine, "Hello."))
    end = list(session.ask(turn))[-1]
    assert isinstance(end, ReplyEnded)
    assert (session.path, end.turn, session.turn("mine").answer) == (("mine",), "mine", "Hello.")


def test_an_id_that_is_known_is_refused_and_nothing_changes(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b")
    known, path = session.turns[0].request, session.path
    for refused in (lambda: session.ask(known), lambda: session.edit(path[1], known)):
        with pytest.raises(RequestError, match="already"):
            refused()
    with pytest.raises(RequestError, match="already"):
        session.remember(path[0], Turn(text="c"), "d")
    turn = Turn(text="once", max_tokens=5)
    first, second = session.ask(turn), session.ask(turn)
    list(first)
    with pytest.raises(RequestError, match="already"):
        list(second)
    assert session.path == (*path, turn.id)


# Branches.


def test_asking_again_and_editing_delete_nothing(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b", "c")
    old = session.path
    engine.llm.scripts.append(spoken(engine, "Once more."))
    list(session.regenerate(old[1], "second b"))
    assert session.path == (old[0], "second b")
    assert session.turn("second b").text == "b"
    assert session.turn(old[1]).answer == "You said b."
    engine.llm.scripts.append(spoken(engine, "Something else."))
    list(session.edit(old[0], Turn(text="x", id="x")))
    assert session.path == ("x",)
    assert session.remembered == {*old, "second b", "x"}
    session.follow(old)
    assert [turn.answer for turn in session.turns] == ["You said a.", "You said b.", "You said c."]


def test_another_path_reads_only_what_the_two_do_not_share(engine: SmallEngine) -> None:
    session = Session(engine, SessionSettings(sampling=Sampling(temperature=0.0)))
    answered(session, engine, "a rather long question " * 20, "b")
    first = session.path
    engine.llm.scripts.append(spoken(engine, "Another b."))
    list(session.regenerate(first[1]))
    assert session.turns[-1].statistics.prompt_tokens - session.turns[-1].statistics.reused_tokens == 1
    session.follow(first)
    answered(session, engine, "c")
    statistics = session.turns[-1].statistics
    assert statistics.prompt_tokens - statistics.reused_tokens < 300 < statistics.reused_tokens


def test_a_question_that_is_asked_again_is_heard_only_once(
    engine: SmallEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    encode = engine.hearing.encode
    monkeypatch.setattr(engine.hearing, "encode", lambda samples: encoded.append(len(samples)) or encode(samples))
    session = Session(engine)
    engine.llm.scripts += [spoken(engine, "Hello."), written(engine, "good morning"), spoken(engine, "Hi.")]
    list(session.ask(Turn(samples_16k=tone(2), transcribe=True)))
    events = list(session.regenerate(session.path[0], "again"))
    assert encoded == [32_000]
    assert Heard("again", "good morning") in events
    assert session.turns[0].statistics.reused_tokens == session.turns[0].statistics.prompt_tokens - 1


def test_a_path_names_known_turns_and_each_once(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b")
    path = session.path
    with pytest.raises(RequestError, match="no turn"):
        session.follow([*path, new_turn_id()])
    with pytest.raises(RequestError, match="once"):
        session.follow([path[0], path[0]])
    assert session.path == path
    session.follow([path[1]])
    with pytest.raises(RequestError, match="another branch"):
        session.regenerate(path[0])


def test_a_turn_can_be_hidden_and_shown_again(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b", "c")
    whole = session.path
    session.follow([whole[0], whole[2]])
    assert texts(session) == ["a", "c"]
    session.follow(whole)
    assert texts(session) == ["a", "b", "c"]


def test_what_is_forgotten_is_gone_from_everywhere(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b", "c")
    first, second, third = session.path
    session.follow([first, second])
    session.forget([second, third, "nobody"])
    assert (session.path, session.remembered) == ((first,), {first})


# Repair.


def test_a_turn_that_memory_lost_is_taken_in_from_its_words(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a")
    session.remember("lost", Turn(samples_16k=tone(), text="what?"), "A stored answer.", transcript="spoken words")
    assert "lost" not in session.path
    session.follow(["lost", *session.path])
    turn = session.turn("lost")
    assert (turn.text, turn.answer, turn.transcript) == ("what?", "A stored answer.", "spoken words")
    answered(session, engine, "b")
    engine.llm.scripts.append(spoken(engine, "A stored answer."))
    assert list(session.speak_again("lost"))
    with pytest.raises(SoundError):
        session.remember("bad", Turn(samples_16k=np.full(16_000, np.nan, np.float32)), "x")


# Failures.


@contextmanager
def no_memory_for_speech(session: Session, engine: SmallEngine) -> Iterator[None]:
    """Nothing can be spoken within."""

    def fails(*arguments: object, **options: object) -> object:
        raise MemoryError

    session._voices._synthesizer = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.speaking, "synthesizer", fails)
        yield
    engine.llm.scripts.clear()


@pytest.mark.parametrize("way", ["ask", "edit", "regenerate"])
def test_a_reply_that_raises_leaves_path_and_turns_exactly_as_they_were(engine: SmallEngine, way: str) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b")
    turns, path, remembered = session.turns, session.path, session.remembered
    streams: dict[str, Callable[[], Iterator[object]]] = {
        "ask": lambda: session.ask(Turn(text="c")),
        "edit": lambda: session.edit(path[0], Turn(text="c")),
        "regenerate": lambda: session.regenerate(path[0]),
    }
    with no_memory_for_speech(session, engine), pytest.raises(MemoryError):
        list(streams[way]())
    assert (session.turns, session.path, session.remembered) == (turns, path, remembered)
    answered(session, engine, "c")
    assert texts(session) == ["a", "b", "c"]


def test_a_reply_that_raises_after_it_was_interrupted_costs_the_answer_before_nothing(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a")
    turn = Turn(text="b")

    def breaks() -> Iterator[int]:
        session.interrupt()
        raise MemoryError
        yield 0

    engine.llm.scripts.append(breaks())  # type: ignore[arg-type]
    with pytest.raises(MemoryError):
        list(session.ask(turn))
    session.played(turn.id, 0)
    assert [(each.text, each.answer) for each in session.turns] == [("a", "You said a.")]


def test_played_cuts_the_turn_it_names_wherever_that_stands(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a", "b")
    first, second = session.path
    session.played(first, 4800)
    assert len(session.turn(first).speech_tokens) == 5
    assert session.turn(second).answer == "You said b."


def test_after_a_failed_again_the_question_stands_in_memory_once(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a")
    path = session.path
    with no_memory_for_speech(session, engine), pytest.raises(MemoryError):
        list(session.regenerate(path[0], "again"))
    engine.llm.scripts[:] = [spoken(engine, "At last.")]
    list(session.regenerate(path[0], "again"))
    assert [(turn.text, turn.answer) for turn in session.turns] == [("a", "At last.")]
    question = engine.vocabulary.decode(id for id in session._reader._keys if id >= 0)
    assert question.count("human\na") == 1


# The context.


def test_what_was_left_out_of_a_long_path_is_whole_again_on_a_short_one() -> None:
    engine = SmallEngine(context_length=400)
    session = Session(engine)
    trimmed = 0
    for _ in range(6):
        engine.llm.scripts += [written(engine, "Yes."), written(engine, "good morning")]
        turn = Turn(samples_16k=tone(4), spoken_answer=False, max_tokens=30, transcribe=True)
        trimmed += sum(isinstance(event, ContextTrimmed) for event in session.ask(turn))
    assert trimmed
    assert all(turn.samples_16k is not None and len(turn.samples_16k) == 64_000 for turn in session.turns)
    session.follow(session.path[:2])
    engine.llm.scripts.append(written(engine, "Yes."))
    list(session.ask(Turn(text="and now?", spoken_answer=False, max_tokens=5)))
    assert not session._context.trimming
    assert session.turns[-1].statistics.prompt_tokens > 2 * 50


def test_half_of_the_turns_go_at_once_so_that_the_cache_is_used_again(engine: SmallEngine) -> None:
    engine.about = {"remember_turns": 6}
    session = Session(engine, SessionSettings(sampling=Sampling(temperature=0.0)))
    read = []
    for number in range(16):
        answered(session, engine, f"{number} " + "x" * 50)
        statistics = session.turns[-1].statistics
        read.append(statistics.prompt_tokens - statistics.reused_tokens)
    steps = [number for number in range(1, 16) if read[number] > read[1] + 5]
    assert steps == [7, 11, 15]
    assert len(session._context._shown(session._instructions())) == 4


@pytest.mark.parametrize(("said", "wanted", "shown"), [(2, None, 2), (2, 5, 2), (4, 1, 1), (None, 3, 3), (-1, None, 5)])
def test_the_models_folder_bounds_what_is_remembered_and_settings_may_ask_for_less(
    engine: SmallEngine, said: int | None, wanted: int | None, shown: int
) -> None:
    engine.about = {} if said is None else {"remember_turns": said}
    session = Session(engine, SessionSettings(remember_turns=wanted))
    answered(session, engine, *"abcdef")
    assert len(session._context._shown(session._instructions())) - 1 <= shown
    assert max(shown // 2, 1) <= len(session._context._shown(session._instructions())) - 1


def test_speech_of_a_branch_comes_back_with_it(engine: SmallEngine) -> None:
    session = Session(engine)
    answered(session, engine, "a")
    first = session.path
    engine.llm.scripts.append(spoken(engine, "Other words.", tail=30))
    list(session.regenerate(first[0]))
    session.follow(first)
    sounds = [event for event in session.speak_again(first[0]) if isinstance(event, Speech)]
    assert sounds[-1].text_end == len("You said a.")


def test_transcribing_an_old_branch_is_possible(engine: SmallEngine) -> None:
    session = Session(engine)
    engine.llm.scripts.append(spoken(engine, "Hello."))
    list(session.ask(Turn(samples_16k=tone(), id="old")))
    session.follow([])
    engine.llm.scripts.append(interrupted(session, written(engine, "good morning"), 4))
    assert list(session.transcribe("old")) == []
    engine.llm.scripts.append(written(engine, "good morning"))
    assert list(session.transcribe("old")) == [Heard("old", "good morning")]
