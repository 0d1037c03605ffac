"""Holding an answer that sounds, and going on with it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.audio.sound_devices import SoundDevices
from app.shown.talk import State
from app.talk.answerer import Answerer
from app.talk.conversation import Conversation
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine


class Pause(QObject):
    """Whether the answer that sounds is held at the loudspeaker. Whatever ends the answer ends this, too.

    The conversation speaks meanwhile, as far as everything else goes: an answer goes on being written until the
    loudspeaker's buffer is full.
    """

    changed = Signal()

    def __init__(
        self,
        machine: StateMachine,
        conversation: Conversation,
        sound: SoundDevices,
        answerer: Answerer,
        replayer: Replayer,
    ) -> None:
        super().__init__()
        self._machine, self._conversation, self._sound = machine, conversation, sound
        self._answerer, self._replayer = answerer, replayer
        self._id = ""  # of the turn whose answer is held
        machine.silencing.connect(self._end)
        machine.changed.connect(lambda _state: self._end())

    @property
    def on(self) -> bool:
        """Whether an answer is held."""
        return bool(self._id)

    def toggle(self) -> None:
        """Hold the answer that sounds, or go on with it."""
        if self._id:
            self._sound.playback.release()
            self._end()
        elif self._machine.state is State.SPEAKING and (id := self._sounding):
            self._sound.playback.hold()
            self._show(id, paused=True)

    @property
    def _sounding(self) -> str:
        """The turn whose answer sounds."""
        answer = self._answerer.answer
        return answer.id if answer is not None else self._replayer.answer_id

    def _end(self) -> None:
        if self._id:
            self._show(self._id, paused=False)

    def _show(self, id: str, *, paused: bool) -> None:
        self._id = id if paused else ""
        self._conversation.show(id, paused=paused)
        self.changed.emit()
