"""What can be done with a turn that is there: answer again, edit, try again, remove, save, speak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject

from app.audio import recording_files
from app.shown.talk import TurnState
from app.talk.answerer import Answerer
from app.talk.conversation import Conversation
from app.talk.notices import Notices, explain
from app.talk.replayer import Replayer
from app.talk.state_machine import StateMachine
from app.talk.stored_turn import StoredTurn
from app.talk.turn_transcriber import TurnTranscriber
from app.worker import Worker
from engine.errors import EngineError
from engine.events import new_turn_id

_OF_THE_QUESTION = ("text", "peaks", "seconds", "attachment", "recording")


class TurnCommands(QObject):
    """Each names its turn by its id; one that is not shown is left alone."""

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        conversation: Conversation,
        disk: Worker,
        answerer: Answerer,
        replayer: Replayer,
        turn_transcriber: TurnTranscriber,
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._conversation, self._disk = machine, notices, conversation, disk
        self._answerer, self._replayer, self._turn_transcriber = answerer, replayer, turn_transcriber

    def ask_again(self, id: str) -> None:
        """Answer a turn again, as another version of it; one that was never answered is tried again."""
        stored = self._conversation.find(id)
        if stored is None:
            return
        if not stored.answer:
            self.try_again(id)
            return
        self._machine.stop()
        question = {name: getattr(stored, name) for name in _OF_THE_QUESTION}
        version = StoredTurn(new_turn_id(), stored.conversation, TurnState.WAITING, **question)
        self._answerer.ask(self._conversation.add_version(version, id), same_as=id)

    def edit(self, id: str, text: str) -> None:
        """Ask something else instead, as another version of the turn."""
        stored = self._conversation.find(id)
        if stored is None or not text.strip():
            return
        self._machine.stop()
        version = StoredTurn(new_turn_id(), stored.conversation, TurnState.WAITING, text.strip())
        self._answerer.ask(self._conversation.add_version(version, id))

    def try_again(self, id: str) -> None:
        """Ask a failed turn again, from its recording on disk: as the newest turn, or as another version where it has
        some, for what followed it belongs to it then.
        """
        stored = self._conversation.find(id)
        if stored is None:
            return
        self._machine.stop()
        self._notices.say()
        if stored is not self._conversation.stored[-1]:
            once_more = replace(stored, id=new_turn_id(), sound="")
            if self._conversation.has_versions(id):
                stored = self._conversation.add_version(once_more, id)
            else:
                self._conversation.remove(id)
                stored = self._conversation.add(once_more)
        self._answerer.ask(stored)

    def remove(self, id: str) -> None:
        """Hide a turn from the conversation and the model's memory, until it is restored or erased."""
        stored = self._conversation.find(id)
        if stored is None:
            return
        leads_away = self._conversation.has_versions(id)  # from whatever follows it
        if leads_away or self._answerer.is_about(id) or self._replayer.is_about(stored):
            self._machine.stop()
        self._turn_transcriber.pause()
        self._conversation.remove(id)
        self._turn_transcriber.start_next()

    def restore(self, stored: StoredTurn, *, leads_away: bool) -> None:
        """Show a removed turn again; one that `leads_away` is shown in place of another, with what followed it."""
        if leads_away:
            self._machine.stop()
        self._turn_transcriber.pause()
        self._conversation.restore(stored)
        self._turn_transcriber.start_next()

    def show_version(self, id: str, step: int) -> None:
        """Show another version of a turn, so many further, with what followed it."""
        if version := self._conversation.version_beside(id, step):
            self._machine.stop()
            self._turn_transcriber.pause()
            self._conversation.show_version(version)
            self._turn_transcriber.start_next()

    def save_sound(self, id: str, path: Path) -> None:
        """Write an answer's sound to a file of the user's."""
        stored = self._conversation.find(id)
        if stored is None or not stored.sound:
            return
        source = self._conversation.folder / stored.sound

        def saved(_result: Any, error: Exception | None) -> None:
            words = explain(error) if error else self.tr("Saved {name}.").format(name=path.name)
            self._notices.say(words, trouble=error is not None)

        self._disk.run(lambda: recording_files.copy_sound(source, path), saved)

    def export_sound(self, id: str, path: Path, *, question: bool) -> bool:
        """Write what was said or answered in a turn as wav, at once; whether there was something to write."""
        stored = self._conversation.find(id)
        name = "" if stored is None else stored.recording if question else stored.sound
        if name:
            try:
                recording_files.write_as_wav(self._conversation.folder / name, path)
            except EngineError as error:
                self._notices.say(explain(error), trouble=True)
                return False
        return bool(name)

    def speak_again(self, id: str, voice: str) -> None:
        """Speak an answer again in another voice."""
        stored = self._conversation.find(id)
        if stored is None or not stored.answer:
            words = self.tr("This answer is not in the model's memory any more, so it cannot be spoken again.")
            self._notices.say(words)
            return
        self._machine.stop()
        self._answerer.speak_again(stored, voice)
