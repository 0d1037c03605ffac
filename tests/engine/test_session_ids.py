"""Whatever is done to a conversation, in any order: each turn is known by its id, in memory and on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from engine.conversation.replying.settings import SessionSettings
from engine.errors import RequestError
from engine.events import EndReason, ReplyEnded, SessionEvent, Speech, Turn
from engine.language import Sampling
from engine.session import Session
from tests.engine.sequences import try_sequences
from tests.engine.session_scripts import spoken
from tests.fakes import SmallEngine, tone

GREEDY = SessionSettings(sampling=Sampling(temperature=0.0))
WORDS = ("Yes.", "One moment, please.", "That is so, and it will stay so for a long while.")


@dataclass
class Expected:
    """What a conversation should be, kept by hand: the words of every turn, and the path."""

    asked: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)  # what was heard of them begins with what is remembered
    path: list[str] = field(default_factory=list)


class ModelError(Exception):
    """The language model breaks."""


class Conversation(RuleBasedStateMachine):
    """Session alone, compared with `Expected` by id after every step; `engine` is set by the tests."""

    engine: SmallEngine

    @initialize()
    def begin(self) -> None:
        self.engine.llm.scripts.clear()
        self.engine.shared_prefixes.clear()
        self._folder = TemporaryDirectory()
        self.folder = Path(self._folder.name) / "session"
        self.session = Session(self.engine, GREEDY)
        self.expected, self.number = Expected(), 0

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def new_turn(self, sound: bool) -> Turn:
        self.number += 1
        samples = tone(0.5, 200 + self.number) if sound else None
        return Turn(samples, text=f"question {self.number}", max_tokens=400, transcribe=sound)

    def say(self, words: str) -> None:
        """The next answer, and no transcript."""
        self.engine.llm.scripts[:] = [spoken(self.engine, words, tail=30), [self.engine.vocabulary.eot]]

    def ways(self, turn: Turn, place: int) -> tuple[list[str], Callable[[], object]]:
        """Ask at the end, or in place of a turn of the path: what stands before, and how."""
        if place < len(self.expected.path):
            old = self.expected.path[place]
            return self.expected.path[:place], lambda: self.session.edit(old, turn)
        return list(self.expected.path), lambda: self.session.ask(turn)

    @rule(words=st.sampled_from(WORDS), place=st.integers(0, 8), sound=st.booleans())
    def ask_or_edit(self, words: str, place: int, sound: bool) -> None:
        turn = self.new_turn(sound)
        self.say(words)
        before, way = self.ways(turn, place)
        events: list[SessionEvent] = list(way())  # type: ignore[call-overload]
        assert isinstance(events[-1], ReplyEnded)
        assert events[-1].turn == turn.id
        self.expect(turn, before, words)
        answer = self.session.turn(turn.id).answer
        assert answer == words if events[-1].reason is EndReason.COMPLETE else words.startswith(answer)

    @rule(words=st.sampled_from(WORDS), place=st.integers(0, 8), seen=st.integers(0, 12), closes=st.booleans())
    def ask_and_break_off(self, words: str, place: int, seen: int, closes: bool) -> None:
        turn = self.new_turn(sound=False)
        self.say(words)
        before, way = self.ways(turn, place)
        stream = way()
        begun = False
        for number, _ in enumerate(stream):  # type: ignore[arg-type, var-annotated]
            begun = True
            if number == seen:
                if closes:
                    break
                self.session.interrupt()
        stream.close()  # type: ignore[attr-defined]
        if begun:
            self.expect(turn, before, words)

    @rule(place=st.integers(0, 8), interrupted=st.booleans())
    def ask_and_fail(self, place: int, interrupted: bool) -> None:
        turn = self.new_turn(sound=False)

        def breaks():  # type: ignore[no-untyped-def]
            if interrupted:
                self.session.interrupt()
            raise ModelError
            yield 0

        self.engine.llm.scripts[:] = [breaks()]
        turns = self.session.turns
        _, way = self.ways(turn, place)
        with pytest.raises(ModelError):
            list(way())  # type: ignore[call-overload]
        self.session.played(turn.id, 0)  # as whoever plays the sound does, whatever became of the reply
        assert self.session.turns == turns
        assert turn.id not in self.session.remembered

    @precondition(lambda self: self.expected.path)
    @rule(data=st.data(), words=st.sampled_from(WORDS))
    def regenerate(self, data: st.DataObject, words: str) -> None:
        old = data.draw(st.sampled_from(self.expected.path))
        before = self.expected.path[: self.expected.path.index(old)]
        self.number += 1
        new_id = f"again{self.number}"
        self.say(words)
        list(self.session.regenerate(old, new_id))
        self.expect(self.session.turn(new_id).request, before, words)
        assert self.session.turn(new_id).samples_16k is self.session.turn(old).samples_16k

    @precondition(lambda self: self.expected.path)
    @rule(data=st.data(), share=st.floats(0, 1.1))
    def hear_a_part(self, data: st.DataObject, share: float) -> None:
        turn_id = data.draw(st.sampled_from(sorted(self.expected.asked)))
        others = {each: self.session.turn(each) for each in self.expected.asked if each != turn_id}
        samples = 960 * len(self.session.turn(turn_id).speech_tokens)
        self.session.played(turn_id, int(samples * share))
        assert all(self.session.turn(each) is others[each] for each in others)

    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        known = sorted(self.expected.asked)
        path = data.draw(st.permutations(known).map(lambda ids: ids[: len(ids) // 2 + 1]) if known else st.just([]))
        self.session.follow(path)
        self.expected.path = list(path)

    @rule(turn_id=st.sampled_from(["", "nobody"]))
    def name_a_turn_that_is_not_there(self, turn_id: str) -> None:
        for action in (self.session.turn, self.session.regenerate, self.session.transcribe, self.session.speak_again):
            with pytest.raises(RequestError):
                action(turn_id)
        with pytest.raises(RequestError):
            self.session.follow([*self.expected.path, turn_id])

    @precondition(lambda self: self.expected.asked)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        gone = data.draw(st.lists(st.sampled_from(sorted(self.expected.asked)), max_size=2))
        self.session.forget([*gone, "nobody"])
        for turn_id in set(gone):
            del self.expected.asked[turn_id], self.expected.answers[turn_id]
        self.expected.path = [turn_id for turn_id in self.expected.path if turn_id not in gone]

    @rule(words=st.sampled_from(WORDS))
    def remember(self, words: str) -> None:
        turn = self.new_turn(sound=False)
        self.session.remember(turn.id, turn, words)
        self.expected.asked[turn.id], self.expected.answers[turn.id] = turn.text, words

    @precondition(lambda self: self.expected.path)
    @rule(data=st.data())
    def speak_again(self, data: st.DataObject) -> None:
        turn_id = data.draw(st.sampled_from(self.expected.path))
        record = self.session.turn(turn_id)
        if len(record.speech_tokens):
            sound = [event for event in self.session.speak_again(turn_id) if isinstance(event, Speech)]
            assert sum(len(event.samples_24k) for event in sound) == 960 * len(record.speech_tokens)

    @rule(again=st.booleans())
    def save(self, again: bool) -> None:
        """Save; and perhaps go on with what comes back."""
        self.session.save(self.folder)
        names = {file.stem for file in self.folder.glob("*.turn")}
        assert names == set(self.expected.asked), "a file is missing, or one was left behind"
        if again:
            turns = {turn_id: self.session.turn(turn_id) for turn_id in self.expected.asked}
            self.session = Session(self.engine, GREEDY, saved=self.folder)
            for turn_id, turn in turns.items():
                assert self.session.turn(turn_id).passages == turn.passages

    def expect(self, turn: Turn, before: list[str], words: str) -> None:
        self.expected.asked[turn.id], self.expected.answers[turn.id] = turn.text, words
        self.expected.path = [*before, turn.id]

    @invariant()
    def memory_is_what_was_done(self) -> None:
        if not hasattr(self, "session"):
            return
        assert self.session.remembered == set(self.expected.asked)
        assert list(self.session.path) == self.expected.path
        for turn_id, text in self.expected.asked.items():
            assert self.session.turn(turn_id).text == text
            assert self.expected.answers[turn_id].startswith(self.session.turn(turn_id).answer)
        assert [turn.id for turn in self.session.turns] == self.expected.path


def test_any_sequence_of_actions_keeps_every_turn_under_its_id() -> None:
    try_sequences(Conversation, SmallEngine(), examples=4, steps=12)


@pytest.mark.slow
def test_many_long_sequences_keep_every_turn_under_its_id() -> None:
    try_sequences(Conversation, SmallEngine(), examples=12, steps=30)


@pytest.mark.slow
def test_sequences_in_a_small_context_keep_every_turn_under_its_id() -> None:
    try_sequences(Conversation, SmallEngine(context_length=450), examples=8, steps=20)
