"""The queue of recordings to be transcribed: kept across restarts, worked off whenever nobody talks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import PATIENT, Interrupted, Request
from app.shown import JobState, JobView
from app.transcribe.export import export_text
from app.transcribe.job import Job, Progress, TextSegment, show
from app.transcribe.queue_file import QueueFile
from app.transcribe.recordings import FoundFile, find_recordings
from app.transcribe.stored_queue import new_key
from app.translations import told
from app.worker import Worker
from engine import events
from engine.errors import EngineError

log = logging.getLogger(__name__)


class Transcriber(QObject):
    """One recording at a time, in the order they came; they are shown newest first.

    What is under way can be lost at any moment, with its engine or with the app: it waits again then, and goes on
    from its journal.
    """

    job_changed = Signal(JobView)
    job_removed = Signal(str)
    trouble = Signal(str)
    play_wanted = Signal(Path, float, float)
    silence_wanted = Signal()
    _written = Signal(object)

    def __init__(self, folder: Path, thread: EngineThread, disk: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._thread, self._disk = thread, disk
        self._written.connect(self._on_written)
        self._file = QueueFile(folder, self._written.emit)
        jobs, trouble = self._file.read()
        self._jobs = {job.key: job for job in jobs}
        self._ready = False
        self._request: Request | None = None
        self._running = ""
        self._began = (0.0, 0.0)  # time, and seconds of the recording done by then
        self._progress = Progress()
        self._playing: tuple[str, int] | None = None
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)
        if trouble:
            self._save()  # what is put aside is so once
            QTimer.singleShot(0, self, lambda: self.trouble.emit(trouble))  # once somebody can hear it

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """All rows."""
        return tuple(self._view(job) for job in reversed(self._jobs.values()) if not job.removed)

    def path(self, key: str) -> Path | None:
        """The recording of a row."""
        job = self._jobs.get(key)
        return job.path if job else None

    def resume(self) -> None:
        """A model is ready: go on."""
        self._ready = True
        self._start_next()

    def pause(self) -> None:
        """The model goes, or hangs: what it transcribes waits for the next one."""
        self._ready = False
        self._give_up_request()

    def close(self) -> None:
        """Stop working; everything is continued next time. `join` waits until that is written."""
        self.pause()
        self.purge()
        self._save()
        self._file.close()

    def join(self, timeout_s: float) -> bool:
        """Whether the queue was written in time."""
        return self._file.join(timeout_s)

    def add_files(self, paths: Sequence[Path]) -> None:
        """Queue recordings; of folders, the sound and film files in them."""
        self._disk.run(lambda: find_recordings(paths), self._on_found)

    def _on_found(self, found: list[FoundFile] | None, error: Exception | None) -> None:
        if error is not None:
            self._report(error)
        new: list[Job] = []
        for file in found or ():
            state = JobState.FAILED if file.problem else JobState.WAITING
            job = Job(new_key(), file.path, state, file.seconds, problem=file.problem)
            self._jobs[job.key] = job
            new.append(job)
        for job in new:  # not before all are there: a page that shows them anew does so once
            self.job_changed.emit(self._view(job))
        self._save()
        self._start_next()

    def cancel(self, key: str) -> None:
        """Stop transcribing a recording; what is done stays."""
        job = self._jobs.get(key)
        if job is not None and job.busy:
            self._change(key, state=JobState.CANCELLED)
            self._cancel_request(key)
            self._save()

    def retry(self, key: str) -> None:
        """Queue a row again that was cancelled or failed; it goes on where it stopped."""
        job = self._jobs.get(key)
        if job is not None and job.state in (JobState.CANCELLED, JobState.FAILED):
            self._change(key, state=JobState.WAITING, problem="", segments=())
            self._save()
            self._start_next()

    def remove(self, key: str) -> None:
        """Take a row away, until it is restored or purged. The recording itself stays."""
        job = self._jobs.get(key)
        if job is None or job.removed:
            return
        self._jobs[key] = replace(job, removed=True)
        self._cancel_request(key)
        self.job_removed.emit(key)
        self._save()

    def restore(self, key: str) -> None:
        """Bring a removed row back as it was."""
        job = self._jobs.get(key)
        if job is not None and job.removed:
            self._change(key, removed=False)
            self._save()
            self._start_next()

    def purge(self) -> None:
        """Erase what was removed."""
        gone = [job.key for job in self._jobs.values() if job.removed]
        for key in gone:
            del self._jobs[key]
        if gone:
            self._file.save(tuple(self._jobs.values()), gone)

    def edit_segment(self, key: str, index: int, text: str) -> None:
        """Correct what was transcribed."""
        job = self._jobs.get(key)
        if job is not None and 0 <= index < len(job.segments):
            self._put(job.with_correction(index, text.strip()))
            self._save()

    def export(self, key: str, path: Path) -> None:
        """Write the text to a file; its suffix says how: txt, srt, vtt, json or md."""
        job = self._jobs.get(key)
        if job is not None:
            self._disk.run(lambda: export_text(job, path), lambda _result, error: self._report(error))

    def play_segment(self, key: str, index: int) -> None:
        """Play a stretch of the recording."""
        job = self._jobs.get(key)
        if job is not None and 0 <= index < len(job.segments):
            segment = job.segments[index]
            self.play_wanted.emit(job.path, segment.start_s, segment.end_s)
            self.show_playing((key, index))

    def stop_playing(self) -> None:
        """Silence."""
        self.silence_wanted.emit()

    def show_playing(self, playing: tuple[str, int] | None) -> None:
        """Which segment sounds."""
        before, self._playing = self._playing, playing
        for key in {each[0] for each in (before, playing) if each is not None and before != playing}:
            self._tell(key)

    # The engine.

    def _start_next(self) -> None:
        if not self._ready or self._request is not None:
            return
        waiting = (job for job in self._jobs.values() if job.state is JobState.WAITING and not job.removed)
        job = next(waiting, None)
        if job is None:
            return
        self._running, self._began, self._progress = job.key, (time.monotonic(), 0.0), Progress()
        self._change(job.key, state=JobState.RUNNING, segments=())
        self._request = self._thread.submit(self._transcription(job))

    def _transcription(self, job: Job) -> Request:
        journal = self._file.journal(job.key)

        def work(engine: Any, _request: Request) -> Iterator[Any]:
            with closing(engine.transcribe(job.path, journal, True)) as steps:
                for step in steps:
                    yield step
                    if type(step).__name__ == "Finished":
                        return  # the journal stays until the text is in the queue's file

        return Request("transcribe", work, PATIENT)

    def _cancel_request(self, key: str) -> None:
        """End the transcription of a recording at its next step; the next one begins after that."""
        if key == self._running and self._request is not None:
            self._request.cancel()
            self._wait_again()

    def _give_up_request(self) -> None:
        """Wait for no answer to what was asked of the engine."""
        if self._request is not None:
            self._request.cancel()
            self._request = None
            self._wait_again()
            self._running = ""

    def _wait_again(self) -> None:
        job = self._jobs.get(self._running)
        if job is not None and job.state is JobState.RUNNING:
            self._change(job.key, state=JobState.WAITING, segments=())

    def _on_event(self, request: Request, event: Any) -> None:
        job = self._jobs.get(self._running)
        if request is not self._request or job is None or job.state is not JobState.RUNNING:
            return
        if isinstance(event, events.Progress):
            self._on_progress(job, event)
        elif type(event).__name__ == "Opened":
            self._began = (time.monotonic(), event.resumed_s)
        elif type(event).__name__ == "SegmentDone":
            segment = event.segment
            self._put(job.with_segment(TextSegment(segment.start_s, segment.end_s, segment.text)))
        elif type(event).__name__ == "Finished":
            transcript = event.transcript
            self._change(job.key, state=JobState.DONE, seconds=transcript.duration_s, problem=told(transcript.problem))
            self._save()

    def _on_progress(self, job: Job, progress: events.Progress) -> None:
        began, from_s = self._began
        if progress.stage == "speakers" or progress.done <= from_s:  # what was done before, and who speaks, is no text
            self._began = (time.monotonic(), from_s)
            return
        worked, done = time.monotonic() - began, progress.done - from_s
        left = (progress.total - progress.done) * worked / done if done > 0 and worked > 1 and progress.total else None
        self._progress = Progress(min(progress.done / progress.total, 1.0) if progress.total else 0.0, left)
        self._tell(job.key)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        job = self._jobs.get(self._running)
        self._request, self._running = None, ""
        if job is not None and job.state is JobState.RUNNING:
            self._on_failed(job, error)
        self._save()
        self._start_next()

    def _on_failed(self, job: Job, error: BaseException | None) -> None:
        from engine.transcription.journal import OtherRunError

        if isinstance(error, OtherRunError):  # another model, or the recording was changed: begin anew
            self._file.journal(job.key).unlink(missing_ok=True)
        if isinstance(error, Interrupted):
            self._ready = False  # until a model is ready again
        if error is None or isinstance(error, Interrupted | OtherRunError):
            self._change(job.key, state=JobState.WAITING, segments=())
            return
        words = told(error) if isinstance(error, EngineError) else self.tr("Something went wrong; the log says more.")
        self._change(job.key, state=JobState.FAILED, problem=words)

    # What is kept and shown.

    def _view(self, job: Job) -> JobView:
        progress = self._progress if job.key == self._running else Progress()
        playing = self._playing[1] if self._playing is not None and self._playing[0] == job.key else None
        return show(job, progress, playing)

    def _change(self, key: str, **values: Any) -> None:
        self._put(replace(self._jobs[key], **values))

    def _put(self, job: Job) -> None:
        if job != self._jobs[job.key]:
            self._jobs[job.key] = job
            self._tell(job.key)

    def _tell(self, key: str) -> None:
        job = self._jobs.get(key)
        if job is not None and not job.removed:
            self.job_changed.emit(self._view(job))

    def _save(self) -> None:
        self._file.save(tuple(self._jobs.values()))

    def _on_written(self, error: EngineError | None) -> None:
        self._report(error)

    def _report(self, error: Exception | None) -> None:
        if isinstance(error, EngineError):
            self.trouble.emit(told(error))
        elif error is not None:
            log.error("a file of the transcriber failed", exc_info=error)
            self.trouble.emit(self.tr("Something went wrong; the log says more."))
