"""A synthesizer's steps, in turn with the writing and on a thread of their own: the same sound, and nothing torn."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.conversation.speaking_along.pace import Pace
from engine.conversation.speaking_along.schedule import Schedule
from engine.conversation.speaking_along.stepping import Beside, InTurn, Stepping, stepping
from engine.engine import Engine
from engine.events import Speech, Turn
from engine.language import Sampling
from engine.resources import resource
from engine.session import Session
from engine.speaking.pieces import Pieces
from engine.speaking.work_thread import WorkThread
from tests.engine.session_scripts import sound_of, spoken
from tests.fakes import SmallChunk, SmallEngine, SmallSynthesizer

WAIT_S = 60


class Elsewhere(SmallSynthesizer):
    """Notes on which threads it is used, and that it is never used on two at once."""

    thread = WorkThread("speaking")

    def reset(self) -> None:
        super().reset()
        self.steps_on: set[str] = set()
        self.inside = False

    def push(self, tokens: Sequence[int]) -> None:
        assert not self.inside
        super().push(tokens)

    def step(self, size: int) -> SmallChunk | None:
        self.inside = True
        self.steps_on.add(threading.current_thread().name)
        try:
            return self.stepped(size)
        finally:
            self.inside = False

    def stepped(self, size: int) -> SmallChunk | None:
        return super().step(size)


class Gated(Elsewhere):
    """Makes a step only when it is let."""

    def reset(self) -> None:
        super().reset()
        self.begun, self.let = threading.Event(), threading.Event()

    def stepped(self, size: int) -> SmallChunk | None:
        self.begun.set()
        assert self.let.wait(WAIT_S)
        return super().stepped(size)


def schedule(synthesizer: SmallSynthesizer) -> Schedule:
    return Schedule(Pace(beside=True), synthesizer.pieces, synthesizer.look_ahead)


def in_turn(synthesizer: SmallSynthesizer) -> Stepping:
    return InTurn(synthesizer, schedule(synthesizer))


def beside(synthesizer: SmallSynthesizer) -> Stepping:
    assert Elsewhere.thread is not None
    return Beside(synthesizer, schedule(synthesizer), Elsewhere.thread)


def all_of(steps: Stepping, tokens: int) -> list[float]:
    found = []
    for token in range(tokens):
        steps.push(token)
        while (chunk := steps.next(wait=False)) is not None:
            found.append(chunk.samples_24k)
    steps.finish()
    while (chunk := steps.next(wait=True)) is not None:
        found.append(chunk.samples_24k)
    return np.rint(np.concatenate(found)[::960] * 1000).tolist() if found else []


class Growing(Elsewhere):
    """Its pieces are of many sizes."""

    pieces = Pieces()


@pytest.mark.parametrize("tokens", [0, 1, 12, 13, 14, 23, 24, 38, 53, 200])
@pytest.mark.parametrize("synthesizer", [Elsewhere, Growing])
@pytest.mark.parametrize("way", [in_turn, beside])
def test_everything_that_was_pushed_is_spoken_once_and_in_order(
    way: Callable[[SmallSynthesizer], Stepping], synthesizer: type[SmallSynthesizer], tokens: int
) -> None:
    assert all_of(way(synthesizer()), tokens) == list(range(tokens))


@pytest.mark.parametrize("tokens", range(14, 60))
def test_what_is_left_at_the_end_is_spoken_whatever_it_is(tokens: int) -> None:
    steps = in_turn(synthesizer := Growing())
    for token in range(tokens):
        steps.push(token)
    steps.finish()
    found = 0
    while (chunk := steps.next(wait=True)) is not None:
        found += chunk.tokens
    assert found == tokens == len(synthesizer._tokens)


def test_steps_beside_are_all_on_one_other_thread() -> None:
    synthesizer = Elsewhere()
    all_of(stepping(synthesizer, schedule(synthesizer)), 100)
    assert len(synthesizer.steps_on) == 1
    assert threading.current_thread().name not in synthesizer.steps_on


def test_steps_in_turn_are_on_the_callers_thread() -> None:
    synthesizer = Elsewhere()
    synthesizer.thread = None
    all_of(stepping(synthesizer, schedule(synthesizer)), 100)
    assert synthesizer.steps_on == {threading.current_thread().name}


def test_while_a_step_runs_tokens_are_taken_and_nothing_waits() -> None:
    synthesizer = Gated()
    steps = beside(synthesizer)
    for token in range(13):
        steps.push(token)
    assert steps.next(wait=False) is None
    assert synthesizer.begun.wait(WAIT_S)
    for token in range(13, 40):
        steps.push(token)
        assert steps.next(wait=False) is None
    synthesizer.let.set()
    steps.finish()
    found = []
    while (chunk := steps.next(wait=True)) is not None:
        found.append(chunk.tokens)
    assert found == [10, 25, 5]


def test_where_it_is_wanted_the_writing_waits_for_the_first_step_alone() -> None:
    synthesizer = Gated()
    synthesizer.first_alone = True
    steps = beside(synthesizer)
    for token in range(13):
        steps.push(token)
    threading.Timer(0.05, synthesizer.let.set).start()
    first = steps.next(wait=False)
    assert first is not None
    assert first.tokens == 10
    synthesizer.let.clear()
    for token in range(13, 40):
        steps.push(token)
        assert steps.next(wait=False) is None
    synthesizer.let.set()
    steps.finish()
    assert steps.next(wait=True) is not None


def test_what_a_step_raises_is_raised_where_its_chunk_is_asked_for() -> None:
    class Broken(Elsewhere):
        def stepped(self, size: int) -> SmallChunk | None:
            raise MemoryError("no room")

    steps = beside(Broken())
    steps.push(1)
    steps.finish()
    with pytest.raises(MemoryError, match="no room"):
        steps.next(wait=True)
    steps.close()


def test_closing_waits_for_the_step_that_runs() -> None:
    synthesizer = Gated()
    steps = beside(synthesizer)
    for token in range(13):
        steps.push(token)
    steps.next(wait=False)
    assert synthesizer.begun.wait(WAIT_S)
    threading.Timer(0.05, synthesizer.let.set).start()
    steps.close()
    assert not synthesizer.inside
    assert steps.next(wait=False) is None  # the chunk is gone, and too few tokens are left for another


@pytest.fixture
def engine() -> SmallEngine:
    engine = SmallEngine()
    engine.speaking.synthesizer = lambda voice, **options: Elsewhere(voice)  # type: ignore[method-assign]
    return engine


def test_a_conversation_beside_sounds_as_it_does_in_turn(engine: SmallEngine) -> None:
    session = Session(engine, SessionSettings(sampling=Sampling(temperature=0.0)))
    for text in ("Good morning to you, and to all who hear this.", "Twelve times seven is eighty four."):
        engine.llm.scripts.append(spoken(engine, text, tail=70))
        events = list(session.ask(Turn(text="hi")))
        assert sound_of(events) == session.turns[-1].speech_tokens.tolist()
        pieces = [event for event in events if isinstance(event, Speech)]
        assert pieces[-1].text_end == len(text)
    again = list(session.speak_again(session.path[0]))
    assert sound_of(again) == session.turns[0].speech_tokens.tolist()


def test_a_reply_given_up_while_it_speaks_leaves_the_synthesizer_to_the_next(engine: SmallEngine) -> None:
    session = Session(engine, SessionSettings(sampling=Sampling(temperature=0.0)))
    engine.llm.scripts.append(spoken(engine, "One two three four five six seven eight nine ten.", tail=100))
    stream = session.ask(Turn(text="count"))
    while not isinstance(next(stream), Speech):
        pass
    stream.close()
    engine.llm.scripts.append(spoken(engine, "That is all.", tail=30))
    events = list(session.ask(Turn(text="and?")))
    assert sound_of(events) == session.turns[-1].speech_tokens.tolist()


def test_the_thread_of_an_engine_ends_with_it() -> None:
    before = set(threading.enumerate())
    engines = [Engine.load(resource("starter"), backend="cpu") for _ in range(2)]
    for engine in engines:
        made = engine.speaking.synthesizer(engine.speaking.default_voice())
        if made.thread is None:
            pytest.skip("there is no core to spare")
        all_of(stepping(made, Schedule(Pace(beside=True), made.pieces, made.look_ahead)), 14)
    first, second = sorted(set(threading.enumerate()) - before, key=lambda thread: thread.ident or 0)
    engines[0].close()
    assert [first.is_alive(), second.is_alive()].count(True) == 1
    engines[1].close()
    assert not first.is_alive()
    assert not second.is_alive()


def test_a_thread_that_nobody_knows_any_more_ends() -> None:
    thread = WorkThread("short")
    where = thread.submit(threading.current_thread).result(WAIT_S)
    assert where.name == "short"
    del thread
    where.join(WAIT_S)
    assert not where.is_alive()


SPEAKS = """
import sys
from engine.engine import Engine
from engine.events import Turn
from engine.session import Session
from engine.speaking.work_thread import WorkThread
session = Session(Engine.load(sys.argv[1]))
list(session.ask(Turn(text="Hello.")))
print(session.turns[0].answer)
"""


@pytest.mark.slow
def test_a_program_that_has_spoken_ends_well() -> None:
    command = [sys.executable, "-c", SPEAKS, str(resource("starter"))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.stdout.strip()
    assert "terminate" not in ended.stderr
    assert ended.returncode == 0
