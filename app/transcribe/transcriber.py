"""The queue of files to be written down: kept across restarts, worked off whenever nobody talks."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.engine_side.engine_thread import EngineThread
from app.engine_side.requests import PATIENT, Interrupted, Request
from app.shown import JobState, JobView, SegmentView
from app.translations import sentence
from app.worker import Worker
from engine import samples as sounds
from engine.errors import EngineError, RequestError
from engine.events import Progress
from engine.storage import replacing

log = logging.getLogger(__name__)

SUFFIXES = frozenset(
    (".wav", ".mp3", ".m4a", ".mp4", ".mov", ".flac", ".ogg", ".opus", ".aac", ".aiff", ".aif", ".caf", ".webm")
    + (".mkv", ".wma", ".m4v", ".oga", ".avi")
)


@dataclass(frozen=True)
class _Job:
    view: JobView
    path: Path
    resume: bool = False
    corrected: tuple[SegmentView, ...] = ()  # by a person; they outlive writing it down again

    def with_correction(self, segment: SegmentView) -> _Job:
        """Remember a corrected segment."""
        others = (each for each in self.corrected if each.stretch != segment.stretch)
        return replace(self, corrected=(*others, segment))

    def as_corrected(self, segment: SegmentView) -> SegmentView:
        """A segment as it was corrected, if it was."""
        return next((each for each in self.corrected if each.stretch == segment.stretch), segment)


class Transcriber(QObject):
    """One file at a time, in the order they came. Jobs are shown newest first."""

    job_changed = Signal(JobView)
    job_removed = Signal(str)
    trouble = Signal(str)
    play_wanted = Signal(Path, float, float)
    silence_wanted = Signal()

    def __init__(self, folder: Path, thread: EngineThread, disk: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self._file = folder / "queue.json"
        self._thread, self._disk = thread, disk
        self._jobs: dict[str, _Job] = _read(self._file)
        self._ready = False
        self._request: Request | None = None
        self._running = ""
        self._began = (0.0, 0.0)  # time, and seconds of the file done by then
        thread.happened.connect(self._on_event)
        thread.ended.connect(self._on_ended)

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """All rows."""
        return tuple(job.view for job in reversed(self._jobs.values()))

    def path(self, key: str) -> Path | None:
        """The file of a row."""
        job = self._jobs.get(key)
        return job.path if job else None

    def resume(self) -> None:
        """A model is ready: go on."""
        self._ready = True
        self._next()

    def close(self) -> None:
        """Stop working; everything is continued next time."""
        self._ready = False
        if self._request is not None:
            self._request.cancel()

    def add_files(self, paths: Sequence[Path]) -> None:
        """Queue files; of folders, the sound and film files in them."""
        self._disk.run(lambda: _listed(paths), self._on_listed)

    def _on_listed(self, found: list[tuple[Path, float | None, str]] | None, error: Exception | None) -> None:
        if error is not None:
            self._report(None, error)
        new: list[JobView] = []
        for path, seconds, problem in found or ():
            state = JobState.FAILED if problem else JobState.WAITING
            view = JobView(uuid.uuid4().hex[:12], path.name, state, seconds, problem=problem)
            self._jobs[view.key] = _Job(view, path)
            new.append(view)
        for view in new:  # not before all are there: a page that shows them anew does so once
            self.job_changed.emit(view)
        self._save()
        self._next()

    def cancel(self, key: str) -> None:
        """Stop writing a file down; what is done stays."""
        if key == self._running and self._request is not None:
            self._request.cancel()
        self._show(key, state=JobState.CANCELLED, left_s=None)
        self._save()

    def retry(self, key: str) -> None:
        """Queue a row again; it goes on where it stopped."""
        job = self._jobs.get(key)
        if job is not None and job.view.state not in (JobState.WAITING, JobState.RUNNING):
            self._jobs[key] = replace(job, resume=True)
            self._show(key, state=JobState.WAITING, problem="", segments=(), share=0.0)
            self._save()
            self._next()

    def remove(self, key: str) -> None:
        """Take a row away. The file itself stays."""
        if key == self._running and self._request is not None:
            self._request.cancel()
        if self._jobs.pop(key, None) is not None:
            self._journal(key).unlink(missing_ok=True)
            self.job_removed.emit(key)
            self._save()

    def edit_segment(self, key: str, index: int, text: str) -> None:
        """Correct what was written down."""
        job = self._jobs.get(key)
        if job is not None and 0 <= index < len(job.view.segments):
            segments = list(job.view.segments)
            segments[index] = replace(segments[index], text=text.strip())
            self._jobs[key] = job.with_correction(segments[index])
            self._show(key, segments=tuple(segments))
            self._save()

    def export(self, key: str, path: Path) -> None:
        """Write the text to a file; its suffix says how: txt, srt, vtt, json or md."""
        job = self._jobs.get(key)
        if job is not None:
            self._disk.run(lambda: _export(job, path), self._report)

    def play_segment(self, key: str, index: int) -> None:
        """Play a stretch of the recording."""
        job = self._jobs.get(key)
        if job is not None and 0 <= index < len(job.view.segments):
            segment = job.view.segments[index]
            self.play_wanted.emit(job.path, segment.start_s, segment.end_s)
            self.show_playing((key, index))

    def stop_playing(self) -> None:
        """Silence."""
        self.silence_wanted.emit()

    def show_playing(self, playing: tuple[str, int] | None) -> None:
        """Which segment sounds."""
        for key in list(self._jobs):
            self._show(key, playing=playing[1] if playing and playing[0] == key else None)

    def _next(self) -> None:
        if not self._ready or self._request is not None:
            return
        job = next((job for job in self._jobs.values() if job.view.state is JobState.WAITING), None)
        if job is None:
            return
        journal, resume = self._journal(job.view.key), job.resume
        self._running, self._began = job.view.key, (time.monotonic(), 0.0)
        self._show(job.view.key, state=JobState.RUNNING, segments=())
        self._request = self._thread.submit(
            Request("transcribe", lambda work, request: work.transcribe(job.path, journal, resume), PATIENT)
        )

    def _journal(self, key: str) -> Path:
        return self.folder / f"{key}.journal"

    def _on_event(self, request: Request, event: Any) -> None:
        job = self._jobs.get(self._running)
        if request is not self._request or job is None or job.view.state is not JobState.RUNNING:
            return
        if isinstance(event, Progress):
            self._on_progress(job, event)
        elif type(event).__name__ == "Opened":
            self._began = (time.monotonic(), event.resumed_s)
        elif type(event).__name__ == "SegmentDone":
            view = SegmentView(event.segment.start_s, event.segment.end_s, event.segment.text)
            self._show(job.view.key, segments=(*job.view.segments, job.as_corrected(view)))
        elif type(event).__name__ == "Finished":
            problem = event.transcript.problem
            seconds = event.transcript.duration_s
            self._show(job.view.key, state=JobState.DONE, share=1.0, left_s=None, seconds=seconds, problem=problem)
            self._save()

    def _on_progress(self, job: _Job, progress: Progress) -> None:
        began, from_s = self._began
        worked, done = time.monotonic() - began, progress.done - from_s
        left = (progress.total - progress.done) * worked / done if done > 0 and worked > 1 and progress.total else None
        share = progress.done / progress.total if progress.total else 0.0
        self._show(job.view.key, share=min(share, 1.0), left_s=left)

    def _on_ended(self, request: Request, error: BaseException | None) -> None:
        if request is not self._request:
            return
        self._request, key = None, self._running
        self._running = ""
        job = self._jobs.get(key)
        if job is not None and job.view.state is JobState.RUNNING and isinstance(error, Interrupted):
            self._ready = False  # until a model is ready again
            self._jobs[key] = replace(job, resume=True)
            self._show(key, state=JobState.WAITING, left_s=None)
        elif job is not None and error is not None and job.view.state is JobState.RUNNING:
            self._on_failed(job, error)
        self._save()
        self._next()

    def _on_failed(self, job: _Job, error: BaseException) -> None:
        key = job.view.key
        if isinstance(error, RequestError) and job.resume:  # the journal is of another model: begin anew
            self._journal(key).unlink(missing_ok=True)
            self._jobs[key] = replace(job, resume=False)
            self._show(key, state=JobState.WAITING, segments=())
            return
        sentence = str(error) if isinstance(error, EngineError) else self.tr("Something went wrong; the log says more.")
        self._show(key, state=JobState.FAILED, problem=sentence, left_s=None)

    def _show(self, key: str, **view: Any) -> None:
        job = self._jobs.get(key)
        if job is not None:
            changed = replace(job.view, **view)
            if changed != job.view:
                self._jobs[key] = replace(job, view=changed)
                self.job_changed.emit(changed)

    def _save(self) -> None:
        text = json.dumps([_value(job) for job in self._jobs.values()])
        self._disk.run(lambda: _write(self._file, text), self._report)

    def _report(self, _result: Any, error: Exception | None) -> None:
        if isinstance(error, EngineError):
            self.trouble.emit(str(error))
        elif error is not None:
            log.error("a file of the transcriber failed", exc_info=error)
            self.trouble.emit(self.tr("Something went wrong; the log says more."))


def _listed(paths: Sequence[Path]) -> list[tuple[Path, float | None, str]]:
    """Each file with its length, or with the sentence that says why it cannot be read."""
    found: list[tuple[Path, float | None, str]] = []
    for path in paths:
        if os.path.isdir(path):  # Path's own raises for a name that is too long, or a folder that is locked
            inside = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
            found += map(_probed, inside)
            if not inside:
                found.append((path, None, sentence("There are no recordings in this folder.")))
        else:
            found.append(_probed(path))
    return found


def _probed(file: Path) -> tuple[Path, float | None, str]:
    """One file's fault stays with that file."""
    try:
        return file, sounds.probe(file).duration_s or None, ""
    except EngineError as error:
        return file, None, str(error)
    except Exception as error:
        log.error("%s cannot be probed", file, exc_info=error)
        return file, None, sentence("Something went wrong; the log says more.")


