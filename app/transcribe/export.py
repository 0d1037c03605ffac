"""Writes the text of a recording into a file of the user's."""

from __future__ import annotations

from pathlib import Path

from app.transcribe.job import Job
from app.translations import sentence
from engine.errors import RequestError
from engine.storage import replacing


def export_text(job: Job, path: Path) -> None:
    """The suffix says how: txt, srt, vtt, json or md. Raises RequestError for any other, StorageError."""
    from engine.transcription import EXPORTS, Segment, Transcript

    kind = path.suffix.lower().lstrip(".")
    if kind not in EXPORTS:
        words = sentence("{name} cannot be written: choose one of {kinds}.")
        raise RequestError(words.format(name=path.name, kinds=", ".join(EXPORTS)))
    segments = tuple(Segment(each.start_s, each.end_s, each.text) for each in job.segments)
    with replacing(path) as file:
        file.write(EXPORTS[kind](Transcript(job.path.name, job.seconds or 0.0, segments)).encode())
