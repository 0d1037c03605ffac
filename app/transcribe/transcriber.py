"""The queue of recordings to be transcribed: kept across restarts, processed whenever nobody talks."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import PATIENT, Interrupted, Request
from app.shown.transcribe import ExportChoices, JobChoices, JobState, JobView, TextSegment
from app.transcribe.export import export_text, written
from app.transcribe.job import Job, Progress, show
from app.transcribe.queue_file import QueueFile
from app.transcribe.recordings import FoundFile, find_recordings
from app.transcribe.stored_queue import new_key
from app.translations import told
from app.worker import Worker
from engine import events
from engine.errors import EngineError, NoSpeechError

log = logging.getLogger(__name__)


class Transcriber(QObject):
    """One recording at a time, in the order they came; they are shown newest first.

    What is under way can be lost at any moment, with its engine or with the app: it waits again then, and goes on
    from its journal.
    """

    job_changed = Signal(JobView)
    job_removed = Signal(str)
    exported = Signal(Path)
    trouble = Signal(str)
    _written = Signal(object)

    def __init__(self, folder: Path, thread: EngineThread, disk: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._thread, self._disk = thread, disk
        self._written.connect(self._on_written)
        self._file = QueueFile(folder, self._written.emit)
        jobs, trouble = self._file.read()
        self._jobs = {job.key: job for job in jobs}
        self._model = ""  # the folder of the one that is ready
        self._new_choices = JobChoices()
        self._request: Request | None = None
        self._running = ""
        self._began = (0.0, 0.0)  # time, and seconds of the recording done by then
        self._progress = Progress()
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)
        if trouble:
            self._save()  # what is put aside is so once
            QTimer.singleShot(0, self, lambda: self.trouble.emit(trouble))  # once somebody can hear it

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """All rows."""
        return tuple(self._view(job) for job in reversed(self._jobs.values()) if not job.removed)

    @property
    def kept_jobs(self) -> tuple[Job, ...]:
        """All recordings as they are kept, newest first."""
        return tuple(job for job in reversed(self._jobs.values()) if not job.removed)

    def job(self, key: str) -> Job | None:
        """A recording as it is kept."""
        return self._jobs.get(key)

    def view(self, key: str) -> JobView | None:
        """A recording as it is shown; None for one that is not in the list."""
        job = self._jobs.get(key)
        return None if job is None or job.removed else self._view(job)

    def path(self, key: str) -> Path | None:
        """The recording of a row."""
        job = self._jobs.get(key)
        return job.path if job else None

    def resume(self, model: str) -> None:
        """A model is ready, that of this folder: go on."""
        self._model = model
        self._start_next()

    def pause(self) -> None:
        """The model goes, or hangs: what it transcribes waits for the next one."""
        self._model = ""
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
            job = Job(new_key(), file.path, state, file.seconds, problem=file.problem, added=time.time())
            job = replace(job, choices=self._new_choices)
            self._jobs[job.key] = job
            new.append(job)
        for job in new:  # not before all are there: a page that shows them again does so once
            self.job_changed.emit(self._view(job))
        self._save()
        self._start_next()

    def add_recording(self, key: str, path: Path, seconds: float, began_s: float, title: str) -> None:
        """Queue a recording that was made here; its file goes with it."""
        job = Job(key, path, JobState.WAITING, seconds, choices=self._new_choices, added=began_s, title=title)
        self._jobs[key] = job
        self._tell(key)
        self._save()
        self._start_next()

    def choose_for_new(self, choices: JobChoices) -> None:
        """How recordings are transcribed that are added from now on."""
        self._new_choices = choices

    def choose(self, key: str, choices: JobChoices) -> None:
        """How a recording is transcribed that waits."""
        job = self._jobs.get(key)
        if job is not None and job.state is JobState.WAITING:
            self._change(key, choices=choices)
            self._save()
            self._start_next()

    def move_up(self, key: str) -> None:
        """Let a recording that waits be the next one."""
        job = self._jobs.get(key)
        if job is None or job.state is not JobState.WAITING:
            return
        waiting = [each.key for each in self._jobs.values() if each.state is JobState.WAITING]
        order = iter([key, *(each for each in waiting if each != key)])
        keys = [next(order) if each in waiting else each for each in self._jobs]
        self._jobs = {each: self._jobs[each] for each in keys}
        self._tell(key)
        self._save()

    def cancel(self, key: str) -> None:
        """Stop transcribing a recording; what is done stays."""
        self._stop(key, JobState.CANCELLED)

    def pause_job(self, key: str) -> None:
        """Let a recording wait until it is to go on."""
        self._stop(key, JobState.PAUSED)

    def _stop(self, key: str, state: JobState) -> None:
        job = self._jobs.get(key)
        if job is not None and (job.busy or job.state is JobState.PAUSED):
            self._change(key, state=state)
            self._cancel_request(key)
            self._save()

    def retry(self, key: str) -> None:
        """Queue a row again that stopped or breaks off; it goes on where it stopped."""
        job = self._jobs.get(key)
        if job is not None and not job.busy and (job.state is not JobState.DONE or job.problem):
            self._change(key, state=JobState.WAITING, problem="", segments=())
            self._save()
            self._start_next()

    def describe(self, key: str) -> None:
        """Say what is heard in a recording in which nobody speaks."""
        job = self._jobs.get(key)
        if job is not None and job.no_speech and not job.busy:
            self._change(key, state=JobState.WAITING, problem="", no_speech=False, sounds=True)
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

    def clear(self, keys: Sequence[str], cleared: bool = True) -> None:
        """Take recordings out of the queue, or put them back; their texts stay."""
        for key in keys:
            if key in self._jobs:
                self._change(key, cleared=cleared)
        self._save()

    def purge(self) -> None:
        """Erase what was removed."""
        gone = [job.key for job in self._jobs.values() if job.removed]
        for key in gone:
            del self._jobs[key]
        if gone:
            self._file.save(tuple(self._jobs.values()), gone)

    def edit_segments(self, key: str, texts: Mapping[int, str]) -> None:
        """Correct what was transcribed: texts by the numbers of their segments."""
        job = self._jobs.get(key)
        if job is not None and all(0 <= index < len(job.segments) for index in texts):
            self._put(job.with_texts({index: text.strip() for index, text in texts.items()}))
            self._save()

    def name_speaker(self, key: str, speaker: str, name: str) -> None:
        """Call the speaker of a label so, everywhere in a recording."""
        job = self._jobs.get(key)
        if job is not None:
            self._put(job.with_name(speaker, name.strip()))
            self._save()

    def rename(self, key: str, title: str) -> None:
        """Call a recording so in the lists and in exports; "" for the name of its file again."""
        if key in self._jobs:
            self._change(key, title=title)
            self._save()

    def keep_summary(self, key: str, summary: str) -> None:
        """Keep what the model says of a recording."""
        if key in self._jobs:
            self._change(key, summary=summary)
            self._save()

    def export(self, key: str, path: Path, choices: ExportChoices = ExportChoices()) -> None:  # noqa: B008
        """Write the text to a file; its suffix says how: txt, srt, vtt, json or md."""
        job = self._jobs.get(key)
        if job is None:
            return

        def done(_result: None, error: Exception | None) -> None:
            self._report(error)
            if error is None:
                self.exported.emit(path)

        self._disk.run(lambda: export_text(job, path, choices), done)

    def written(self, key: str, kind: str, choices: ExportChoices = ExportChoices()) -> str:  # noqa: B008
        """The text as an export of that format has it."""
        return written(self._jobs[key], kind, choices)

    # The engine.

    def _start_next(self) -> None:
        if not self._model or self._request is not None:
            return
        waiting = (job for job in self._jobs.values() if job.state is JobState.WAITING and not job.removed)
        job = next((job for job in waiting if job.choices.model in ("", self._model)), None)
        if job is None:
            return
        self._running, self._began, self._progress = job.key, (time.monotonic(), 0.0), Progress()
        self._change(job.key, state=JobState.RUNNING, segments=())
        self._request = self._thread.submit(self._transcription(job))

    def _transcription(self, job: Job) -> Request:
        journal, choices = self._file.journal(job.key), job.choices

        def steps_of(engine: Any, request: Request) -> Generator[Any, None, None]:
            from engine.transcription import Options

            if job.sounds:
                return engine.describe(job.path, request)
            options = Options(choices.language, choices.translate_to, speakers=choices.speakers)
            return engine.transcribe(job.path, journal, True, options)

        def work(engine: Any, request: Request) -> Iterator[Any]:
            with closing(steps_of(engine, request)) as steps:
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
            self._put(job.with_segment(_kept(event.segment)))
        elif type(event).__name__ == "Finished":
            self._take_transcript(job, event.transcript)

    def _take_transcript(self, job: Job, transcript: Any) -> None:
        """All is there; only now it is known who speaks."""
        self._put(
            replace(
                job.with_speakers(map(_kept, transcript.segments)),
                state=JobState.DONE,
                seconds=transcript.duration_s,
                problem=told(transcript.problem),
                model=transcript.model,
                language=transcript.language,
            )
        )
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

        if isinstance(error, OtherRunError):  # another model, or the recording was changed: start again
            self._file.journal(job.key).unlink(missing_ok=True)
        if isinstance(error, Interrupted):
            self._model = ""  # until one is ready again
        if error is None or isinstance(error, Interrupted | OtherRunError):
            self._change(job.key, state=JobState.WAITING, segments=())
            return
        words = told(error) if isinstance(error, EngineError) else self.tr("Something went wrong; the log says more.")
        self._change(job.key, state=JobState.FAILED, problem=words, no_speech=isinstance(error, NoSpeechError))

    # What is kept and shown.

    def _view(self, job: Job) -> JobView:
        return show(job, self._progress if job.key == self._running else Progress())

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


def _kept(segment: Any) -> TextSegment:
    return TextSegment(segment.start_s, segment.end_s, segment.text, segment.speaker or "")
