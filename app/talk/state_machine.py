"""What the conversation is doing. Only the table of states.py changes it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.shown.talk import State
from app.talk.states import Happening, after


class StateMachine(QObject):
    """Holds the state. Whoever makes sound, answers, records, reads or writes listens for the word to end it."""

    changed = Signal(State)
    silencing = Signal()  # end what sounds, what is answered and what is about to be asked
    stopping = Signal()  # and end recording

    def __init__(self) -> None:
        super().__init__()
        self._state = State.IDLE

    @property
    def state(self) -> State:
        """The present one."""
        return self._state

    def happen(self, happening: Happening) -> None:
        """Something happened; the table says what follows."""
        state = after(self._state, happening)
        if state is not self._state:
            self._state = state
            self.changed.emit(state)

    def silence(self) -> None:
        """End what sounds and what is answered; something else follows at once."""
        self.silencing.emit()

    def stop(self) -> None:
        """End whatever goes on."""
        self.stopping.emit()
        self.silence()
        self.happen(Happening.STOPPED)
