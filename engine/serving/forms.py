"""Uploaded sound: one file and some fields, in a form."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from engine.serving.problems import ProblemError

MOST_SOUND_S = 3600.0
_PIECE_BYTES = 1 << 20
_MOST_FIELDS = 64
_LONGEST_NAME = 60
_MOST_FIELD_BYTES = 1 << 20


@dataclass(frozen=True)
class Upload:
    """A file that lies on the disk, under its own name, as long as the request runs, and the other fields."""

    path: Path
    fields: Mapping[str, tuple[str, ...]]

    def one(self, name: str, default: str = "") -> str:
        """A field that is given once."""
        values = self.fields.get(name, ())
        return values[-1] if values else default

    def many(self, name: str) -> tuple[str, ...]:
        """A field that may be given several times, as name or name[]."""
        return (*self.fields.get(name, ()), *self.fields.get(f"{name}[]", ()))


@contextlib.asynccontextmanager
async def uploaded(request: Request) -> AsyncGenerator[Upload]:
    """The sound of a form. Raises ProblemError for a request that is none or has no file."""
    try:
        form = await request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES)
    except (MultiPartException, HTTPException, ValueError, LookupError) as error:
        if isinstance(error, ProblemError):
            raise
        raise ProblemError(400, "The request is no form with a file in it.") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ProblemError(400, "There is no sound in the request: send a file.", param="file")
        fields: dict[str, tuple[str, ...]] = {}
        for key, value in form.multi_items():
            if isinstance(value, str):
                fields[key] = (*fields.get(key, ()), value)
        with tempfile.TemporaryDirectory(prefix="earshot-served-") as folder:
            path = Path(folder) / _harmless(file.filename or "")
            with path.open("wb") as kept:
                while piece := await file.read(_PIECE_BYTES):
                    kept.write(piece)
            yield Upload(path, fields)
    finally:
        await form.close()


def _harmless(name: str) -> str:
    """A file's name as the client said it, without what a name must not have."""
    kept = re.sub(r"[^\w .-]", "_", name.replace("\\", "/").rsplit("/", 1)[-1])[-_LONGEST_NAME:].lstrip(".")
    return kept or "sound"
