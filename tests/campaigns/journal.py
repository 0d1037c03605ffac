"""What was shown to a person, written down before anything else is done: it outlives the kill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """Lines of JSON, each on the disk before `write` returns."""

    def __init__(self, path: Path) -> None:
        """Go on behind the last whole line."""
        if path.exists():
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **entry: Any) -> None:
        """Add a line."""
        os.write(self._file, json.dumps(entry).encode() + b"\n")
        os.fsync(self._file)


def read_journal(path: Path) -> list[Entry]:
    """All lines that were written to their end."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]
