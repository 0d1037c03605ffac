"""The text of a recording, for a file of the user's or for the clipboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.shown.transcribe import ExportChoices
from app.transcribe.job import Job
from app.translations import sentence
from engine.errors import RequestError
from engine.storage import replacing

if TYPE_CHECKING:
    from engine.transcription import Transcript


def export_text(job: Job, path: Path, choices: ExportChoices) -> None:
    """The suffix says how: txt, srt, vtt, json or md. Raises RequestError for any other, StorageError."""
    content = written(job, path.suffix.lower().lstrip("."), choices, path.name)
    with replacing(path) as file:
        file.write(content.encode(errors="replace"))


def written(job: Job, kind: str, choices: ExportChoices, name: str = "") -> str:
    """The text in one of the formats. Raises RequestError for any other."""
    from engine.transcription.exports import EXPORTS, to_markdown, to_txt

    if kind not in EXPORTS:
        words = sentence("{name} cannot be written: choose one of {kinds}.")
        raise RequestError(words.format(name=name or kind, kinds=", ".join(EXPORTS)))
    transcript = _transcript(job, choices)
    if kind in ("txt", "md"):
        return (to_txt if kind == "txt" else to_markdown)(transcript, times=choices.times)
    return EXPORTS[kind](transcript)


def _transcript(job: Job, choices: ExportChoices) -> Transcript:
    from engine.transcription import Options, Segment, Transcript

    names = dict(job.names)
    segments = tuple(
        Segment(
            *each.stretch,
            each.text,
            speaker=names.get(each.speaker, each.speaker) if each.speaker and choices.speakers else None,
        )
        for each in job.segments
    )
    options = Options(job.choices.language or job.language, job.choices.translate_to)
    ends_s = max((each.end_s for each in segments), default=0.0)
    duration_s = max(job.seconds or 0.0, ends_s)  # one that was cancelled has only what its file declares
    return Transcript(job.title or job.path.name, duration_s, segments, job.model, options, job.problem)
