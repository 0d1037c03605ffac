"""Somebody before the app: the things that are done in a conversation, each noted before and after."""

from __future__ import annotations

import time
from pathlib import Path

from app.shown.talk import ConversationView, State, TurnState, TurnView
from tests.campaigns.processes import Watched
from tests.campaigns.running_app import Script, Steps

_SPOKEN_S = 1.0  # with what the microphone had before
_HELD_S = 0.35  # no tap
_INTERRUPTED = 0.35  # of all answers


class Person(Script):
    """Each step is a generator of what to wait for."""

    def __init__(self, watched: Watched, home: Path, seed: int, label: str) -> None:
        super().__init__(watched, home, seed, label)
        self._questions = 0

    def _question(self) -> str:
        self._questions += 1
        return f"Question {self.label} {self._questions}?"

    def _pick(self, turns: list[TurnView]) -> TurnView | None:
        return self.chance.choice(turns) if turns else None

    def _answered(self) -> Steps:
        """Listen to the answer, to its end or not."""
        if self.chance.random() < _INTERRUPTED:
            yield self.moment(0.8)
            self.controller.stop()
        yield self.until(State.IDLE)

    def type(self) -> Steps:
        """Ask something typed."""
        self.journal.write(step="type")
        self.controller.ask_text(self._question())
        yield from self._answered()
        self.journal.write(done="type")

    def speak(self) -> Steps:
        """Ask aloud."""
        self.journal.write(step="speak")
        self.controller.press_talk()
        yield self.until(State.LISTENING)
        microphone = self.app.controller._sound.microphone
        pressed_s = time.monotonic()
        yield lambda: microphone.recorded_s > _SPOKEN_S and time.monotonic() > pressed_s + _HELD_S
        self.controller.release_talk()
        yield lambda: self.controller.state is not State.LISTENING
        yield from self._answered()
        self.journal.write(done="speak")

    def ask_again(self) -> Steps:
        """Have an answered turn answered once more."""
        turn = self._pick([turn for turn in self.controller.turns if turn.answer])
        if turn is not None:
            self.journal.write(step="ask_again", turn=turn.key)
            self.controller.ask_again(turn.key)
            yield from self._answered()
            self.journal.write(done="ask_again")

    def edit(self) -> Steps:
        """Ask something else instead."""
        turn = self._pick([turn for turn in self.controller.turns if turn.seconds is None])
        if turn is not None:
            self.journal.write(step="edit", turn=turn.key)
            self.controller.edit_turn(turn.key, self._question())
            yield from self._answered()
            self.journal.write(done="edit")

    def show_version(self) -> Steps:
        """Look at another version."""
        turn = self._pick([turn for turn in self.controller.turns if turn.versions > 1])
        if turn is not None:
            self.journal.write(step="show_version", turn=turn.key)
            self.controller.show_version(turn.key, self.chance.choice((-1, 1)))
            yield self.moment(0.05)
            self.journal.write(done="show_version")

    def delete_turn(self) -> Steps:
        """Take a turn out."""
        turn = self._pick([turn for turn in self.controller.turns if turn.state is not TurnState.FAILED])
        if turn is not None:
            self.journal.write(step="delete_turn", turn=turn.key)
            self.controller.delete_turn(turn.key)
            yield self.moment(0.05)
            self.journal.write(done="delete_turn")

    def open_conversation(self) -> Steps:
        """Go to another conversation, or begin one."""
        other = self._pick_conversation()
        self.journal.write(step="open_conversation")
        if other is None or self.chance.random() < 0.2:
            self.controller.new_conversation()
        else:
            self.controller.open_conversation(other.key)
        yield self.moment(0.05)
        self.journal.write(done="open_conversation")

    def delete_conversation(self) -> Steps:
        """Remove a conversation, the one in front or another."""
        conversation = self._pick_conversation()
        if conversation is not None:
            self.journal.write(step="delete_conversation", conversation=conversation.key)
            self.controller.delete_conversation(conversation.key)
            yield self.moment(0.05)
            self.journal.write(done="delete_conversation")

    def undo(self) -> Steps:
        """Bring back what was removed last."""
        history = self.controller.undo_history
        if history.undo_name:
            self.journal.write(step="undo")
            history.undo()
            yield self.moment(0.05)
            self.journal.write(done="undo")

    def _pick_conversation(self) -> ConversationView | None:
        listed = self.controller.conversations
        return self.chance.choice(listed) if listed else None