def _export(job: _Job, path: Path) -> None:
    from engine.transcription import EXPORTS, Segment, Transcript

    kind = path.suffix.lower().lstrip(".")
    if kind not in EXPORTS:
        words = sentence("{name} cannot be written: choose one of {kinds}.")
        raise RequestError(words.format(name=path.name, kinds=", ".join(EXPORTS)))
    segments = tuple(Segment(each.start_s, each.end_s, each.text) for each in job.view.segments)
    transcript = Transcript(job.view.name, job.view.seconds or 0.0, segments)
    with replacing(path) as file:
        file.write(EXPORTS[kind](transcript).encode())


def _write(path: Path, text: str) -> None:
    with replacing(path, private=True) as file:
        file.write(text.encode())


def _value(job: _Job) -> dict[str, Any]:
    view = asdict(job.view) | {"state": job.view.state.value, "playing": None}
    return {"view": view, "path": str(job.path), "corrected": [asdict(each) for each in job.corrected]}


def _read(path: Path) -> dict[str, _Job]:
    """The queue as it was; what was under way waits, to be resumed. A damaged one is put aside, as far as it is."""
    jobs: list[_Job] = []
    damage: Exception | None = None
    try:
        values = list(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        values, damage = [], error
    for value in values:
        try:
            jobs.append(_restored(value))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            damage = error
    if damage is not None:
        log.warning("the queue of files cannot be read whole: %s", damage)
        with contextlib.suppress(OSError):
            shutil.copyfile(path, path.with_name("queue.damaged.json"))  # the next change writes a new one
    return {job.view.key: job for job in jobs}


def _restored(value: dict[str, Any]) -> _Job:
    view = _known(JobView, value["view"])
    state = JobState(view["state"])
    resume = state in (JobState.RUNNING, JobState.WAITING)
    segments = () if resume else _segments(view["segments"])
    view |= {"state": JobState.WAITING if resume else state, "segments": segments, "left_s": None}
    return _Job(JobView(**view), Path(value["path"]), resume, _segments(value.get("corrected", ())))


def _segments(values: Sequence[dict[str, Any]]) -> tuple[SegmentView, ...]:
    return tuple(SegmentView(**_known(SegmentView, value)) for value in values)


def _known(kind: type, value: dict[str, Any]) -> dict[str, Any]:
    """The fields of a value that this version knows; a newer one may have written more."""
    return {field.name: value[field.name] for field in fields(kind) if field.name in value}
