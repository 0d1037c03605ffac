"""When a reply is heard: as soon as playing may begin, which the newest piece says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from engine.conversation.replying.reply_in_progress import ReplyInProgress
from engine.conversation.replying.settings import SessionSettings
from engine.conversation.speaking_along.schedule import Schedule
from engine.events import ReplyEnded, ReplyStatistics, Speech, Turn
from engine.language import Sampling
from engine.session import Session
from tests.engine.session_scripts import spoken
from tests.fakes import SmallEngine


def statistics(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> ReplyStatistics:
    """Of a spoken reply whose pieces come a second apart and say such waits, the last one again and again."""
    engine, seconds = SmallEngine(), itertools.count(1)
    said = itertools.chain(waits, itertools.repeat(waits[-1]))
    monkeypatch.setattr(Schedule, "wait_s", property(lambda self: next(said)))
    at = [0.0]
    sounding = ReplyInProgress.sounding

    def later(self: ReplyInProgress, speeches: Iterator[Speech]) -> Iterator[Speech]:
        for speech in speeches:
            at[0] = float(next(seconds))
            yield from sounding(self, [speech])

    monkeypatch.setattr(ReplyInProgress, "sounding", later)
    monkeypatch.setattr(ReplyInProgress, "elapsed_s", property(lambda self: at[0]))
    session = Session(engine, SessionSettings(sampling=Sampling(temperature=0.0)))
    engine.llm.scripts.append(spoken(engine, "One two three four five six seven eight nine ten.", tail=100))
    ended = list(session.ask(Turn(text="count")))[-1]
    assert isinstance(ended, ReplyEnded)
    assert ended.statistics.first_sound_s == 1.0
    assert ended.statistics.total_s > 4.0
    return ended.statistics


@pytest.mark.parametrize(
    ("waits", "heard_s"), [([0.0], 1.0), ([0.5], 1.5), ([1.5, 0.0], 2.0), ([1.5, 0.25], 2.25), ([0.5, 9.0], 1.5)]
)
def test_the_newest_piece_says_how_long_to_wait_until_something_is_heard(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], heard_s: float
) -> None:
    assert statistics(monkeypatch, waits).first_heard_s == heard_s


def test_nothing_is_waited_for_when_all_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = statistics(monkeypatch, [100.0])
    assert made.first_heard_s == made.total_s
