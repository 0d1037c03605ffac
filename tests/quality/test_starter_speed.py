"""Speed and size of the starter on two processor cores: load, first sound, real-time factor, memory, disk."""

from __future__ import annotations

import time

import pytest

from engine.engine import Engine
from engine.events import ReplyEnded, ReplyStatistics, Thinking, Turn
from engine.session import Session, SessionSettings
from tests.quality.recordings import KNOWN_VOICES, STARTER, spoken

QUESTION = "Please tell me, what is the capital city of the country of France?"  # about three seconds


@pytest.fixture(scope="module")
def statistics() -> ReplyStatistics:
    session = Session(Engine.load(STARTER), SessionSettings())
    last = ReplyStatistics()
    for number in range(3):  # the first turns warm up
        turn = Turn(spoken(QUESTION, number, KNOWN_VOICES[:1]), thinking=Thinking.OFF)
        for event in session.ask(turn):
            if isinstance(event, ReplyEnded):
                last = event.statistics
    print(f"\nmade {last.first_sound_s} s, heard {last.first_heard_s} s, of {last.speech_s:.1f} s of speech")
    print(f"real-time factor {last.real_time_factor}")
    return last


def test_loading_takes_less_than_three_seconds() -> None:
    began = time.perf_counter()
    engine = Engine.load(STARTER)
    if engine.capabilities.speaks:
        assert engine.speaking
    seconds = time.perf_counter() - began
    print(f"\nload {seconds:.1f} s, memory {engine.memory_bytes / 1e6:.0f} MB")
    assert seconds <= 3
    assert engine.memory_bytes <= 1e9


def test_the_first_sound_comes_within_a_second(statistics: ReplyStatistics) -> None:
    assert statistics.first_sound_s is not None
    assert statistics.first_sound_s <= 1.0


def test_a_spoken_reply_is_made_faster_than_it_is_played(statistics: ReplyStatistics) -> None:
    assert statistics.real_time_factor is not None
    assert statistics.real_time_factor <= 0.6


def test_all_files_together_stay_under_48_mb() -> None:
    size = sum(file.stat().st_size for file in STARTER.rglob("*") if file.is_file())
    print(f"\n{size / 1e6:.1f} MB")
    assert size <= 48e6
