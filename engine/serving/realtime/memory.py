"""What the model remembers of a client's conversation: a session that lives on the engine's thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.conversation.remembering.records import Passage
from engine.conversation.replying.answered_outside import calling
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry
from engine.engine import Engine
from engine.events import SessionEvent, Thinking, Turn
from engine.serving.chat_messages import SaidTurn
from engine.serving.jobs import Job, Steps, steps_of
from engine.serving.voices import Voices
from engine.session import Session


@dataclass(frozen=True)
class Answering:
    """How to answer; `voice` None writes."""

    persona: str
    voice: str | None
    tools: ToolRegistry
    offered: tuple[str, ...]  # the tools that may be called
    thinking_budget: int
    most_tokens: int


@dataclass(frozen=True)
class Asked:
    """What to answer: the turns before, and the last one, which waits for it.

    `goes_on` says that the last one was begun and has the results of its calls. `heard` says how many samples at
    24 kHz were heard of turns whose speech was cut short. A `passing` answer is not remembered.
    """

    before: tuple[SaidTurn, ...]
    last: SaidTurn
    goes_on: bool
    heard: Mapping[str, int]
    passing: bool = False


class Memory:
    """One conversation's session. It is made again, from the words, when another model has taken the engine's place."""

    def __init__(self, voices: Voices) -> None:
        self._voices = voices
        self._engine: Engine | None = None
        self._session: Session | None = None

    def answer(self, asked: Asked, how: Answering) -> Steps:
        """Steps that answer."""

        def steps(engine: Engine, job: Job) -> Iterator[SessionEvent]:
            session = self._session_of(engine)
            session.settings = SessionSettings(
                persona=how.persona,
                voice=None if how.voice is None else self._voices.find(engine, how.voice),
                tools=how.tools,
                pauses=True,
            )
            job.on_cancel = session.interrupt
            try:
                self._recall(engine, session, asked, how)
                yield from steps_of(_answered(session, asked, how))
            finally:
                job.on_cancel = None
                if asked.passing:
                    session.forget([asked.last.id])

        return steps

    def forget(self) -> Steps:
        """Steps that give everything back; on the engine's thread, as MLX wants it."""

        def steps(engine: Engine, job: Job) -> Iterator[None]:
            self._session = self._engine = None
            yield None

        return steps

    def _session_of(self, engine: Engine) -> Session:
        if self._session is None or self._engine is not engine:
            self._engine, self._session = engine, engine.session()
        return self._session

    def _recall(self, engine: Engine, session: Session, asked: Asked, how: Answering) -> None:
        """Make the session agree with the conversation as the client has it."""
        for id, samples in asked.heard.items():
            session.played(id, samples)
        for said in asked.before:
            if said.id not in session.remembered:
                passages = _passages(engine, said)
                session.remember(said.id, _turn(said, how), said.answer, calls=passages)
        last = asked.last
        if asked.goes_on and last.id not in session.remembered:
            session.remember(last.id, _turn(last, how), "", calls=_passages(engine, last))
        path = [said.id for said in asked.before]
        session.follow([*path, last.id] if asked.goes_on else path)
        if not asked.passing:
            session.forget(session.remembered - {*path, last.id})


def _answered(session: Session, asked: Asked, how: Answering) -> Iterator[SessionEvent]:
    last = asked.last
    if not asked.goes_on:
        yield from session.ask(_turn(last, how))
        return
    yield from session.go_on(last.id, [result for _, _, results in last.calls for result in results])


def _turn(said: SaidTurn, how: Answering) -> Turn:
    return Turn(
        said.samples_16k,
        said.text,
        spoken_answer=how.voice is not None,
        thinking=Thinking.ALWAYS if how.thinking_budget else Thinking.OFF,
        thinking_budget=how.thinking_budget,
        allow_tools=how.offered,
        max_tokens=how.most_tokens,
        id=said.id,
    )


def _passages(engine: Engine, said: SaidTurn) -> list[Passage]:
    return [calling(engine.vocabulary, text, calls, results) for text, calls, results in said.calls]
