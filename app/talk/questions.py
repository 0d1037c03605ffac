"""Writes what was said or typed, and the recording it is about, to the disk, and then asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.audio import recording_files
from app.audio.growing_recording import GrowingRecording
from app.audio.recording_files import Utterance
from app.shown.talk import NoticeAction, State, TurnState
from app.talk.answerer import Answerer
from app.talk.conversation import Conversation
from app.talk.notices import Notices, explain
from app.talk.recorder import Recording
from app.talk.state_machine import StateMachine
from app.talk.states import Happening
from app.talk.stored_turn import StoredTurn
from app.worker import Worker
from engine.events import Samples, new_turn_id


@dataclass(frozen=True, eq=False)
class Question:
    """What was said or typed: what it belongs to may not be in front any more when it is on the disk.

    `samples_16k` is None for what was typed about a recording. `why` says why it is not to be asked at once. `growing`
    is what was written of it while it was said.
    """

    id: str
    conversation: str
    folder: Path
    attached: Path | None
    samples_16k: Samples | None = None
    text: str = ""
    why: str = ""
    growing: GrowingRecording | None = None
    about: str = ""  # what people call the recording that is attached

    def write(self) -> Utterance | None:
        """Make a file of it. On the disk's thread; raises StorageError, SoundError."""
        path = self.folder / f"said-{self.id}.flac"
        if self.samples_16k is not None:
            return recording_files.write_recording(self.samples_16k, path, checked=not self.why, about=self.attached)
        if self.attached is None:
            return None
        return recording_files.write_recording(recording_files.read_attachment(self.attached), path, checked=False)

    def turn(self, written: Utterance, state: TurnState, problem: str = "") -> StoredTurn:
        """A new turn of it."""
        return StoredTurn(
            self.id, self.conversation, state, self.text, written.peaks, written.seconds, self.about,
            problem=problem, recording=written.file,
        )  # fmt: skip


class Questions(QObject):
    """One is asked at a time; what is stopped on its way is kept, as a turn that can be asked again."""

    attachment_changed = Signal(str)
    heard = Signal()  # somebody spoke
    given_back = Signal(str)  # what was typed about a recording that cannot be read

    def __init__(
        self,
        machine: StateMachine,
        notices: Notices,
        conversation: Conversation,
        answerer: Answerer,
        disk: Worker,
    ) -> None:
        super().__init__()
        self._machine, self._notices, self._conversation = machine, notices, conversation
        self._answerer, self._disk = answerer, disk
        self._on_its_way: Question | None = None  # being written
        self._attached: Path | None = None
        self._about = ""
        machine.silencing.connect(self._keep_aside_on_arrival)

    @property
    def attachment(self) -> str:
        """Name of the recording that the next question is about."""
        return self._about

    def attach(self, path: Path, name: str = "") -> None:
        """The next question is about this recording, which may have another name than its file."""
        self._attached, self._about = path, name or path.name
        self.attachment_changed.emit(self.attachment)

    def clear_attachment(self) -> None:
        """The next question stands for itself."""
        if self._attached is not None:
            self._attached, self._about = None, ""
            self.attachment_changed.emit("")

    def _keep_aside_on_arrival(self) -> None:
        self._on_its_way = None

    def ask_text(self, text: str) -> None:
        """Answer something typed."""
        self._notices.say()
        if self._attached is not None:
            key, folder = self._conversation.key, self._conversation.folder
            asked = Question(new_turn_id(), key, folder, self._attached, text=text.strip(), about=self._about)
            self._send(asked)
            return
        stored = StoredTurn(new_turn_id(), self._conversation.key, TurnState.WAITING, text.strip())
        self._answerer.ask(self._conversation.add(stored))

    def take_recording(self, said: Recording) -> None:
        """Answer something said, once it is checked and written; one that says why not is only kept."""
        key, folder = self._conversation.key, self._conversation.folder
        question = self._on_its_way = Question(
            said.id, key, folder, self._attached, said.samples_16k, why=said.why, growing=said.growing,
            about=self._about,
        )  # fmt: skip
        self._write(question)

    def _send(self, question: Question) -> None:
        self._on_its_way = question
        self._machine.happen(Happening.ASKED)
        self._write(question)

    def _write(self, question: Question) -> None:
        self._disk.run(question.write, lambda written, error: self._on_written(question, written, error))

    def _on_written(self, question: Question, written: Utterance | None, error: Exception | None) -> None:
        wanted = question is self._on_its_way  # else something else was begun meanwhile
        if wanted:
            self._on_its_way = None
        if error is None:
            self._take_written(question, written, wanted)
            if question.growing is not None and self._conversation.is_saved(question.id):
                question.growing.remove()
        else:
            if wanted:
                self._machine.happen(Happening.FAILED)
            typed = question.text if question.samples_16k is None else ""
            if typed and wanted:
                self._notices.say(explain(error), trouble=True)
                self.given_back.emit(typed)
            elif not self._conversation.is_removed(question.conversation):
                self._say_unwritten(error, lambda: self._write_again(question))

    def _take_written(self, question: Question, written: Utterance | None, wanted: bool) -> None:
        if not wanted:
            if written is not None:  # it can be asked again
                self._conversation.add(question.turn(written, TurnState.INTERRUPTED))
        elif written is None:
            self._machine.happen(Happening.REFUSED)
            self._notices.say(self.tr("Nothing was heard: hold the button while you speak."))
        elif question.why:
            self._conversation.add(question.turn(written, TurnState.FAILED, question.why))
            self._machine.happen(Happening.REFUSED)
        else:
            self._ask(question, written)

    def _ask(self, question: Question, written: Utterance) -> None:
        if question.samples_16k is not None:
            self.heard.emit()
        if self._attached == question.attached:
            self.clear_attachment()
        stored = self._conversation.add(question.turn(written, TurnState.WAITING))
        self._answerer.ask(stored, written.samples_16k)

    def _say_unwritten(self, error: Exception, again: Callable[[], None]) -> None:
        self._notices.say(explain(error), trouble=True, action=NoticeAction.RETRY, help=again)

    def _write_again(self, question: Question) -> None:
        listens = self._machine.state in (State.GETTING_READY, State.LISTENING)
        if listens or question.conversation != self._conversation.key:
            self._write(question)
        else:
            self._machine.stop()
            self._send(question)
