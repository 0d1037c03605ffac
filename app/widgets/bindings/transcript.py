"""Connects the page of a transcript with the recording, its player, and the model that reads it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from app.shown.transcribe import JobView
from app.widgets.bindings.transcribe import TranscribeBinding
from app.widgets.frame.window import TRANSCRIBE, Window
from app.widgets.transcribe.job_choices import language_name
from app.widgets.transcribe.times import length_words

if TYPE_CHECKING:
    from app.controller import Controller


class TranscriptBinding(QObject):
    """One recording is open at a time."""

    def __init__(self, window: Window, controller: Controller, queue: TranscribeBinding) -> None:
        super().__init__(window)
        self._window, self._controller, self._queue = window, controller, queue
        self._page, self._player, self._transcriber = window.transcript, controller.player, controller.transcriber
        self._dragged: tempfile.TemporaryDirectory[str] | None = None  # files on their way to another app
        self._asked = ""
        self._listen_to_controller()
        self._listen_to_page()

    def _listen_to_controller(self) -> None:
        controller, page = self._controller, self._page
        self._transcriber.job_changed.connect(self._on_job)
        self._transcriber.job_removed.connect(self._on_removed)
        self._transcriber.trouble.connect(lambda words: page.side.say(words, trouble=True))
        self._player.changed.connect(self._show_player)
        self._player.failed.connect(lambda words: page.side.say(words, trouble=True))
        controller.transcripts.waveforms.ready.connect(self._on_peaks)
        controller.transcripts.reader.answered.connect(self._on_answered)
        controller.transcripts.reader.summarised.connect(self._on_summarised)
        controller.model_changed.connect(lambda _model: self._offer_asking())
        self._offer_asking()

    def _listen_to_page(self) -> None:
        page, player, window = self._page, self._player, self._window
        self._queue.open_wanted.connect(self.open)
        page.toggle_wanted.connect(player.toggle)
        page.seek_wanted.connect(player.seek)
        page.speed_wanted.connect(player.set_speed)
        page.edited.connect(lambda texts: self._controller.recording_commands.edit_segments(self._key, texts))
        page.speaker_named.connect(
            lambda label, name: self._controller.recording_commands.name_speaker(self._key, label, name)
        )
        page.side.asked.connect(self._on_asked)
        page.side.summary_wanted.connect(self._on_summary_wanted)
        page.side.export_wanted.connect(lambda kind: self._queue.export(self._key, kind))
        page.file_for = self._file_for
        window.recordings.copy_all.clicked.connect(self._copy_all)
        window.menus.copy_answer.triggered.connect(self._copy_all)
        window.page_changed.connect(self._on_page)

    @property
    def _key(self) -> str:
        return self._page.job.key

    def open(self, key: str) -> None:
        """Show the text of a recording."""
        job, path = self._transcriber.view(key), self._transcriber.path(key)
        if job is None or path is None:
            return
        if key != self._key:
            self._page.show_waveform(self._length(job), ())
            self._asked = ""
        self._page.show_job(job)
        self._page.side.show_summary(job.summary, busy=False)
        self._player.open(path, self._length(job))
        self._controller.transcripts.waveforms.want(key, path)
        self._window.show_transcript(job.key, job.title, self._facts(job))

    def _length(self, job: JobView) -> float:
        return max(job.seconds or 0.0, job.segments[-1].end_s if job.segments else 0.0)

    def _facts(self, job: JobView) -> str:
        facts = [length_words(self._length(job)), language_name(job.language) if job.language else ""]
        return " · ".join(filter(None, facts))

    def _on_page(self) -> None:
        if not self._window.transcript_key:
            self._player.pause()

    def _on_job(self, job: JobView) -> None:
        if job.key == self._key:
            self._page.show_job(job)
            if job.key == self._window.transcript_key:
                self._window.header.set_title(job.title, self._facts(job))

    def _on_removed(self, key: str) -> None:
        if key == self._window.transcript_key:
            self._window.show_page(TRANSCRIBE)

    def _on_peaks(self, key: str, peaks: tuple[float, ...]) -> None:
        if key == self._key:
            self._page.show_waveform(self._length(self._page.job), peaks)

    def _show_player(self) -> None:
        if self._player.path == self._transcriber.path(self._key):
            length = self._length(self._page.job)
            self._page.show_player(self._player.position_s, length, self._player.playing)

    # Copying and dragging out.

    def _copy_all(self) -> None:
        if self._window.transcript_key:
            text = self._transcriber.written(self._key, "txt", self._page.export_choices)
            QGuiApplication.clipboard().setText(text)
            self._window.recordings.say_copied()

    def _file_for(self, kind: str) -> Path | None:
        if self._dragged is None:
            self._dragged = tempfile.TemporaryDirectory(prefix="earshot-")
        file = Path(self._dragged.name) / f"{self._page.job.title}.{kind}"
        text = self._transcriber.written(self._key, kind, self._page.export_choices)
        try:
            file.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            self._page.side.say(error.strerror or str(error), trouble=True)
            return None
        return file

    # The model reads.

    def _offer_asking(self) -> None:
        controller = self._controller
        able = not controller.welcome.demonstration
        self._page.side.offer_asking(controller.model.ready and able, able=able)

    def _on_asked(self, question: str) -> None:
        self._asked = question
        self._page.side.show_answer(question, "")
        self._controller.recording_commands.ask_transcript(self._key, question)

    def _on_answered(self, key: str, answer: str, _whole: bool) -> None:
        if key == self._key:
            self._page.side.show_answer(self._asked, answer)

    def _on_summary_wanted(self) -> None:
        self._page.side.show_summary("", busy=True)
        self._controller.recording_commands.summarise(self._key)

    def _on_summarised(self, key: str, summary: str, whole: bool) -> None:
        if key == self._key:
            self._page.side.show_summary(summary, busy=not whole)
