"""What a scripted model writes in a session, and what tests ask of the session's events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from engine.conversation.replying.settings import SessionSettings
from engine.conversation.replying.tools import ToolRegistry, tool
from engine.conversation.replying.tools.calculator import calculator
from engine.events import AnswerText, SessionEvent, Speech
from engine.language import Sampling
from engine.session import Session
from tests.fakes import SPEECH_TOKENS, SmallEngine

GREEDY = SessionSettings(sampling=Sampling(temperature=0.0))


def spoken(engine: SmallEngine, text: str, tail: int = 20, first: int = 0, end: bool = True) -> list[int]:
    """A spoken answer as the model writes it: an id of text, four of speech, and so on, then the rest of the speech."""
    vocabulary = engine.vocabulary
    ids: list[int] = []
    numbers = iter(range(first, first + 10_000))
    for id in vocabulary.encode(text):
        ids += [id, *(vocabulary.speech[next(numbers) % SPEECH_TOKENS] for _ in range(4))]
    ids += [vocabulary.speech[next(numbers) % SPEECH_TOKENS] for _ in range(tail)]
    return [*ids, vocabulary.tts_end, *([vocabulary.eot] if end else [])]


def written(engine: SmallEngine, text: str) -> list[int]:
    return [*engine.vocabulary.encode(text), engine.vocabulary.eot]


def interrupted(session: Session, ids: Sequence[int], after: int) -> Iterator[int]:
    """A script during which somebody interrupts."""
    yield from ids[:after]
    session.interrupt()
    yield from ids[after:]


def call(engine: SmallEngine, name: str, arguments: str = "{}") -> list[int]:
    vocabulary = engine.vocabulary
    inside = vocabulary.encode(f"function\n{name}\n{arguments}")
    return [vocabulary.special("<tool_call>"), *inside, vocabulary.special("</tool_call>")]


def kinds(events: Iterable[SessionEvent]) -> list[str]:
    """Names of the events, each run of the same kind once."""
    names: list[str] = []
    for event in events:
        if not names or names[-1] != type(event).__name__:
            names.append(type(event).__name__)
    return names


def text_of(events: Iterable[SessionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, AnswerText))


def sound_of(events: Iterable[SessionEvent]) -> list[int]:
    """The speech tokens that the fake synthesizer put into the sound."""
    pieces = [event.samples_24k for event in events if isinstance(event, Speech)]
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return np.rint(samples[::960] * 1000).astype(int).tolist()


def with_tools(**options: object) -> SessionSettings:
    return SessionSettings(tools=ToolRegistry([tool(calculator)]), **options)  # type: ignore[arg-type]
