"""Kills the app while somebody speaks: no more than the last second of it may be lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

from app.shown.talk import State
from tests.campaigns.campaign import Campaign, Findings
from tests.campaigns.checking import Check
from tests.campaigns.conversation import check, copy_begun_home
from tests.campaigns.journal import read_journal
from tests.campaigns.person import Person
from tests.campaigns.processes import Watched, draw_moment, kill_at
from tests.campaigns.running_app import Steps, journal_path, run_app

_MAY_BE_LOST_S = 1.0
_SHORTEST_S, _LONGEST_S = 0.5, 4.0
_KILLED_WITHIN_S = 4.0
_KILLED_WITHIN_TOUCHES = 25


class Speaking(Person):
    """Asks aloud, again and again, and listens to little of the answers. The sound card goes by our time."""

    faster = 1.0

    def steps(self) -> Steps:
        self.watched.begin()
        while True:
            self.journal.write(step="speak")
            self.controller.press_talk()
            yield self.until(State.LISTENING)
            yield partial(self._said, self.chance.uniform(_SHORTEST_S, _LONGEST_S))
            self.controller.release_talk()
            yield lambda: self.controller.state in (State.THINKING, State.SPEAKING)
            yield self.moment(0.3)
            self.controller.stop()
            yield self.until(State.IDLE)
            self.journal.write(done="speak")

    def _said(self, seconds: float) -> bool:
        """Whether so much was said."""
        recorded_s = self.controller._sound.microphone.recorded_s
        self.journal.write(recorded_s=recorded_s)
        return recorded_s > seconds


class RecordingCheck(Check):
    """Looks for what was being said, too."""

    def _conversations(self, keys: list[str]) -> None:
        super()._conversations(keys)
        new = [turn for _key, turn in self._stored_turns() if turn.recording and turn.id not in self.expected.turns]
        said_s = _said_last(journal_path(self.home))
        if len(new) > 1:
            self.found.doubled.append(f"what was said, {said_s} s of it: {new}")
        if said_s > _MAY_BE_LOST_S and sum(turn.seconds or 0.0 for turn in new) < said_s - _MAY_BE_LOST_S:
            self.found.lost.append(f"of {said_s} s that were said all but {[turn.seconds for turn in new]}")


def _said_last(journal: Path) -> float:
    """Seconds that were said and are not shown as a turn yet."""
    said_s = 0.0
    for entry in read_journal(journal):
        if "shown" in entry or "done" in entry:
            said_s = 0.0
        said_s = entry.get("recorded_s", said_s)
    return float(said_s)


def _speak(watched: Watched, home: Path, seed: int) -> None:
    run_app(Speaking(watched, home, seed, ""))


def _check(watched: Watched, home: Path, seed: int) -> None:
    run_app(RecordingCheck(watched, home, seed, "check "))


def _kill(folder: Path, shared: Path, seed: int) -> Findings:
    home = folder / "home"
    copy_begun_home(shared, home)
    kill_at(draw_moment(Random(seed), _KILLED_WITHIN_S, _KILLED_WITHIN_TOUCHES), _speak, home, seed)
    return check(home, seed, _check)


RECORDING = Campaign("recording", _kill)
