"""Kills the app while somebody talks with it: typed and spoken questions, asked again, edited, interrupted.

And while turns and conversations are removed and brought back.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from random import Random

from tests.campaigns.campaign import Campaign, Findings
from tests.campaigns.checking import Check
from tests.campaigns.journal import read_journal
from tests.campaigns.person import Person
from tests.campaigns.processes import Watched, Work, draw_moment, kill_at, run_to_end
from tests.campaigns.running_app import Steps, journal_path, let_pass, run_app

_KILLED_WITHIN_S = 2.0
_KILLED_WITHIN_TOUCHES = 25
_TALKING = {"type": 4, "speak": 3, "ask_again": 3, "edit": 2, "show_version": 1, "open_conversation": 1}
_DELETING = {"delete_turn": 5, "undo": 4, "delete_conversation": 2, "open_conversation": 2, "ask_again": 1, "type": 1}


class Busy(Person):
    """Does one thing after the other until it is killed."""

    def __init__(self, watched: Watched, home: Path, seed: int, weights: dict[str, int]) -> None:
        super().__init__(watched, home, seed, "")
        self._weights = weights

    def steps(self) -> Steps:
        self.controller.open_conversation(self.controller.conversations[0].key)
        yield lambda: self.controller.turns
        self.watched.begin()
        while True:
            (step,) = self.chance.choices(list(self._weights), list(self._weights.values()))
            yield from getattr(self, step)()
            yield lambda: True


class Beginning(Person):
    """Makes a conversation of a few turns, some with two versions, and a second one."""

    def steps(self) -> Steps:
        for step in (self.type, self.speak, self.ask_again, self.type, self.edit, self.type):
            yield from step()
        self.controller.new_conversation()
        yield from self.type()
        self.watched.report("made")


def _work(watched: Watched, home: Path, seed: int, weights: dict[str, int]) -> None:
    run_app(Busy(watched, home, seed, weights))


def _begin(watched: Watched, home: Path, seed: int) -> None:
    run_app(Beginning(watched, home, seed, "first "))


def _check(watched: Watched, home: Path, seed: int) -> None:
    run_app(Check(watched, home, seed, "check "))


def copy_begun_home(shared: Path, copy: Path) -> None:
    """A home with two conversations, which is made once, and the journal of what was shown of it."""
    home = shared / "home"
    if not home.exists():
        home.mkdir(mode=0o700)
        assert run_to_end(_begin, home, 0) == "made"
    shutil.copytree(home, copy)
    shutil.copyfile(journal_path(home), journal_path(copy))


def check(home: Path, seed: int, work: Work = _check) -> Findings:
    """Start the app again, a little later, and compare."""
    assert read_journal(journal_path(home)), "nothing was shown"
    let_pass(home)
    return run_to_end(work, home, seed)


def _kill(weights: dict[str, int], folder: Path, shared: Path, seed: int) -> Findings:
    home = folder / "home"
    copy_begun_home(shared, home)
    kill_at(draw_moment(Random(seed), _KILLED_WITHIN_S, _KILLED_WITHIN_TOUCHES), _work, home, seed, weights)
    return check(home, seed)


CONVERSATION = Campaign("conversation", partial(_kill, _TALKING))
DELETION = Campaign("deletion", partial(_kill, _DELETING))
