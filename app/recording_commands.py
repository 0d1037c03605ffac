"""What the window can do with recordings in the queue and their transcripts."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QDateTime, QLocale, QObject

from app.talk.long_recorder import LongRecorder, LongRecording
from app.transcribe.transcriber import Transcriber
from app.transcribe.transcripts import Transcripts
from app.undoable_commands import UndoableCommands


class RecordingCommands(QObject):
    """Joins the queue with what is recorded for it and with the model that reads its transcripts."""

    def __init__(
        self, transcriber: Transcriber, transcripts: Transcripts, recorder: LongRecorder, undoable: UndoableCommands
    ) -> None:
        super().__init__()
        self._transcriber, self._reader, self._undoable = transcriber, transcripts.reader, undoable
        self._reader.summarised.connect(self._on_summarised)
        recorder.recorded.connect(self._on_recorded)

    def ask_transcript(self, key: str, question: str) -> None:
        """Answer a question from the text of a recording."""
        if (job := self._transcriber.job(key)) is not None:
            self._reader.ask(job, question)

    def summarise(self, key: str) -> None:
        """Summarise a recording."""
        if (job := self._transcriber.job(key)) is not None:
            self._reader.summarise(job)

    def _on_summarised(self, key: str, summary: str, whole: bool) -> None:
        if whole:
            self._transcriber.keep_summary(key, summary)

    def _on_recorded(self, made: LongRecording) -> None:
        began = QDateTime.fromSecsSinceEpoch(int(made.began_s))
        when = QLocale().toString(began, self.tr("d MMMM HH:mm"))
        title = self.tr("Recording, {when}").format(when=when)
        self._transcriber.add_recording(made.key, made.path, made.seconds, made.began_s, title)
        if not made.wanted:
            self.remove_recording(made.key)

    def edit_segments(self, key: str, texts: Mapping[int, str]) -> None:
        """Correct what was transcribed; it can be undone."""
        self._undoable.edit_segments(key, texts)

    def name_speaker(self, key: str, speaker: str, name: str) -> None:
        """Name who speaks, everywhere in a recording; it can be undone."""
        self._undoable.name_speaker(key, speaker, name)

    def clear_finished(self) -> None:
        """Take recordings out of the queue that are done; it can be undone."""
        self._undoable.clear_finished()

    def rename_recording(self, key: str, title: str) -> None:
        """Give a recording a name of its own; it can be undone."""
        self._undoable.rename_recording(key, title)

    def remove_recording(self, key: str) -> None:
        """Remove a recording with its text from the list; it can be brought back."""
        self._undoable.remove_recording(key)
