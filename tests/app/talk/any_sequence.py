"""Whatever a person does, in whatever order: window, database and the model's memory name the same turns.

The controller, the session and the database are the real ones, in their own threads; the small engine's words and the
sound card's time are the test's.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from PySide6.QtCore import QCoreApplication

from app.audio import recording_files
from app.build import build_controller
from app.controller import Controller
from app.engine_side.requests import PATIENT, Request
from app.paths import Paths
from app.settings import Settings
from app.shown.talk import State, TurnState, TurnView
from app.talk.store import Store
from engine.conversation.remembering.memory import Memory
from engine.conversation.remembering.saving import Store as SavedTurns
from engine.errors import RequestError
from engine.events import AnswerText, Thinking
from tests.app.conftest import noise
from tests.app.fakes import FakeCatalogue, FakePermission, FakeSound, ScriptedEngine, Step, reply
from tests.campaigns.checking import memory_against

_HANGS_S = 60.0


@dataclass(frozen=True)
class Removal:
    """What was shown before something was removed; `happened` is how much had happened when it was."""

    conversation: str
    shown: tuple[str, ...]
    happened: int


NUMBERS = st.integers(0, 99)  # which of those that there are


class AnySequence(RuleBasedStateMachine):
    """Each rule waits until everything has come to rest, so that what follows is compared at rest. One that has nothing
    to work on asks instead: what there is depends on moments, and so no rule may be left out because of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="sequence-")
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(recording_files, "has_speech", lambda samples: len(samples) > 4800)
        self.engine = ScriptedEngine(about={"about": "It answers."})
        self._count = 0
        self.removals: list[Removal] = []
        self.happened = 0
        self.expected: dict[str, tuple[str, ...]] = {}  # the branch of each conversation
        self._start()

    def _start(self) -> None:
        home = Path(self._folder.name) / "home"
        self.paths = Paths(home, home / "logs")
        self.paths.make()
        settings = Settings(self.paths.settings)
        settings.change(microphone_explained=True, microphone_heard=True, tools=(), thinking=Thinking.OFF)
        self.sound = FakeSound()
        self.controller: Controller = build_controller(
            self.paths, settings, loader=self.engine.loader, system=self.sound, permission=FakePermission(),
            catalogue=FakeCatalogue(),
        )  # fmt: skip
        self.controller.start()
        self.wait(lambda: self.controller.model.ready and self.sound.output is not None)

    def teardown(self) -> None:
        self.controller.shutdown()
        self._patch.undo()
        self._folder.cleanup()

    # Waiting.

    def wait(self, condition: Callable[[], Any], play_s: float = 0.02) -> None:
        """Let events happen, and the loudspeaker play a little again and again, until something is so."""
        end = time.monotonic() + _HANGS_S
        while not condition():
            assert time.monotonic() < end, f"waited for ever: {self.controller.state} {self.controller.turns}"
            QCoreApplication.processEvents()
            self.sound.listen(play_s)
            time.sleep(0.0005)

    def rest(self) -> None:
        """Until nobody has anything to do."""
        self.wait(lambda: self.controller.state is State.IDLE)
        self._finish_disk()
        self.wait(lambda: self.controller.state is State.IDLE)
        self._finish_engine()
        transcriber = self.controller._talk.turn_transcriber
        while transcriber._under_way is not None:
            self._finish_engine()

    def _finish_disk(self) -> None:
        done: list[bool] = []
        self.controller._disk.run(lambda: None, lambda _result, _error: done.append(True))
        self.wait(lambda: done)

    def _finish_engine(self) -> None:
        """What waits is done when something that can wait longest is."""
        nothing: Callable[..., Any] = lambda _work, _request: (each for each in ())  # noqa: E731
        last, ended = Request("last", nothing, PATIENT, needs_engine=False), threading.Event()

        def note(request: Request, _error: Any) -> None:
            if request is last:
                ended.set()

        thread = self.controller._thread
        thread.ended.connect(note)
        thread.submit(last)
        self.wait(ended.is_set)
        thread.ended.disconnect(note)

    # What there is.

    @property
    def turns(self) -> tuple[TurnView, ...]:
        return self.controller.turns

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(turn.key for turn in self.turns)

    @property
    def key(self) -> str:
        return self.controller.conversation.key

    @property
    def store(self) -> Store:
        return self.controller._conversation._store

    def question(self) -> str:
        self._count += 1
        return f"Question {self._count}?"

    def answer(self, seconds: float) -> list[Step]:
        return reply(f"Answer {self._count + 1} of many.", seconds)

    def note(self, path: tuple[str, ...]) -> None:
        """Something happened, and this branch is to be shown from now on."""
        self.happened += 1
        if self.key:
            self.expected[self.key] = path

    # Asking.

    @rule(seconds=st.sampled_from([0.0, 0.3]))
    def ask(self, seconds: float) -> None:
        before = self.ids
        self.engine.scripts[:] = [self.answer(seconds)]
        self.controller.ask_text(self.question())
        self.rest()
        assert self.turns[-1].state is TurnState.DONE
        self.note((*before, self.ids[-1]))

    @rule()
    def ask_aloud(self) -> None:
        before = self.ids
        self.engine.scripts[:] = [self.answer(0.2)]
        self.engine.transcript = self.question()
        self._speak()
        self.rest()
        assert self.turns[-1].state is TurnState.DONE
        self.note((*before, self.ids[-1]))

    def _speak(self) -> None:
        self.controller.press_talk()
        self.controller._talk.recorder._pressed_s -= 1.0  # it was held for a second
        self.wait(lambda: self.controller._sound.microphone.open)
        self.sound.speak((0.5 + 0.01 * (self._count % 50)) * noise(1.0))  # no two are the same
        self.wait(lambda: self.controller.state is State.LISTENING)
        self.controller.release_talk()
        self.wait(lambda: self.controller.state is not State.LISTENING)

    @rule(heard=st.sampled_from([0.0, 0.1, 0.5]))
    def ask_and_interrupt(self, heard: float) -> None:
        before = self.ids
        self.engine.scripts[:] = [self.answer(1.0)]
        self.controller.ask_text(self.question())
        if heard:
            self.wait(lambda: self.controller.state in (State.SPEAKING, State.IDLE), play_s=0.001)
            self.sound.listen(heard)
        self.controller.stop()
        self.rest()
        self.note((*before, self.ids[-1]))

    @rule()
    def ask_in_vain(self) -> None:
        before = self.ids
        self.engine.scripts[:] = [[AnswerText("Well", 0), RequestError("Too long: say less.")]]
        self.controller.ask_text(self.question())
        self.rest()
        assert self.turns[-1].state is TurnState.FAILED
        self.note((*before, self.ids[-1]))

    # Turns.

    @rule(number=NUMBERS)
    def try_again(self, number: int) -> None:
        if not any(turn.state is TurnState.FAILED for turn in self.turns):
            return self.ask(0.0)
        failed = [turn.key for turn in self.turns if turn.state is TurnState.FAILED]
        id = failed[number % len(failed)]
        turn = next(turn for turn in self.turns if turn.key == id)
        others = tuple(each for each in self.ids if each != id)
        before = self._before(id) if turn.versions > 1 else others
        self.engine.scripts[:] = [self.answer(0.0)]
        self._count += 1
        self.controller.try_again(id)
        self.rest()
        assert self.turns[-1].state is TurnState.DONE
        self.note((*before, self.ids[-1]))

    @rule(number=NUMBERS, well=st.booleans())
    def ask_again(self, number: int, well: bool) -> None:
        if not any(turn.answer for turn in self.turns):
            return self.ask(0.0)
        answered = [turn.key for turn in self.turns if turn.answer]
        before = self._before(answered[number % len(answered)])
        self.engine.scripts[:] = [self.answer(0.0) if well else [RequestError("Too long: say less.")]]
        self._count += 1
        self.controller.ask_again(answered[number % len(answered)])
        self.rest()
        assert self.turns[-1].versions > 1
        self.note((*before, self.ids[-1]))

    @rule(number=NUMBERS)
    def edit(self, number: int) -> None:
        if not self.turns:
            return self.ask(0.0)
        id = self.ids[number % len(self.ids)]
        before = self._before(id)
        self.engine.scripts[:] = [self.answer(0.0)]
        self.controller.edit_turn(id, self.question())
        self.rest()
        assert self.turns[-1].state is TurnState.DONE
        self.note((*before, self.ids[-1]))

    def _before(self, id: str) -> tuple[str, ...]:
        return self.ids[: self.ids.index(id)]

    @rule(number=NUMBERS, step=st.sampled_from([-1, 1]))
    def show_version(self, number: int, step: int) -> None:
        if not any(turn.versions > 1 for turn in self.turns):
            return self.ask(0.0)
        several = [turn for turn in self.turns if turn.versions > 1]
        turn, shown = several[number % len(several)], self.ids
        before = self._before(turn.key)
        self.controller.show_version(turn.key, step)
        self.rest()
        there_is_one = 1 <= turn.version + step <= turn.versions
        assert (self.ids != shown) is there_is_one
        assert self.ids[: len(before)] == before
        self.note(self.ids)

    @rule(number=NUMBERS)
    def delete_turn(self, number: int) -> None:
        if not self.turns:
            return self.ask(0.0)
        turn, shown = self.turns[number % len(self.turns)], self.ids
        self.controller.delete_turn(turn.key)
        self.rest()
        before = shown[: shown.index(turn.key)]
        if turn.versions == 1:
            assert self.ids == tuple(id for id in shown if id != turn.key)
        assert turn.key not in self.ids
        assert self.ids[: len(before)] == before
        self.note(self.ids)
        self._note_removal(self.key, shown)

    @rule()
    def undo(self) -> None:
        """What was removed last comes back, and is where it was if nothing happened since."""
        if not self.controller.undo_history.undo_name:
            return self.ask(0.0)
        removal = self.removals.pop()
        self.controller.undo_history.undo()
        self.rest()
        if self.happened == removal.happened:
            self.expected[removal.conversation] = removal.shown
            self.happened -= 1
        else:
            self._expect_anything()

    @rule()
    def redo(self) -> None:
        """What was brought back is removed once more."""
        if not self.controller.undo_history.redo_name:
            return self.ask(0.0)
        self.controller.undo_history.redo()
        self.rest()
        self.removals.append(Removal("", (), 0))
        self._expect_anything()

    def _note_removal(self, key: str, shown: tuple[str, ...]) -> None:
        self.removals.append(Removal(key, shown, self.happened))

    def _expect_anything(self) -> None:
        """As long as all agree."""
        self.expected.clear()
        self.happened += 1

    # Conversations.

    @rule()
    def new_conversation(self) -> None:
        self.controller.new_conversation()
        self.rest()
        assert self.turns == ()

    @rule(number=NUMBERS)
    def open_conversation(self, number: int) -> None:
        if not self.controller.conversations:
            return self.ask(0.0)
        listed = self.controller.conversations
        self.controller.open_conversation(listed[number % len(listed)].key)
        self.rest()

    @rule(number=NUMBERS)
    def delete_conversation(self, number: int) -> None:
        if not self.controller.conversations:
            return self.ask(0.0)
        listed = self.controller.conversations
        key = listed[number % len(listed)].key
        self.controller.delete_conversation(key)
        self.rest()
        assert key not in [view.key for view in self.controller.conversations]
        self.happened += 1
        if key in self.expected:
            self._note_removal(key, self.expected[key])
        else:
            self.removals.append(Removal(key, (), 0))

    # The engine, and the app.

    @rule(name=st.sampled_from(["one", "two"]))
    def switch_model(self, name: str) -> None:
        self.controller.model_commands.switch_model(name)
        self._finish_loading()

    @rule()
    def restart_engine(self) -> None:
        self._restart()
        self._finish_loading()

    def _restart(self) -> None:
        """Press the button that is there once the engine hangs."""
        self.controller._models._trouble_said = True
        self.controller.model_commands.retry_model()

    def _finish_loading(self) -> None:
        self.rest()
        self.wait(lambda: self.controller.model.ready)
        self.rest()

    @rule()
    def quit_and_start(self) -> None:
        """What was removed is gone for good; the newest conversation is opened."""
        key = self.key
        assert self.controller.shutdown()
        self.removals.clear()
        self._start()
        if key in [view.key for view in self.controller.conversations]:
            self.controller.open_conversation(key)
        self.rest()

    @rule(number=NUMBERS, meanwhile=st.sampled_from(["delete", "delete it", "leave", "switch", "restart", "quit"]))
    def do_while_it_answers(self, number: int, meanwhile: str) -> None:
        turns, before, gate, reached = self.turns, self.ids, threading.Event(), threading.Event()

        def wait_at_gate() -> None:
            reached.set()
            gate.wait(_HANGS_S)

        self.engine.scripts[:] = [[AnswerText("Well, ", 0), wait_at_gate, *self.answer(0.0)]]
        self.controller.ask_text(self.question())
        self.wait(reached.is_set)
        key, asked = self.key, self.ids[-1]
        self.note((*before, asked))
        stays = True
        match meanwhile:
            case "delete" if before:
                turn = turns[number % len(turns)]
                stays = turn.versions == 1
                self.controller.delete_turn(turn.key)
                self._note_removal("", ())
            case "delete it":
                stays = False
                self.controller.delete_turn(asked)
                self._note_removal("", ())
            case "leave":
                self.controller.new_conversation()
            case "switch":
                self.controller.model_commands.switch_model("two")
            case "restart":
                self._restart()
            case "quit":
                gate.set()
                self.quit_and_start()
        gate.set()
        self._finish_loading()
        if meanwhile in ("delete", "delete it"):
            assert (asked in self.ids) is stays
            self.note(self.ids)
        assert key in (self.key, *(view.key for view in self.controller.conversations), *self.expected)

    # What has to be so.

    @invariant()
    def everything_agrees(self) -> None:
        if not self.key:
            assert self.turns == ()
            return
        stored = self.store.path(self.key)
        assert self.ids == tuple(turn.id for turn in stored)
        assert self.ids == self.expected.get(self.key, self.ids), (self.turns, self.expected[self.key])
        assert [(turn.text, turn.answer, turn.state) for turn in self.turns] == [
            (turn.text, turn.answer, turn.state) for turn in stored
        ]
        sessions = self.controller._thread._work.sessions  # type: ignore[union-attr]
        if sessions._conversation != self.key:  # it is compared when it is asked
            self.controller._talk.answerer.make_agree()
            self.rest()
        memory: Memory = sessions._session._memory  # type: ignore[union-attr]
        saved = SavedTurns(self.engine.vocabulary, "").restore(self.store.folder(self.key) / "session")
        for each in (memory, saved):
            found = memory_against(each, stored, self.store.ids(self.key))
            assert not found, found
        assert saved.path == memory.path
