"""Connects the sidebar's list and search with the controller: conversations on Talk, recordings on Transcribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.shown.transcribe import JobState, JobView, RecordingView
from app.widgets.frame.conversation_list import Entry
from app.widgets.frame.window import TALK, TRANSCRIBE, Window
from app.widgets.transcribe.times import length_words

if TYPE_CHECKING:
    from app.controller import Controller

SEARCH_DELAY_MS = 150
_BUSY = (JobState.WAITING, JobState.RUNNING, JobState.PAUSED)


class SidebarListBinding(QObject):
    """What is listed is never stale: while a search is not answered, nothing is said of it."""

    def __init__(self, window: Window, controller: Controller) -> None:
        super().__init__(window)
        self._window, self._controller = window, controller
        self._searched = ""
        self._nothing_with: str | None = None  # what was looked for last, if that found nothing
        self._pause = QTimer(self, singleShot=True, interval=SEARCH_DELAY_MS)
        self._pause.timeout.connect(lambda: controller.search(self._searched))
        self._soon = QTimer(self, singleShot=True, interval=0)  # many recordings change at once
        self._soon.timeout.connect(self._show)
        controller.conversation_changed.connect(lambda _view: self._mark())
        controller.conversations_changed.connect(self._show)
        controller.search_answered.connect(self._show)
        controller.transcriber.job_changed.connect(lambda _job: self._soon.start())
        controller.transcriber.job_removed.connect(lambda _key: self._soon.start())
        window.page_changed.connect(self._show)
        window.sidebar.searched.connect(self._on_searched)
        self._show()

    def _on_searched(self, words: str) -> None:
        self._searched = words
        if words:
            self._pause.start()
        else:
            self._pause.stop()
            self._controller.search("")
        self._show()

    def _mark(self) -> None:
        self._window.sidebar.conversations.mark(self._current())

    def _current(self) -> str:
        return self._controller.conversation.key if self._window.page == TALK else self._window.transcript_key

    def _show(self) -> None:
        sidebar, controller = self._window.sidebar, self._controller
        sidebar.conversations.name_presets({each.key: each.name for each in controller.presets[1:]})
        on_recordings = self._window.page == TRANSCRIBE
        sidebar.show_kind(recordings=on_recordings)
        busy = sum(job.state in _BUSY for job in controller.transcriber.jobs)
        sidebar.queue.show_queue(busy, on_recordings and not self._window.transcript_key)
        if self._searched:
            self._show_found()
        elif on_recordings:
            empty = self.tr("Recordings you transcribe appear here.")
            sidebar.show_entries(self._recordings(), self._current(), empty=empty)
        else:
            empty = self.tr("Conversations you keep appear here.")
            sidebar.show_entries(controller.conversations, self._current(), empty=empty)

    def _show_found(self) -> None:
        controller, searched = self._controller, self._searched
        recordings = [each for each in self._recordings(found=True) if each.key in controller.found_recordings]
        found: list[Entry] = [*controller.conversations, *recordings]
        known = controller.answered_query == searched
        if known:
            self._nothing_with = None if found else searched
        elif not controller.answered_query:
            found = []  # what is listed by now was not looked for
        elif self._nothing_with is not None:
            known = searched.startswith(self._nothing_with)  # with more words nothing was said either
        self._window.sidebar.show_entries(found, self._current(), searched, known=known)

    def _recordings(self, *, found: bool = False) -> list[RecordingView]:
        pieces = self._controller.found_recordings if found else {}
        jobs = (job for job in self._controller.transcriber.jobs if job.segments or job.state is not JobState.FAILED)
        return [RecordingView(job.key, job.title, job.added, self._about(job), pieces.get(job.key, "")) for job in jobs]

    def _about(self, job: JobView) -> str:
        """52 min · 3 speakers; 1 h 52 min · 38 %."""
        facts = [length_words(job.seconds)] if job.seconds else []
        if job.state is JobState.RUNNING:
            facts.append(self.tr("{share} %").format(share=int(job.share * 100)))
        elif job.state in _BUSY:
            facts.append(self.tr("waiting") if job.state is JobState.WAITING else self.tr("paused"))
        elif job.sounds:
            facts.append(self.tr("sounds"))
        elif job.speakers:
            facts.append(self.tr("%n speaker(s)", "", len(job.speakers)))
        return " · ".join(facts)
