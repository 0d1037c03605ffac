"""When answers of the starter are heard at a loudspeaker whose time goes by itself, and whether their sound has gaps.

Made for two idle cores; the load of the machine is printed beside the figures.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.audio.playback import Playback
from engine.engine import Engine
from engine.events import ReplyEnded, Samples, Speech, Turn
from engine.session import Session, SessionSettings
from tests.quality.recordings import KNOWN_VOICES, STARTER, dialogues, spoken

QUESTIONS = 50
EACH_CONVERSATION = 10
RATE_HZ, BLOCK = 24_000, 240
SOON_S = 0.05


class Loudspeaker:
    """Takes ten milliseconds of sound every ten milliseconds, and keeps them."""

    def __init__(self) -> None:
        self.playback = Playback()
        stream: Any = SimpleNamespace(rate_hz=RATE_HZ, latency_s=0.0, lost=False, longest_gap_s=1e9)
        self.playback.attach(stream)
        self.began_s = 0.0  # when the first block with sound was taken
        self.blocks: list[Samples] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def listen(self) -> None:
        """Forget what was heard."""
        self.began_s, self.blocks = 0.0, []

    def _run(self) -> None:
        due = time.perf_counter()
        while not self._ended.is_set():
            due += BLOCK / RATE_HZ
            time.sleep(max(due - time.perf_counter(), 0.0))
            block = np.zeros(BLOCK, np.float32)
            self.playback.fill(block)
            if self.began_s or block.any():
                self.began_s = self.began_s or time.perf_counter()
                self.blocks.append(block)


@dataclass(frozen=True)
class Answer:
    """Seconds after the question to the first sound made and heard; whether all was heard without a gap."""

    made_s: float
    heard_s: float
    whole: bool


@pytest.fixture(scope="module")
def loudspeaker() -> Iterator[Loudspeaker]:
    loudspeaker = Loudspeaker()
    yield loudspeaker
    loudspeaker.close()


@pytest.fixture(scope="module")
def answers(loudspeaker: Loudspeaker) -> list[Answer]:
    engine, settings = Engine.load(STARTER), SessionSettings()
    for _ in engine.warming_up(settings):
        pass
    questions = [turn.question for dialogue in dialogues(QUESTIONS) for turn in dialogue.turns][:QUESTIONS]
    turns = [Turn(spoken(text, number, KNOWN_VOICES)) for number, text in enumerate(questions)]
    found, load = [], os.getloadavg()
    for start in range(0, QUESTIONS, EACH_CONVERSATION):
        session = Session(engine, settings)
        found += [answer(session, turn, loudspeaker) for turn in turns[start : start + EACH_CONVERSATION]]
    print(f"\nload {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after")
    for name in ("made_s", "heard_s"):
        values = sorted(getattr(one, name) for one in found)
        print(f"{name}: {values[0]:.2f}, median {values[len(values) // 2]:.2f}, {values[-1]:.2f}")
    return found


def answer(session: Session, turn: Turn, loudspeaker: Loudspeaker) -> Answer:
    """Ask, and listen to the end of the answer."""
    playback = loudspeaker.playback
    sound = playback.begin()
    loudspeaker.listen()
    began_s, pieces, made_s = time.perf_counter(), [], 0.0
    for event in session.ask(turn):
        if isinstance(event, Speech):
            made_s = made_s or time.perf_counter() - began_s
            pieces.append(event.samples_24k)
            assert playback.write(sound, event.samples_24k, lambda: False, event.wait_s)
        assert not isinstance(event, ReplyEnded) or pieces, "the answer has no sound"
    playback.finish(sound)
    deadline = time.monotonic() + 60
    while not playback.over and time.monotonic() < deadline:
        time.sleep(0.01)
    said, heard = np.concatenate(pieces), np.concatenate(loudspeaker.blocks)
    start = int(np.flatnonzero(heard)[0]) - int(np.flatnonzero(said)[0])
    same = heard[max(start, 0) :][: len(said)]
    whole = sound.underruns == 0 and len(same) == len(said) and np.abs(same - said).max() < 1e-3
    return Answer(made_s, loudspeaker.began_s - began_s, bool(whole))


def test_nine_of_ten_answers_are_heard_as_soon_as_they_are_made(answers: list[Answer]) -> None:
    soon = sum(one.heard_s <= one.made_s + SOON_S for one in answers)
    print(f"\nheard within {SOON_S} s of being made: {soon} of {len(answers)}")
    assert soon >= 0.9 * len(answers)


def test_no_answer_has_a_gap(answers: list[Answer]) -> None:
    torn = sum(not one.whole for one in answers)
    print(f"\nwith a gap: {torn} of {len(answers)}")
    assert torn == 0


def test_the_first_answer_is_heard_nearly_as_soon_as_the_third(answers: list[Answer]) -> None:
    print(f"\nheard after {answers[0].heard_s:.2f} s, the third after {answers[2].heard_s:.2f} s")
    assert answers[0].heard_s <= 1.2 * answers[2].heard_s
