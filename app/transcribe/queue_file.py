"""The file in which the queue outlives a quit, and the journals of its transcriptions beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from app.audio.growing_recording import RECORDED, SUFFIX
from app.shown.transcribe import JobState
from app.transcribe.job import Job
from app.transcribe.stored_queue import DamagedQueueError, NewerQueueError, StoredQueue, decode_queue, encode_queue
from app.translations import sentence
from engine.errors import EngineError, StorageError
from engine.regular_files import read_regular
from engine.storage import replacing, storage_error

log = logging.getLogger(__name__)

_LARGEST_FILE = 1_000_000_000  # texts of thousands of hours

Written = Callable[[EngineError | None], None]


class QueueFile:
    """Reads the queue once, and writes it on a thread of its own whenever it changed: the newest state only.

    A journal is removed when the text it led to is safely in the file, and not before.
    """

    def __init__(self, folder: Path, on_written: Written) -> None:
        """`on_written` is called on the writing thread, with what went wrong or None."""
        self._path = folder / "queue.json"
        self._on_written = on_written
        self._kept = True
        self._changed = threading.Condition()
        self._newest: tuple[Job, ...] | None = None
        self._purged: set[str] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._write_changes, name="transcription queue", daemon=True)
        self._thread.start()

    def read(self) -> tuple[tuple[Job, ...], str]:
        """The queue as it was left, without what had been removed, and a sentence on what could not be read.

        A damaged file is copied first. One of a newer version is left alone, and nothing is kept in its place.
        """
        try:
            stored = decode_queue(read_regular(self._path, _LARGEST_FILE))
        except FileNotFoundError:
            stored = StoredQueue()
        except NewerQueueError:
            self._kept = False
            words = sentence(
                "{path} was written by a newer Earshot and was left alone: update Earshot. Recordings that you add now "
                "are not kept."
            )
            return (), words.format(path=self._path.name)
        except DamagedQueueError as error:
            log.warning("the queue of transcriptions cannot be read: %s", error)
            return (), self._put_aside()
        except OSError as error:
            self._kept = False
            words = sentence("{path} cannot be read ({reason}): recordings that you add now are not kept.")
            return (), words.format(path=self._path.name, reason=error.strerror or error)
        jobs = tuple(job for job in stored.jobs if not job.removed)
        if stored.unreadable:
            return jobs, self._put_aside()
        self._remove_orphans("*.journal*", {job.key for job in jobs if job.state is not JobState.DONE})
        for pattern in ("*.peaks", f"*{RECORDED}.wav"):
            self._remove_orphans(pattern, {job.key for job in jobs})
        return jobs, ""

    def journal(self, key: str) -> Path:
        """Where the segments of a transcription under way lie."""
        return self._path.with_name(f"{key}.journal")

    def save(self, jobs: Sequence[Job], purged: Iterable[str] = ()) -> None:
        """Have this written; the journals of `purged` keys go afterwards. Does not wait."""
        with self._changed:
            self._newest = tuple(jobs)
            self._purged.update(purged)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more will be saved; what was is written yet."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Whether everything was written in time. Comes after `close`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _write_changes(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._closing)
                jobs, self._newest = self._newest, None
                purged, self._purged = self._purged, set()
            if jobs is None:
                return
            self._on_written(self._write(jobs, purged))

    def _write(self, jobs: tuple[Job, ...], purged: set[str]) -> EngineError | None:
        if not self._kept:
            return None
        try:
            with replacing(self._path, private=True) as file:
                file.write(encode_queue(jobs))
        except StorageError as error:
            with self._changed:
                self._purged |= purged  # not before the entries are gone
            return error
        for key in [*purged, *(job.key for job in jobs if job.state is JobState.DONE)]:
            with contextlib.suppress(OSError):
                self.journal(key).unlink(missing_ok=True)
        for key in purged:
            with contextlib.suppress(OSError):
                self._path.with_name(f"{key}{RECORDED}.wav").unlink(missing_ok=True)
        self._remove_grown({job.key for job in jobs} | purged)
        return None

    def _remove_grown(self, written: set[str]) -> None:
        """What these recordings were while they were made: they are safe now."""
        for growing in self._path.parent.glob(f"*{RECORDED}{SUFFIX}"):
            if growing.name.partition(".")[0] in written:
                with contextlib.suppress(OSError):
                    growing.unlink()

    def _put_aside(self) -> str:
        """Copy the file before the next change writes a new one. Returns the sentence for it."""
        number = 1
        while (copy := self._path.with_name(f"queue.damaged{'' if number == 1 else f' {number}'}.json")).exists():
            number += 1
        try:
            shutil.copyfile(self._path, copy)
            os.chmod(copy, 0o600)
        except OSError as error:
            return str(storage_error(copy, error))
        words = sentence(
            "The queue of recordings was damaged: what could be read is here. The old file is kept as {path}."
        )
        return words.format(path=copy.name)

    def _remove_orphans(self, pattern: str, wanted: set[str]) -> None:
        """Files of recordings that are not in the queue any more, or need them no more."""
        for file in self._path.parent.glob(pattern):
            if file.name.partition(".")[0] not in wanted:
                with contextlib.suppress(OSError):
                    file.unlink()
