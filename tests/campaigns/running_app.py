"""The real app in a process of its own, offscreen, on a small engine, with somebody before it who follows a script."""

from __future__ import annotations

import functools
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from pathlib import Path
from random import Random
from typing import Any

from app import build, main
from app.shown.talk import State, TurnState, TurnView
from engine.events import Thinking
from tests.app.fakes import FakePermission
from tests.app.real_app import OneModel
from tests.app.running_sound import RunningSound
from tests.campaigns.answering import AnsweringLoader
from tests.campaigns.journal import Journal
from tests.campaigns.processes import Watched

LIVE = (TurnState.WAITING, TurnState.THINKING, TurnState.ANSWERING, TurnState.SPEAKING)
_TICK_MS = 4
_HANGS_S = 60.0
_PASSED_S = 10.0
Steps = Generator[Callable[[], Any], None, None]


class Script(ABC):
    """Follows `steps` on the GUI thread, each of which says what to wait for, and writes a journal of what is shown."""

    faster = 4.0  # than ours goes the time of the sound card

    def __init__(self, watched: Watched, home: Path, seed: int, label: str) -> None:
        self.watched, self.home, self.label = watched, home, f"{label}{seed}"
        self.chance = Random(f"script {self.label}")
        self.loader: Any = AnsweringLoader(self.label, seed)
        self.model = Path("small")
        self.journal = Journal(journal_path(home))
        self._shown: Any = None
        self._waiting_since = time.monotonic()

    @abstractmethod
    def steps(self) -> Steps:
        """What is done, once the app has begun."""

    def begin(self, app: build.App) -> None:
        """The window is there."""
        from PySide6.QtCore import QTimer

        app.settings.change(microphone_explained=True, microphone_heard=True)
        app.settings.change(tools=(), thinking=Thinking.OFF, language="en")
        self.app, self.controller = app, app.controller
        self._running = self.steps()
        self._until: Callable[[], Any] = lambda: self.controller.model.ready
        self._timer = QTimer(app.window, interval=_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        self.write_what_is_shown()
        if not self._until():
            if time.monotonic() - self._waiting_since > _HANGS_S:
                turns = [(turn.state.value, turn.text, turn.problem) for turn in self.controller.turns]
                raise SystemExit(f"it waits for ever: {self.controller.state} {self.controller.notice} {turns}")
            return
        self._waiting_since = time.monotonic()
        try:
            self._until = next(self._running)
        except StopIteration:
            self._timer.stop()
            self.controller.quit()

    def write_what_is_shown(self) -> None:
        """The conversation in front, whenever it looks different."""
        shown: Any = {
            "conversation": self.controller.conversation.key,
            "turns": [shown_of(turn) for turn in self.controller.turns],
        }
        if shown != self._shown and shown["conversation"]:
            self.journal.write(shown=shown)
            self._shown = shown

    def until(self, state: State) -> Callable[[], bool]:
        """Wait until the conversation is in a state."""
        return lambda: self.controller.state is state

    def moment(self, seconds: float) -> Callable[[], bool]:
        """Wait for some part of so many seconds."""
        end = time.monotonic() + self.chance.uniform(0.0, seconds)
        return lambda: time.monotonic() >= end


def shown_of(turn: TurnView) -> dict[str, Any]:
    """What a person sees of a turn and will look for again; no half answers."""
    live = turn.state in LIVE
    return {
        "id": turn.key,
        "state": "live" if live else turn.state.value,
        "text": turn.text,
        "seconds": turn.seconds,
        "answer": "" if live else turn.answer,
        "sound": turn.has_sound and not live,
        "versions": turn.versions,
    }


def journal_path(home: Path) -> Path:
    """Beside the home, so that it is none of the app's files."""
    return home.with_name(f"{home.name}.shown")


def let_pass(home: Path) -> None:
    """Make all files some seconds older: what is quite new at a start may be on its way."""
    for path in home.rglob("*"):
        os.utime(path, (time.time() - _PASSED_S, time.time() - _PASSED_S))


def run_app(script: Script) -> None:
    """Run the app as a person starts it, with somebody who follows the script; does not return."""
    os.environ |= {"EARSHOT_HOME": str(script.home), "QT_QPA_PLATFORM": "offscreen"}
    build.build_controller = functools.partial(
        build.build_controller,
        loader=script.loader,
        system=RunningSound(times=script.faster),
        permission=FakePermission(),
        catalogue=OneModel(script.model),
    )
    begin = build.App.begin

    def begun(app: build.App, files: list[str]) -> None:
        begin(app, files)
        script.begin(app)

    build.App.begin = begun  # type: ignore[method-assign]
    sys.argv = sys.argv[:1]
    sys.excepthook = _die
    main.run([])


def _die(kind: Any, error: Any, trace: Any) -> None:
    """What goes wrong in the script ends it: PySide would only print it."""
    sys.__excepthook__(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)
