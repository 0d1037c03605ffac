"""A conversation with nothing faked but the choice of ids: the tiny checkpoint hears, writes and speaks."""

from __future__ import annotations

import numpy as np
import pytest

from engine.conversation.replying.settings import SessionSettings
from engine.engine import Engine
from engine.events import AnswerText, EndReason, ReplyEnded, Speech, Thinking, Turn
from engine.session import Session
from engine.speaking import Voice
from tests.checkpoints import tiny_checkpoint
from tests.fakes import scripted, tone


@pytest.fixture(scope="module")
def engine(backend: str) -> Engine:
    loaded = Engine.load(tiny_checkpoint(), backend=backend)
    scripted(loaded.llm)
    return loaded


@pytest.fixture(scope="module")
def voice(engine: Engine) -> Voice:
    """Any numbers are a voice for random weights."""
    chance = np.random.default_rng(0)
    config = engine.speaking.flow.config
    return Voice(
        "chance",
        chance.integers(0, config.vocab_size, 25).astype(np.int32),
        chance.standard_normal(config.spk_embed_dim).astype(np.float32),
        chance.normal(-6, 2, (50, config.output_size)).astype(np.float32),
        np.zeros(0, np.float32),
        engine.speaking.networks.fingerprint,
    )


def answer(engine: Engine, text: str, speech_tokens: int) -> list[int]:
    vocabulary = engine.vocabulary
    speech = iter([vocabulary.speech[(41 * n) % 6561] for n in range(speech_tokens)])
    ids: list[int] = []
    for id in vocabulary.encode(text):
        ids += [id, *(token for _, token in zip(range(4), speech, strict=False))]
    return [*ids, *speech, vocabulary.tts_end, vocabulary.eot]


@pytest.mark.slow
def test_a_reply_is_spoken_whole_while_it_is_written(engine: Engine, voice: Voice) -> None:
    engine.llm.scripts[:] = [answer(engine, "Twelve times seven is eighty four, as you know.", 60)]
    session = Session(engine, SessionSettings(voice=voice, flow_steps=3))
    events = list(session.ask(Turn(samples_16k=tone(1.0), thinking=Thinking.OFF)))
    speeches = [event for event in events if isinstance(event, Speech)]
    assert len(speeches) > 2
    assert sum(len(speech.samples_24k) for speech in speeches) == 60 * 960
    assert all(np.isfinite(speech.samples_24k).all() for speech in speeches)
    kinds = [type(event) for event in events]
    assert kinds.index(Speech) < len(kinds) - 1 - kinds[::-1].index(AnswerText)
    assert isinstance(events[-1], ReplyEnded)
    again = list(session.speak_again(session.path[0]))
    assert sum(len(speech.samples_24k) for speech in again) == 60 * 960


@pytest.mark.slow
def test_closing_in_the_middle_leaves_a_session_that_goes_on(engine: Engine, voice: Voice) -> None:
    session = Session(engine, SessionSettings(voice=voice, flow_steps=3))
    engine.llm.scripts[:] = [answer(engine, "One two three four five six seven eight.", 100)]
    stream = session.ask(Turn(text="count"))
    for event in stream:
        if isinstance(event, Speech):
            break
    stream.close()
    session.played(session.path[-1], 4800)
    assert session.turns[0].reason is EndReason.INTERRUPTED
    assert len(session.turns[0].speech_tokens) == 5
    engine.llm.scripts[:] = [answer(engine, "Fine.", 20)]
    events = list(session.ask(Turn(text="and now?")))
    assert sum(len(event.samples_24k) for event in events if isinstance(event, Speech)) == 20 * 960
    assert session.turns[1].answer == "Fine."
