"""Two hundred turns: memory stays flat, and late turns read no more than early ones."""

from __future__ import annotations

import gc

import mlx.core as mx
import pytest

from engine.checkpoints import memory
from engine.conversation.replying.settings import SessionSettings
from engine.events import ReplyEnded, Turn
from engine.session import Session
from tests.fakes import SmallEngine, tone


def answer(engine: SmallEngine) -> list[int]:
    vocabulary = engine.vocabulary
    return [*vocabulary.encode("Yes, that is so."), *vocabulary.speech[:40], vocabulary.tts_end, vocabulary.eot]


def test_a_late_turn_reads_no_more_than_an_early_one() -> None:
    engine = SmallEngine(context_length=8192)
    session = Session(engine)
    new = []
    for _ in range(20):
        engine.llm.scripts.append(answer(engine))
        list(session.ask(Turn(samples_16k=tone(1.0))))
        statistics = session.turns[-1].statistics
        new.append(statistics.prompt_tokens - statistics.reused_tokens)
    assert len(set(new[1:])) == 1


@pytest.mark.slow
def test_a_hundred_turns_do_not_grow_memory_and_lose_no_event() -> None:
    engine = SmallEngine(context_length=1500)
    session = Session(engine, SessionSettings(seed=1))
    used: list[int] = []
    sound = tone(1.0)
    for number in range(100):
        engine.llm.scripts[:] = [answer(engine), [engine.vocabulary.eot]]
        events = list(session.ask(Turn(samples_16k=sound, max_tokens=200, transcribe=True)))
        assert isinstance(events[-1], ReplyEnded)
        assert events[-1].turn == session.path[number]
        assert session.turns[-1].answer == "Yes, that is so."
        if number in (39, 69, 99):
            gc.collect()
            mx.clear_cache()
            used.append(mx.get_active_memory())
    assert used[-1] <= used[0] * 1.02
    assert session._reader.length <= 1500


@pytest.mark.parametrize(("where", "filled", "given_back"), [(mx.cpu, 0, 1), (mx.gpu, 750, 0), (mx.gpu, 751, 1)])
def test_buffers_are_given_back_after_a_reply_on_a_cpu_and_on_a_gpu_when_there_is_little_room_for_more(
    monkeypatch: pytest.MonkeyPatch, where: mx.DeviceType, filled: int, given_back: int
) -> None:
    engine = SmallEngine()
    session = Session(engine, SessionSettings(seed=1))
    engine.llm.scripts[:] = [[engine.vocabulary.eot]]
    given: list[None] = []
    monkeypatch.setattr(memory, "on_gpu", lambda: where == mx.gpu)
    monkeypatch.setattr(memory, "_pool_limit", lambda _: 1000)
    monkeypatch.setattr(mx, "get_cache_memory", lambda: filled)
    monkeypatch.setattr(mx, "clear_cache", lambda: given.append(None))
    list(session.ask(Turn(text="Hello.", spoken_answer=False)))
    assert len(given) == given_back
