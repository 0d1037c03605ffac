"""A transcription's journal: every finished segment is on disk at once, so a run that was killed goes on from there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.errors import RequestError, Sentence, StorageError
from engine.storage import storage_error
from engine.transcription.results import Options, Segment

SUFFIX = ".earshot-journal"
_VERSION = 1


class OtherRunError(RequestError):
    """A journal is not of this recording, this model and these options."""


def run_key(source: Path, model_folder: Path, options: Options) -> dict[str, Any]:
    """What a journal is bound to: the content of the recording, the model, and what was asked. Raises StorageError."""
    try:
        with source.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(
            "{source} cannot be read ({reason}).", source=source, reason=(error.strerror or str(error)).lower()
        ) from error
    wanted = asdict(options)
    wanted.pop("batch")  # how many windows are decoded together does not change what is asked
    if options.speakers is None:
        wanted.pop("speakers")  # as it was before it could be asked
    return {
        "version": _VERSION,
        "source": {"bytes": source.stat().st_size, "sha256": digest},
        "model": {"name": model_folder.name, "sha256": _folder_digest(model_folder)},
        "options": wanted,
    }


class Journal:
    """Segments in a file of JSON lines, the run's key in the first.

    Raises StorageError when the file cannot be written, OtherRunError when it belongs to another run.
    """

    def __init__(self, path: Path, key: dict[str, Any], resume: bool) -> None:
        self.path = path
        self.segments = _read(path, key) if resume and os.path.exists(path) else []
        lines = [json.dumps(key), *map(_line, self.segments)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(path.name + ".new")
            self._file = open(fresh, "wb", opener=_open_private)  # noqa: SIM115
            self._file.write(("\n".join(lines) + "\n").encode())
            self._file.flush()
            fresh.replace(path)
        except OSError as error:
            raise storage_error(path, error) from error

    def add(self, segment: Segment) -> None:
        """Put a segment on disk; it is there when this returns. Raises StorageError."""
        try:
            self._file.write(_line(segment).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error
        self.segments.append(segment)

    def close(self) -> None:
        """Keep the file for a later run; one that holds nothing is removed."""
        if not self.segments:
            self._unlink()
        try:
            self._file.close()
        except OSError as error:  # what could not be flushed was reported by `add`
            raise storage_error(self.path, error) from error

    def remove(self) -> None:
        """The run is complete and its result is safe elsewhere."""
        self._unlink()
        self.close()

    def _unlink(self) -> None:
        """A run that hung and was left behind may end when another one has begun its own journal at the same place."""
        if self._file.closed:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path)):
                self.path.unlink()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def remove_old_journals(folder: Path, older_than_days: float) -> None:
    """Remove journals in a folder of Earshot's that nobody went on with: they hold what was said."""
    limit = time.time() - older_than_days * 86_400
    with contextlib.suppress(OSError):  # a folder that may not be read is no trouble
        for path in folder.glob(f"*{SUFFIX}*"):
            if path.stat().st_mtime < limit:
                path.unlink()


def interrupted_at_s(path: Path) -> float | None:
    """How far the run came whose journal lies at `path`; None when there is none or nothing was written down."""
    segments = _segments(_lines(path)[1:]) if os.path.exists(path) else []
    return segments[-1].end_s if segments else None


def _read(path: Path, key: dict[str, Any]) -> list[Segment]:
    lines = _lines(path)
    try:
        found = json.loads(lines[0]) if lines else key
    except json.JSONDecodeError:
        found = key if len(lines) <= 1 else {}
    for part, difference in (
        ("version", Sentence("was written by another version of Earshot")),
        ("source", Sentence("belongs to another recording, or the recording was changed")),
        ("model", Sentence("belongs to another model")),
        ("options", Sentence("was made with other options")),
    ):
        if found.get(part) != key[part]:
            raise OtherRunError(
                "The interrupted run in {path} {difference}: repeat it as it was, or start over without --resume.",
                path=path,
                difference=difference,
            )
    return _segments(lines[1:])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise StorageError(
            "{path} cannot be read ({reason}).", path=path, reason=(error.strerror or str(error)).lower()
        ) from error


def _segments(lines: list[str]) -> list[Segment]:
    """Whole lines only: the last one may have been cut when the run was killed."""
    segments: list[Segment] = []
    for line in lines:
        try:
            value = json.loads(line)
            spans = tuple((float(start), float(end)) for start, end in value["spans"])
            times = float(value["start"]), float(value["end"])
            speaker = value.get("speaker")
            segments.append(Segment(*times, str(value["text"]), spans, None if speaker is None else str(speaker)))
        except (ValueError, KeyError, TypeError, AttributeError):
            break
    return segments


def _line(segment: Segment) -> str:
    value: dict[str, Any] = {
        "start": segment.start_s,
        "end": segment.end_s,
        "text": segment.text,
        "spans": segment.spans,
    }
    if segment.speaker is not None:
        value["speaker"] = segment.speaker
    return json.dumps(value, ensure_ascii=False)


def _folder_digest(folder: Path) -> str:
    """The model's settings and the names and sizes of its files; hashing gigabytes of weights would take minutes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(os.fsencode(path.relative_to(folder)) + f" {path.stat().st_size}\n".encode())
    config = folder / "config.json"
    if config.exists():
        digest.update(config.read_bytes())
    return digest.hexdigest()
