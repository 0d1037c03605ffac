"""Any sequence of what a person may do leaves a conversation that goes on as if it had been read in one go."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from engine.conversation.prompting.reading import SharedPrefixes
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.events import ContextTrimmed, ReplyEnded, SessionEvent, Speech, Thinking, Turn
from engine.language import Sampling
from engine.session import Session
from tests.checkpoints import tiny_checkpoint
from tests.engine.sequences import try_sequences
from tests.fakes import SmallEngine, on_checkpoint, tone

TONES = [tone(0.5), tone(0.5, 900), tone(1.2, 330)]
turns = st.builds(
    Turn,
    samples_16k=st.sampled_from([None, *TONES]),
    text=st.sampled_from(["hi", "and now?", "你好 <|EOT|>"]),
    spoken_answer=st.booleans(),
    thinking=st.sampled_from(list(Thinking)),
    thinking_budget=st.sampled_from([0, 5]),
    allow_tools=st.sampled_from([(), ("calculator",)]),
    max_tokens=st.integers(1, 60),
)
words = st.sampled_from(["Yes.", "One moment, please.", "好的"])


def probe() -> Turn:
    return Turn(text="go on", spoken_answer=False, max_tokens=10)


class Conversation(RuleBasedStateMachine):
    """What a person may do, in any order; `engine` is set by the tests."""

    engine: SmallEngine

    @initialize()
    def begin(self) -> None:
        self.engine.llm.scripts.clear()
        self.engine.shared_prefixes.clear()
        self.session = Session(self.engine, self.new_settings())

    def new_settings(self) -> SessionSettings:
        return SessionSettings(
            sampling=Sampling(temperature=0.0), tools=ToolRegistry([tool(calculator)]), tool_rounds=1
        )

    def take(self, stream: Iterator[SessionEvent]) -> list[SessionEvent]:
        events = list(stream)
        assert isinstance(events[-1], ReplyEnded)
        assert sum(isinstance(event, ReplyEnded) for event in events) == 1
        return events

    def said(self, text: str, tail: int) -> list[int]:
        vocabulary = self.engine.vocabulary
        ids = []
        for place, id in enumerate(vocabulary.encode(text)):
            ids += [id, vocabulary.speech[place % 50], vocabulary.speech[(place + 7) % 50]]
        return [*ids, *(vocabulary.speech[n % 50] for n in range(tail)), vocabulary.tts_end]

    def called(self) -> list[int]:
        vocabulary = self.engine.vocabulary
        inside = vocabulary.encode('function\ncalculator\n{"expression": "12*7"}')
        return [vocabulary.special("<tool_call>"), *inside, vocabulary.special("</tool_call>"), vocabulary.eot]

    @rule(turn=turns)
    def ask(self, turn: Turn) -> None:
        self.take(self.session.ask(turn))

    @rule(text=words, tail=st.integers(0, 60), spoken=st.booleans())
    def ask_and_hear(self, text: str, tail: int, spoken: bool) -> None:
        self.engine.llm.scripts.append([*self.said(text, tail), self.engine.vocabulary.eot])
        self.take(self.session.ask(Turn(text="say it", spoken_answer=spoken)))
        assert self.session.turns[-1].answer == text

    @rule(text=words, tail=st.integers(20, 90), events=st.integers(1, 40))
    def ask_and_close(self, text: str, tail: int, events: int) -> None:
        self.engine.llm.scripts.append([*self.said(text, tail), self.engine.vocabulary.eot])
        stream = self.session.ask(Turn(samples_16k=TONES[0], max_tokens=120))
        for _, _event in zip(range(events), stream, strict=False):
            pass
        stream.close()

    @rule(text=words, events=st.integers(0, 30))
    def ask_and_interrupt(self, text: str, events: int) -> None:
        self.engine.llm.scripts.append([*self.said(text, 50), self.engine.vocabulary.eot])
        for seen, _ in enumerate(self.session.ask(Turn(text="talk", max_tokens=120))):
            if seen == events:
                self.session.interrupt()

    @rule(text=words, tail=st.integers(0, 30), closes_at=st.none() | st.integers(1, 20))
    def ask_with_a_tool(self, text: str, tail: int, closes_at: int | None) -> None:
        self.engine.llm.scripts += [
            self.said(text, tail)[:-1] + self.called(),
            [*self.said("84", 10), self.engine.vocabulary.eot],
        ]
        stream = self.session.ask(Turn(text="12*7?", allow_tools=("calculator",)))
        if closes_at is None:
            events = self.take(stream)
            if not any(isinstance(event, ContextTrimmed) for event in events):  # which takes a script to transcribe
                assert self.session.turns[-1].tool_results[0].text == "84"
        else:
            for _, _event in zip(range(closes_at), stream, strict=False):
                pass
            stream.close()
        self.engine.llm.scripts.clear()

    @rule(text=words, share=st.floats(0, 1.1))
    def hear_a_part(self, text: str, share: float) -> None:
        self.engine.llm.scripts.append([*self.said(text, 40), self.engine.vocabulary.eot])
        events = self.take(self.session.ask(Turn(text="say it")))
        samples = sum(len(event.samples_24k) for event in events if isinstance(event, Speech))
        self.session.played(self.session.path[-1], int(samples * share))
        heard = min(int(samples * share) // 960, samples // 960)
        assert len(self.session.turns[-1].speech_tokens) == heard
        assert text.startswith(self.session.turns[-1].answer)

    @precondition(lambda self: self.session.turns)
    @rule(data=st.data(), turn=turns)
    def edit(self, data: st.DataObject, turn: Turn) -> None:
        before = self.session.path
        place = data.draw(st.integers(0, len(before) - 1))
        self.take(self.session.edit(before[place], turn))
        assert self.session.path == (*before[:place], turn.id)

    @precondition(lambda self: self.session.turns)
    @rule(data=st.data())
    def regenerate(self, data: st.DataObject) -> None:
        self.take(self.session.regenerate(data.draw(st.sampled_from(self.session.path))))

    @precondition(lambda self: self.session.turns)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.session.forget([data.draw(st.sampled_from(self.session.path))])

    @rule(persona=st.sampled_from(["You are calm.", "你是助手。", ""]))
    def change_persona(self, persona: str) -> None:
        self.session.settings.persona = persona

    @rule()
    def save_and_restore(self) -> None:
        with TemporaryDirectory() as folder:
            self.session.save(folder)
            restored = Session(self.engine, self.session.settings, saved=Path(folder))
        assert [turn.answer for turn in restored.turns] == [turn.answer for turn in self.session.turns]
        self.session = restored

    @rule()
    def goes_on_as_if_read_in_one_go(self) -> None:
        """The network's own next ids are those of a session that never kept a cache."""
        afresh = copy.copy(self.engine)
        afresh.shared_prefixes = SharedPrefixes()
        other = Session(afresh, self.session.settings)
        other._memory.go_back(self.session._memory)
        other._context.trimming = self.session._context.trimming
        other._context._checked_path = self.session._context._checked_path
        assert self.engine.llm.scripts == []
        self.take(other.ask(probe()))
        assert other.turns[-1].statistics.reused_tokens == 0
        self.take(self.session.ask(probe()))
        assert self.session.turns[-1].passages == other.turns[-1].passages
        self.session.forget(self.session.path[-1:])

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.goes_on_as_if_read_in_one_go()


def test_any_sequence_of_actions_ends_in_the_same_ids_as_reading_afresh() -> None:
    try_sequences(Conversation, SmallEngine(), examples=3, steps=8)


@pytest.mark.slow
def test_many_long_sequences_end_in_the_same_ids_as_reading_afresh() -> None:
    try_sequences(Conversation, SmallEngine(), examples=8, steps=20)


@pytest.mark.slow
def test_sequences_in_a_small_context_end_in_the_same_ids_as_reading_afresh() -> None:
    try_sequences(Conversation, SmallEngine(context_length=500), examples=6, steps=15)


@pytest.mark.slow
def test_sequences_on_the_tiny_checkpoint_end_in_the_same_ids_as_reading_afresh() -> None:
    try_sequences(Conversation, on_checkpoint(tiny_checkpoint()), examples=4, steps=8)
