"""The queue as JSON: how a recording is stored, in this version and in earlier ones."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from app.shown.transcribe import JobChoices, JobState, TextSegment
from app.transcribe.job import Job

VERSION = 3  # 1 was a list of rows without a version; 2 knew no choices, speakers and pauses
_KEY = re.compile(r"[0-9a-f]{12}|[0-9a-f]{32}")


class NewerQueueError(ValueError):
    """Written by a newer version."""


class DamagedQueueError(ValueError):
    """Not a queue at all."""


@dataclass(frozen=True)
class StoredQueue:
    """The recordings that could be read, and how many could not."""

    jobs: tuple[Job, ...] = ()
    unreadable: int = 0


def new_key() -> str:
    """The name of a recording in the queue; never used again."""
    return uuid.uuid4().hex


def encode_queue(jobs: Sequence[Job]) -> bytes:
    """The content of the queue's file."""
    return json.dumps({"version": VERSION, "jobs": [_encode(job) for job in jobs]}).encode()


def decode_queue(content: bytes) -> StoredQueue:
    """The queue of a file's content; one unreadable entry costs none of the others.

    Raises NewerQueueError, and DamagedQueueError when there is no list of entries.
    """
    rows, decode = _rows(content)
    jobs: dict[str, Job] = {}
    unreadable = 0
    for row in rows:
        try:
            job = decode(row)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            unreadable += 1
            continue
        if job.key in jobs or not _KEY.fullmatch(job.key):  # it names a file as well
            job = replace(job, key=new_key())
        jobs[job.key] = job
    return StoredQueue(tuple(jobs.values()), unreadable)


def _rows(content: bytes) -> tuple[list[Any], Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedQueueError(str(error)) from error
    if isinstance(value, list):
        return value, _decode_first
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise NewerQueueError(f"version {version}")
    if version not in (2, VERSION) or not isinstance(value.get("jobs"), list):
        raise DamagedQueueError(f"version {version!r}")
    return value["jobs"], _decode


def _encode(job: Job) -> dict[str, Any]:
    return {
        "key": job.key,
        "path": str(job.path),
        "state": job.state.value,
        "seconds": job.seconds,
        "segments": [_encode_segment(each) for each in job.segments],
        "corrections": [_encode_segment(each) for each in job.corrections],
        "problem": job.problem,
        "removed": job.removed,
        "choices": asdict(job.choices),
        "names": dict(job.names),
        "model": job.model,
        "language": job.language,
        "added": job.added,
        "summary": job.summary,
        "cleared": job.cleared,
        "title": job.title,
        "no_speech": job.no_speech,
        "sounds": job.sounds,
    }


def _encode_segment(segment: TextSegment) -> dict[str, Any]:
    known = {"start_s": segment.start_s, "end_s": segment.end_s, "text": segment.text}
    return known | {"speaker": segment.speaker} if segment.speaker else known


def _decode(row: dict[str, Any]) -> Job:
    seconds = row["seconds"]
    return _as_it_begins(
        Job(
            _text(row["key"]),
            Path(_text(row["path"])),
            JobState(row["state"]),
            None if seconds is None else float(seconds),
            _decode_segments(row["segments"]),
            _decode_segments(row["corrections"]),
            _text(row["problem"]),
            row["removed"] is True,
            _decode_choices(row.get("choices", {})),
            tuple((_text(label), _text(name)) for label, name in row.get("names", {}).items()),
            _text(row.get("model", "")),
            _text(row.get("language", "")),
            float(row.get("added", 0.0)),
            _text(row.get("summary", "")),
            row.get("cleared") is True,
            _text(row.get("title", "")),
            row.get("no_speech") is True,
            row.get("sounds") is True,
        )
    )


def _decode_choices(row: dict[str, Any]) -> JobChoices:
    speakers = row.get("speakers")
    texts = {name: _text(row.get(name, "")) for name in ("language", "translate_to", "model")}
    return JobChoices(speakers=None if speakers is None else int(speakers), **texts)


def _decode_first(row: dict[str, Any]) -> Job:
    """A row of 0.1.0: what the page showed, the path, and what was corrected."""
    shown = row["view"]
    flat = {
        "key": shown["key"],
        "path": row["path"],
        "state": shown["state"],
        "seconds": shown.get("seconds"),
        "segments": shown["segments"],
        "corrections": row.get("corrected", ()),
        "problem": shown.get("problem", ""),
        "removed": False,
    }
    return _decode(flat)


def _as_it_begins(job: Job) -> Job:
    """What was under way waits, and its segments come again from its journal."""
    return replace(job, state=JobState.WAITING, segments=()) if job.busy else job


def _decode_segments(rows: Sequence[dict[str, Any]]) -> tuple[TextSegment, ...]:
    return tuple(
        TextSegment(float(row["start_s"]), float(row["end_s"]), _text(row["text"]), _text(row.get("speaker", "")))
        for row in rows
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(repr(value))
    return value
